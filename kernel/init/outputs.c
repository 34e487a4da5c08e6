// SPDX-License-Identifier: Apache-2.0
/* How a panic reaches the outside, at any time from the command line on. */
#include "kernel/core/panic.h"
#include "kernel/dev/console.h"
#include "kernel/dev/power.h"
#include "kernel/drv/semihost/semihost.h"
#include "kernel/init/init.h"

// Before there is a UART the guest channel, if there is one, is the only way out.
static void write(const char *text, size_t len)
{
    if (console_has_device(console_system())) {
        console_panic_write(text, len);
    } else {
        (void)semihost_write(SEMIHOST_ERR, text, len);
    }
}

void init_outputs(void)
{
    static const struct panic_ops ops = {
        .write = write,
        .reset = power_reset,
        .exit = power_exit,
    };
    semihost_init();
    panic_set_ops(&ops);
}
