// SPDX-License-Identifier: Apache-2.0
#include "user/libswos/print.h"

#include <stdarg.h>

#include "abi/gen/syscall_stubs.h"
#include "lib/base/bits.h"
#include "lib/fmt/fmt.h"

void print_to(int handle, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    size_t len = fmt_format(line, sizeof(line), format, args);
    va_end(args);
    len = u64_min(len, sizeof(line) - 1);
    for (size_t done = 0; done < len;) {
        int64_t put = sys_write(handle, line + done, len - done);
        if (put <= 0) {
            return; // there is nowhere to say so
        }
        done += (size_t)put;
    }
}
