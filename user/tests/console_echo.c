// SPDX-License-Identifier: Apache-2.0
/* Copies the console's input back to it until it has seen as many bytes as its argument says. */
#include "abi/gen/syscall_stubs.h"
#include "user/libswos/number.h"
#include "user/libswos/print.h"

int main(int argc, char **argv)
{
    char bytes[256];
    uint64_t left = argc > 1 ? parse_number(argv[1]) : UINT64_MAX;
    print("ready\n");
    while (left > 0) {
        int64_t got =
            sys_console_read(STDIN_HANDLE, bytes, left < sizeof(bytes) ? left : sizeof(bytes));
        if (got <= 0) {
            return 1;
        }
        for (int64_t done = 0; done < got;) {
            int64_t put = sys_console_write(STDOUT_HANDLE, bytes + done, (uint64_t)(got - done));
            if (put <= 0) {
                return 1;
            }
            done += put;
        }
        left -= (uint64_t)got;
    }
    return 0;
}
