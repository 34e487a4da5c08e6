// SPDX-License-Identifier: Apache-2.0
/* The kernel's drivers for the simulated machine, and its boot. */
#pragma once

#include "kernel/arch/host/host.h"
#include "kernel/core/cpu.h"

// Brings the kernel's core up with CPU 0 running.  Called by host_run's boot function; the caller
// is the idle thread of CPU 0 afterwards.
void machine_boot(unsigned cpus);

// Then gives it memory, with the allocators.
void machine_memory(void);

// Starts the other CPUs; in a thread.
void machine_start_cpus(void);

// A thread that tests do not wait for.
void machine_thread(const char *name, void (*entry)(void *), void *arg);

// Calls fn(arg) and gives true if it panicked, with the message in `message` (may be NULL).  What fn
// held stays as it was.
bool machine_panics(void (*fn)(void *), void *arg, const char **message);
