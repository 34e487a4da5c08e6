// SPDX-License-Identifier: Apache-2.0
/*
 * Threads: what the scheduler runs.  The storage is the caller's (kernel/mm/kthread.h allocates
 * kernel threads, kernel/proc user threads).
 *
 *   NEW --thread_start--> RUNNABLE <--picked / preempted, yields--> RUNNING --thread_park--> SLEEPING
 *                             ^---- (MOVING) ------ thread_wake -------------------------------|
 *   RUNNING --thread_exit--> DEAD --(a worker, off its stack)--> ops->reap
 *
 * Sleeping is by permit: thread_wake gives a thread a permit (wake_pending) or, if it sleeps, wakes
 * it; thread_park consumes a permit or sleeps.  At most one permit is kept.  So a wake that comes
 * between a thread's last look at its condition and its sleep is never lost, and the price is that
 * thread_park may return for no reason the caller knows: it is called in a loop.
 *
 * Invariants:
 *  1. A thread that is RUNNABLE waits on exactly one run queue; one that is MOVING is on none, in the
 *     hands of whoever will put it on one; one that is RUNNING is the `current` of exactly one.
 *  2. `cpu` changes only under the run queue lock of the CPU that it names, by who then puts the
 *     thread on the new CPU's queue.  So it is locked by: read it, lock that queue, read it again.
 *  3. `is_on_cpu` is set before the thread's stack is switched to and cleared (release) after it was
 *     left.  Nobody runs the thread elsewhere before having read false (acquire).
 *
 * CPU time is counted in ticks of the counter, in two words of struct arch_thread.  `run_base` is what the
 * thread has used while it is off the CPU, and that less the counter while it is on one: only the switch
 * changes it.  `system` is twice what was used in the kernel while the thread is in user mode; in the
 * kernel it is that less twice the CPU time, plus 1.  So each way in and out is one addition to one word,
 * a switch costs the split nothing, and who holds the run queue's lock can read both at any time.  System
 * calls that do next to nothing (`short` in abi/syscalls.tbl) do not count: their time is the user's.
 *
 * Locking: what is marked [run queue lock] belongs to the run queue of `cpu`, see sched.h; work flags
 * are atomic.
 * Lifetimes: the storage belongs to core from thread_init until ops->reap is called.  Others who
 * keep a pointer keep the thread alive by means of their own (a waiter on a queue, a reference).
 */
#pragma once

#include "kernel/core/cpu.h"
#include "kernel/core/wait.h"
#include "kernel/core/worker.h"
#include "lib/sched/fair.h"
#include "lib/sched/rt.h"

enum thread_state {
    THREAD_NEW,
    THREAD_RUNNING,
    THREAD_RUNNABLE, // on the queue of its CPU
    THREAD_MOVING,   // about to be RUNNABLE: in the hands of who makes it so
    THREAD_SLEEPING,
    THREAD_DEAD,
};

// Work flags in arch_thread.flags, looked at on the way to user mode.
enum {
    THREAD_NEED_RESCHED = 1u << 0, // give up the CPU
    THREAD_KILLED = 1u << 1,       // leave for thread exit; ends interruptible sleeps
    THREAD_SIGNALLED = 1u << 2,    // signals to deliver; ends interruptible sleeps
    THREAD_CPU_TIMED = 1u << 3,    // timers of CPU time rest while it sleeps
};

enum thread_policy {
    THREAD_FAIR,        // shares by weight
    THREAD_FIFO,        // real-time: runs until it sleeps or a higher priority comes
    THREAD_ROUND_ROBIN, // real-time: takes turns with its equals
    THREAD_IDLE,        // a CPU's idle thread, never queued
};

enum { THREAD_NAME_SIZE = 32 };

struct thread_ops {
    // Called once the dead thread is off its stack for good, in thread context of a worker,
    // interrupts enabled, no locks: may free the thread, its stack and anything.
    void (*reap)(struct thread *t);
};

struct thread {
    struct arch_thread arch;      // first: assembly knows it
    char name[THREAD_NAME_SIZE];  // [I]
    const struct thread_ops *ops; // [I] NULL: nobody is told when it is dead
    struct process *process;      // [I] NULL: kernel thread
    struct arch_aspace *aspace;   // [I] user address space; NULL: none
    vaddr_t stack_base;           // [I] lowest byte of the kernel stack
    size_t stack_size;            // [I]
    void (*entry)(void *);        // [I]
    void *argument;               // [I]
    struct cpu *_Atomic cpu;      // [run queue lock, read anywhere] where it runs or last ran
    _Atomic bool is_on_cpu;       // [a] a CPU is on its stack
    enum thread_state state;      // [run queue lock]
    enum thread_policy policy;    // [run queue lock]
    bool is_plain;                // [run queue lock] THREAD_FAIR and allowed everywhere
    uint8_t is_leaving;           // [c] dies or moves away in the switch that is being done
    bool wake_pending;            // [run queue lock] the permit
    int nice;                     // [run queue lock]
    struct fair_entity fair;      // [run queue lock] THREAD_FAIR
    struct rt_entity rt;          // [run queue lock] THREAD_FIFO, THREAD_ROUND_ROBIN
    struct cpu_set *affinity;     // [run queue lock] NULL: any CPU; what it points to never changes
    uint64_t run_awake;           // [run queue lock] ticks it had used when it slept last
    uint64_t user_noted;          // [run queue lock] ticks in user mode that its CPUs know of
    nsec_t burst_ns;              // [run queue lock] how long it runs between sleeps, roughly
    struct work reap;             // carries a dead thread to the worker
    struct lock_held held;        // [c] locks held; empty in release builds
};

static inline struct thread *thread_current(void)
{
    return arch_current();
}

static inline uint32_t thread_flags(const struct thread *t)
{
    return __atomic_load_n(&t->arch.flags, __ATOMIC_ACQUIRE);
}

// Whether a kill or signal is pending, which ends interruptible sleeps.
static inline bool thread_is_notified(const struct thread *t)
{
    return (thread_flags(t) & (THREAD_KILLED | THREAD_SIGNALLED)) != 0;
}

// Clears work flags of the current thread (it has done the work, or will).
void thread_clear_flags(uint32_t flags);

// Fills `t` with a kernel thread of nice 0 that will run entry(arg) on the stack [stack, stack +
// size) and exit when entry returns.  `name` is copied and cut.  The caller sets ops and, for a
// user thread, process, aspace and what is beside them before thread_start.
void thread_init(struct thread *t, const char *name, void *stack, size_t stack_size,
                 void (*entry)(void *), void *arg);

// Fills `t` with the idle thread of the CPU numbered `index`, for code that runs already (boot).
void thread_init_idle(struct thread *t, unsigned index);

// Makes a NEW thread runnable on the CPU that suits it best.
void thread_start(struct thread *t);

// Ends the current thread.  No lock held.
NORETURN void thread_exit(void);

// Wakes a thread that sleeps, or gives it the permit not to sleep next time.  False if it was dead,
// new, or had the permit already.  Any context.
bool thread_wake(struct thread *t);

// Sleeps until thread_wake, also one that came since the last thread_park; may return without one.
// For building what wait.h does not offer.  No spinlock held, interrupts enabled.
void thread_park(void);

// Sets a work flag and makes sure that the thread notices soon: interrupts its sleep if that is
// interruptible, sends its CPU an IPI if it runs elsewhere.  Any context.
void thread_notify(struct thread *t, uint32_t flag);

// Sets a work flag if the thread sleeps, without waking it: it will notice on its way to user mode.
// False: it does not sleep.  Any context.
bool thread_mark_asleep(struct thread *t, uint32_t flag);

// Gives the rest of the time slice to others that are runnable on this CPU, if any.
void thread_yield(void);

// Sleeps until the deadline.  OK when it has passed, ERR_INTR with WAIT_INTERRUPTIBLE.
status_t thread_sleep_until(nsec_t deadline, enum wait_flags flags);

// A long kernel path calls this every few hundred microseconds: lets others run if they should.
// Costs two instructions when not.
static ALWAYS_INLINE void thread_preempt_point(void);

// Allows the thread on the CPUs in `set` only (borrowed until a later call gives it back or the thread
// ends; NULL: all) and gives the set that it had, so that of several callers at once each gets another
// one back.  If the thread stands elsewhere it moves at once; the current one at its next preemption
// point.  ERR_INVAL: no CPU of the set is online, *old is as it was.  Any context.
status_t thread_swap_affinity(struct thread *t, struct cpu_set *set, struct cpu_set **old);

// The same for who keeps its sets itself; the current thread has moved when it returns.
status_t thread_set_affinity(struct thread *t, struct cpu_set *set);

// Fills `out`, whose bits are the caller's, with the online CPUs that the thread is allowed on.
void thread_get_affinity(struct thread *t, struct cpu_set *out);

// The nice value, -20 (most) to 19 (clamped): its weight in the fair class, also when it comes back
// there.  Any thread that is not dead.
void thread_set_nice(struct thread *t, int nice);

// A place in the fair class.
void thread_set_fair(struct thread *t);

// A place in the real-time class: THREAD_FIFO or THREAD_ROUND_ROBIN with a priority below
// RT_PRIORITIES, higher runs first.  ERR_INVAL.
status_t thread_set_realtime(struct thread *t, enum thread_policy policy, uint32_t priority);

struct thread_class {
    enum thread_policy policy;
    uint32_t priority; // of the real-time class
    int nice;
};
struct thread_class thread_get_class(struct thread *t);

// The class of the current thread for a NEW one.
void thread_inherit_class(struct thread *t);

// How long a thread of that policy runs before its equals do; 0: for ever.
nsec_t thread_slice(enum thread_policy policy);

// CPU time that the thread has used, and how much of it in the kernel.
struct thread_times {
    nsec_t run;
    nsec_t system;
};
struct thread_times thread_times(struct thread *t);
nsec_t thread_run_time(struct thread *t);

// Gives up the CPU because THREAD_NEED_RESCHED asks for it (sched.c).
void sched_preempt(void);

static ALWAYS_INLINE void thread_preempt_point(void)
{
    if (UNLIKELY((thread_flags(thread_current()) & THREAD_NEED_RESCHED) != 0)) {
        sched_preempt();
    }
}
