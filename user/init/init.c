// SPDX-License-Identifier: Apache-2.0
/*
 * The first process: it collects ended children for ever.  The login that it will supervise comes
 * with the shell.
 */
#include "abi/gen/syscall_stubs.h"
#include "lib/base/types.h"
#include "user/libswos/print.h"

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print("swift-os: up, nothing to run yet; Ctrl-A X leaves QEMU\n");
    for (;;) {
        if (sys_wait_child(-1, NULL, 0) == ERR_CHILD) {
            sys_sleep_until(NSEC_NEVER);
        }
    }
}
