// SPDX-License-Identifier: Apache-2.0
/*
 * What the platform's firmware (or an emulator that listens) does with the whole machine and with
 * single CPUs.  Drivers hand their functions over while they are probed; until then, and where a
 * platform cannot, every function returns.  Any context: a panic uses them too.
 */
#pragma once

#include "kernel/core/cpu.h"
#include "kernel/core/panic.h"

struct power_ops {
    void (*off)(void);
    void (*reset)(void);
    struct cpu_start_ops cpu;
};

// `ops` lives for ever.
void power_set_ops(const struct power_ops *ops);

// Switch the machine off, or start it again, once the console has sent what is queued.  They return
// only if that is not possible.
void power_off(void);
void power_reset(void);

// For cpu_start_all.  Without a driver each start gives ERR_NODEV.
const struct cpu_start_ops *power_cpu_ops(void);

// Ends the emulator that runs the machine, with an exit status for who started it (0 to 255).
// Returns if nobody listens.
void power_set_exit(void (*exit)(int status));
void power_exit(int status);
