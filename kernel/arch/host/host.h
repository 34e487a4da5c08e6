// SPDX-License-Identifier: Apache-2.0
/*
 * A simulated machine inside one host thread, so that the machine-independent kernel runs under
 * sanitizers and every run can be repeated.
 *
 * Each simulated CPU is on some kernel thread's stack.  One CPU goes on at a time; at points in
 * between (any operation of arch_inline.h) a generator with a fixed seed decides whether another one
 * goes on instead.  So all interleavings at those points can happen, and a seed repeats one of them.
 * A CPU that spins lets others go on.
 *
 * Time is simulated: each such point takes a few ticks, and when all CPUs wait for interrupts it
 * jumps to the next timer.  When there is none, nothing can ever happen again: the machine reports
 * what each CPU does and ends the process.
 *
 * Interrupts are numbered lines of each CPU.  A CPU takes them where it has interrupts enabled and
 * does something that is such a point.  The kernel's interrupt controller for this machine calls
 * host_irq_take until it gives no more.
 */
#pragma once

#include "kernel/arch/arch.h"

enum {
    HOST_CPUS_MAX = 64,
    HOST_LINES = 64, // interrupt lines of a CPU
    HOST_LINE_TIMER = 16,
    HOST_LINE_IPI = 0, // and those that follow
};

// Starts the simulation of `cpus` CPUs: `boot` runs on CPU 0, interrupts masked, and does not return
// (the process ends by exit).  Of `one_in` chances to let another CPU go on one is taken.
NORETURN void host_run(unsigned cpus, uint64_t seed, unsigned one_in, void (*boot)(void));

// A stack of HOST_STACK_SIZE bytes for a thread of this machine.
void *host_stack_alloc(void);
void host_stack_free(void *stack);

// Makes CPU `index` start kernel_secondary_main on the idle thread that the last
// arch_secondary_argument named.
void host_cpu_start(unsigned index, uint64_t argument);

unsigned host_cpu(void); // that runs now

// Raises a line of a CPU; it stays pending until taken.
void host_irq_raise(unsigned cpu, unsigned line);

// Takes a pending line of this CPU; false: none.
bool host_irq_take(unsigned *line);

// The timer of this CPU: raises HOST_LINE_TIMER when the counter reaches `ticks`.
void host_timer_arm(uint64_t ticks);
void host_timer_disarm(void);

// Lets `ticks` pass as if the running code had worked so long; interrupts come meanwhile.
void host_work(uint64_t ticks);

// Whether a thread is never switched to again; the kernel side knows.
extern bool (*host_thread_is_dead)(const struct arch_thread *t);

// Points at which another CPU could have gone on, so far: tells whether two runs took one course.
uint64_t host_steps(void);
