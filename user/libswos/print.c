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
    sys_console_write(handle, line, u64_min(len, sizeof(line) - 1));
}
