// SPDX-License-Identifier: Apache-2.0
/*
 * Threads: what the scheduler runs.  The storage is the caller's (kernel/mm/kthread.h allocates
 * kernel threads, kernel/proc user threads).
 *
 *   NEW --thread_start--> RUNNABLE <--picked/preempted--> RUNNING --wait_sleep--> SLEEPING
 *                             ^------------ wake ---------------------------------|
 *   RUNNING --thread_exit--> DEAD --(the next thread on that CPU, off its stack)--> ops->reap
 *
 * Locking: `state`, `cpu`, and everything the run queue needs belong to the run queue lock of the
 * thread's CPU; work flags are atomic.
 */
#pragma once

#include "kernel/core/cpu.h"
#include "kernel/core/wait.h"
#include "lib/base/refcount.h"
#include "lib/sched/fair.h"

enum thread_state {
    THREAD_NEW,
    THREAD_RUNNABLE,
    THREAD_RUNNING,
    THREAD_SLEEPING,
    THREAD_DEAD,
};

// Work flags in arch_thread.flags, looked at on the way to user mode.
enum {
    THREAD_NEED_RESCHED = 1u << 0, // give up the CPU
    THREAD_KILLED = 1u << 1,       // leave for thread exit; ends interruptible sleeps
    THREAD_SIGNALLED = 1u << 2,    // signals to deliver; ends interruptible sleeps
};

enum { THREAD_NAME_SIZE = 32 };

struct thread_ops {
    // Called off the dead thread's stack, in thread context of another thread, interrupts enabled,
    // no locks: may free the thread, its stack and anything.
    void (*reap)(struct thread *t);
};

struct thread {
    struct arch_thread arch;         // first: assembly knows it
    char name[THREAD_NAME_SIZE];     // [I]
    const struct thread_ops *ops;    // [I] NULL: never freed
    struct process *process;         // [I] NULL: kernel thread
    struct arch_aspace *aspace;      // [I] user address space; NULL: none
    vaddr_t stack_base;              // [I] lowest byte of the kernel stack
    size_t stack_size;               // [I]
    enum thread_state state;         // [run queue lock]
    struct cpu *cpu;                 // [run queue lock] where it runs or last ran
    struct fair_entity fair;         // [run queue lock] virtual time, weight
    struct list link;                // [run queue lock] real-time queue or reap list
    struct cpu_set *affinity;        // [run queue lock] NULL: any CPU
    bool wake_pending;               // [run queue lock] woken while about to sleep
    nsec_t run_ns;                   // [run queue lock] CPU time used
    uint64_t switches;               // [run queue lock]
    struct lock_held held;           // [c] ranks held; empty in release builds
};

static inline struct thread *thread_current(void)
{
    return arch_current();
}

// Fills `t` with a kernel thread that will run entry(arg) on the stack [base, base + size) and then
// exit.  `name` is copied.  Takes the storage until ops->reap.
void thread_init(struct thread *t, const char *name, void *stack, size_t stack_size,
                 void (*entry)(void *), void *arg, const struct thread_ops *ops);

// Makes a NEW thread runnable on the CPU that suits it best.
void thread_start(struct thread *t);

// Ends the current thread.
NORETURN void thread_exit(void);

// Wakes a thread that sleeps (or is about to).  True if it did anything.  Any context.
bool thread_wake(struct thread *t);

// Sets a work flag and makes sure that the thread notices soon: interrupts its sleep if that is
// interruptible, sends its CPU an IPI if it runs user code there.
void thread_notify(struct thread *t, uint32_t flag);

// Gives up the CPU to others that are runnable, if any.
void thread_yield(void);

// Sleeps until the deadline.  ERR_INTR with WAIT_INTERRUPTIBLE.
status_t thread_sleep_until(nsec_t deadline, enum wait_flags flags);

// A long kernel path calls this every few hundred microseconds: lets others run if they should.
void thread_preempt_point(void);

// Allows the thread on the CPUs in `set` only (borrowed for the thread's life; NULL: all); moves it
// at once if it stands elsewhere.  ERR_INVAL: no CPU of the set is online.
status_t thread_set_affinity(struct thread *t, struct cpu_set *set);

// Priority: a nice value -20..19 for the fair class.
void thread_set_nice(struct thread *t, int nice);
