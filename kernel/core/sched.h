// SPDX-License-Identifier: Apache-2.0
/*
 * The scheduler: one run queue per CPU, fair scheduling by virtual deadline and a real-time class
 * above it (policy in lib/sched), placement at wake-up, stealing by idle CPUs.  There is no tick: a
 * CPU with one runnable thread is not interrupted, and one with none waits for an interrupt.
 *
 *   wake, start: choose a CPU: the waker's own if it is about to sleep and nobody waits there (threads
 *     that talk to each other stay together), else the last one if idle, any idle one, the last one
 *     -> queue there -> if the newcomer should run at once: NEED_RESCHED on the thread that runs
 *        there, and an IPI unless that CPU will look by itself
 *   switch: charge who ran, choose the best of the queue, switch stacks with the queue unlocked
 *   idle: steal from the longest queue; nothing to steal: wait for an interrupt
 *   slice timer: armed while somebody waits; sets NEED_RESCHED when the slice is used up, and calls
 *     an idle CPU that may run what waits
 *
 * Invariants:
 *  1. Those of thread.h.
 *  2. While more than the running thread wants the CPU, the slice timer is armed or NEED_RESCHED is
 *     set (an IPI that will do so may be on its way); except beside a THREAD_FIFO thread, which takes
 *     no turns.
 *  3. A CPU that waits for an interrupt has `is_waiting` set under its run queue lock after finding
 *     the queue empty; who queues a thread there clears it under the lock and sends the IPI.  So no
 *     thread waits on a sleeping CPU, and a burst of wake-ups costs one IPI.
 *
 * Locking: each run queue's lock (RANK_RUNQUEUE, interrupts masked) guards its fields and those of
 * the threads whose `cpu` it is.  No code holds two of them: a thread that goes from one queue to
 * another is off both in between, MOVING.  The lock is not held across the switch of stacks;
 * is_on_cpu of the thread left behind keeps others off its stack.
 *
 * What it does not do: it never moves a running thread for balance, only for affinity; it does not
 * balance queues by weight; it does not preempt kernel code (thread_preempt_point is where long
 * paths let others in).
 */
#pragma once

#include "kernel/core/thread.h"

// Boot, after cpu_init_boot and time_init: makes the running code the idle thread of CPU 0.
void sched_init_boot(void);

// The storage of that thread, for cpu_init_boot.
struct thread *sched_boot_thread(void);

// Boot: readies the run queue of a CPU whose idle thread stands; called as CPUs are added.
void sched_init_cpu(struct cpu *c);

// A CPU's idle loop; its first act as a scheduler.  On its idle thread, no lock held.
NORETURN void sched_run_idle(void);

// IPI_RESCHEDULE arrived.
void sched_reschedule_ipi(void);

// The address-space switch at a thread switch, handed over by mm; may be NULL on hosts.  Called with
// interrupts masked on the CPU itself when a thread with another user address space comes.  A thread
// without one leaves the last in place.
void sched_set_aspace_switch(void (*activate)(struct arch_aspace *));

// Makes sure that no CPU has `as` active any more; no thread of it may exist but the current one,
// which may be leaving it (its `aspace` field changed already).  Thread context, interrupts enabled,
// no spinlock held.
void sched_forget_aspace(struct arch_aspace *as);

// The current thread's aspace field was changed (exec, exit): activates it on this CPU.
void sched_aspace_changed(void);

struct sched_stats {
    uint64_t steals;     // threads pulled here by the idle CPU
    uint64_t migrations; // threads that came from another CPU, by wake-up, steal or affinity
    uint64_t ipis;       // reschedule IPIs received
    nsec_t user_ns;      // time in user mode, since the CPU was ready to schedule
    nsec_t system_ns;    // in the kernel, for whomever
    nsec_t idle_ns;      // in the idle thread, with the interrupts that came there
    unsigned queued;     // threads waiting for the CPU now
};
void sched_cpu_stats(const struct cpu *c, struct sched_stats *out);
