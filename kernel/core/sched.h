// SPDX-License-Identifier: Apache-2.0
/*
 * The scheduler: one run queue per CPU, fair scheduling by virtual deadline (policy in lib/sched),
 * a real-time class above it, placement at wake-up, stealing by idle CPUs.  A CPU that has nothing
 * to do waits for an interrupt without a tick.
 */
#pragma once

#include "kernel/core/thread.h"

// A set of CPUs of any number: a bitmap in the caller's storage.
struct cpu_set {
    size_t words;
    uint64_t *bits;
};

// Boot: makes the running code the idle thread of CPU 0.
void sched_init_boot(void);

// A secondary CPU's first act as a scheduler; then its idle loop.  Interrupts masked.
NORETURN void sched_run_idle(void);

// Gives the CPU to the best runnable thread.  Called by sleep, exit, yield, preemption.
void sched_switch(void);

// From the way to user mode and from preemption points.
void sched_preempt(void);

// What a thread does before its first instruction of C (called by the entry trampoline): finishes
// the switch that brought it on the CPU and enables interrupts.
void sched_finish_first_switch(struct thread *previous);

// The address-space switch at a thread switch, handed over by mm; may be NULL on hosts.
void sched_set_aspace_switch(void (*activate)(struct arch_aspace *as));

struct sched_stats {
    uint64_t switches;
    uint64_t steals;
    uint64_t migrations;
    nsec_t idle_ns;
};
void sched_cpu_stats(const struct cpu *c, struct sched_stats *out);
