// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/power.h"

#include "kernel/dev/console.h"

struct power {
    const struct power_ops *ops; // [I] NULL: no driver
    void (*exit)(int status);    // [I] NULL: nobody listens
};
static struct power power;

void power_set_ops(const struct power_ops *ops)
{
    power.ops = ops;
}

// The last lines would die in the transmit ring.  A panic has its own way to the wire.
static void flush_console(void)
{
    if (!panic_is_active()) {
        console_flush(console_system());
    }
}

void power_off(void)
{
    flush_console();
    if (power.ops != NULL) {
        power.ops->off();
    }
}

void power_reset(void)
{
    flush_console();
    if (power.ops != NULL) {
        power.ops->reset();
    }
}

static status_t cannot_start(uint64_t, paddr_t, uint64_t)
{
    return ERR_NODEV;
}

const struct cpu_start_ops *power_cpu_ops(void)
{
    static const struct cpu_start_ops none = {.start = cannot_start};
    return power.ops != NULL ? &power.ops->cpu : &none;
}

void power_set_exit(void (*exit)(int status))
{
    power.exit = exit;
}

void power_exit(int status)
{
    flush_console();
    if (power.exit != NULL) {
        power.exit(status);
    }
}
