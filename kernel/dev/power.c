// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/power.h"

struct power {
    const struct power_ops *ops; // [I] NULL: no driver
    void (*exit)(int status);    // [I] NULL: nobody listens
};
static struct power power;

void power_set_ops(const struct power_ops *ops)
{
    power.ops = ops;
}

void power_off(void)
{
    if (power.ops != NULL) {
        power.ops->off();
    }
}

void power_reset(void)
{
    if (power.ops != NULL) {
        power.ops->reset();
    }
}

const struct cpu_start_ops *power_cpu_ops(void)
{
    return power.ops != NULL ? &power.ops->cpu : NULL;
}

void power_set_exit(void (*exit)(int status))
{
    power.exit = exit;
}

void power_exit(int status)
{
    if (power.exit != NULL) {
        power.exit(status);
    }
}
