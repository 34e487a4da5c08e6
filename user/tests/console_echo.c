// SPDX-License-Identifier: Apache-2.0
/*
 * Copies standard input back until it has seen as many bytes as its argument says; on a terminal byte
 * by byte, without the terminal's own echo.
 */
#include "abi/gen/syscall_stubs.h"
#include "abi/termios.h"
#include "user/libswos/number.h"
#include "user/libswos/print.h"

static void make_raw(void)
{
    struct abi_termios t = {};
    if (sys_ioctl(STDIN_HANDLE, ABI_TCGETS, (uintptr_t)&t) == 0) {
        t.input &= ~(uint32_t)ABI_IXON;
        t.local &= ~(uint32_t)(ABI_ICANON | ABI_ECHO | ABI_ISIG);
        (void)sys_ioctl(STDIN_HANDLE, ABI_TCSETS, (uintptr_t)&t);
    }
}

int main(int argc, char **argv)
{
    char bytes[256];
    uint64_t left = argc > 1 ? parse_number(argv[1]) : UINT64_MAX;
    make_raw();
    print("ready\n");
    while (left > 0) {
        int64_t got = sys_read(STDIN_HANDLE, bytes, left < sizeof(bytes) ? left : sizeof(bytes));
        if (got <= 0) {
            return 1;
        }
        for (int64_t done = 0; done < got;) {
            int64_t put = sys_write(STDOUT_HANDLE, bytes + done, (uint64_t)(got - done));
            if (put <= 0) {
                return 1;
            }
            done += put;
        }
        left -= (uint64_t)got;
    }
    return 0;
}
