// SPDX-License-Identifier: Apache-2.0
/*
 * A CPU's run queue, shared by sched.c, runqueue.c, placement.c and thread.c.  The theory is in
 * sched.h.
 */
#pragma once

#include "kernel/core/sched.h"
#include "kernel/core/time.h"

// How urgent what a CPU runs is, in one number.
enum {
    LEVEL_IDLE = 0,
    LEVEL_FAIR = 1,
    LEVEL_REALTIME = 2, // plus the priority
};

constexpr nsec_t ROUND_ROBIN_NS = 10 * NSEC_PER_MSEC;

struct run_queue {
    struct spinlock lock;
    _Atomic unsigned queued;            // [l, read anywhere] threads waiting
    _Atomic unsigned level;             // [l, read anywhere] of `current`
    _Atomic bool is_waiting;            // [l, cleared by the idle thread] idle and about to wait
    bool is_called;                     // [l] an IPI to arm the slice timer is on its way
    bool is_turn_over;                  // [l] the real-time thread that runs goes behind its equals
    struct thread *current;             // [l] what runs, or is about to
    struct thread *idle;                // [I]
    struct cpu *cpu;                    // [I]
    nsec_t charged;                     // [l] up to when `current` has paid
    nsec_t online_since;                // [l] when its idle thread began; 0: it has not
    uint64_t user_ticks;                // [l] that threads have spent here in user mode
    struct fair_queue fair;             // [l]
    struct rt_queue rt;                 // [l]
    struct timer slice;                 // expires when the running thread may have used its slice
    nsec_t slice_end;                   // [l] when that is; 0: not armed
    nsec_t turn_start;                  // [l] when `current` came, if it is real-time
    struct arch_aspace *_Atomic active; // [c, read anywhere] user address space that is in place
    struct sched_stats stats;           // [l]
};
extern PERCPU(struct run_queue, run_queue);

// CPUs whose level is LEVEL_IDLE: a hint that spares a search.
extern _Atomic unsigned sched_idle_count;

static inline struct run_queue *rq_of(const struct cpu *c)
{
    return cpu_var(c, run_queue);
}

static inline struct run_queue *rq_here(void)
{
    return this_cpu(run_queue);
}

static inline bool thread_is_allowed(const struct thread *t, const struct cpu *c)
{
    return LIKELY(t->affinity == NULL) || cpu_set_has(t->affinity, c->index);
}

static inline void thread_set_flags(struct thread *t, uint32_t flags)
{
    // Release: who sees the flag sees what it announces; pairs with the acquire of thread_flags.
    (void)__atomic_fetch_or(&t->arch.flags, flags, __ATOMIC_RELEASE);
}

/* ---- runqueue.c: one queue, locked, interrupts masked ---- */

// The run queue of the thread's CPU, locked.
struct run_queue *rq_lock_thread(struct thread *t);

// Ticks that a thread has used up to now, and those of them in the kernel; rq is that of its CPU.
struct rq_ticks {
    uint64_t run;
    uint64_t system;
};
struct rq_ticks rq_ticks_of(struct run_queue *rq, const struct thread *t) REQUIRES(rq -> lock);

// Charges the thread that runs, which is not of the fair class, for `ran` of CPU time.
void rq_charge_other(struct run_queue *rq, nsec_t ran) REQUIRES(rq -> lock);

// The fair thread that runs has used its slice up: it gives way if anybody waits.
void rq_slice_used(struct run_queue *rq) REQUIRES(rq -> lock);

// Notes that the CPU was used up to `now`; gives the time since the last note.
static ALWAYS_INLINE nsec_t rq_note_time(struct run_queue *rq, nsec_t now) REQUIRES(rq -> lock)
{
    nsec_t ran = now - rq->charged;
    rq->charged = now;
    return ran;
}

// Charges the thread that runs for its time up to `now`.
static ALWAYS_INLINE void rq_charge(struct run_queue *rq, nsec_t now) REQUIRES(rq -> lock)
{
    nsec_t ran = rq_note_time(rq, now);
    if (UNLIKELY(rq->current->policy != THREAD_FAIR)) {
        rq_charge_other(rq, ran);
    } else if (UNLIKELY(fair_charge(&rq->fair, ran))) {
        rq_slice_used(rq);
    }
}

// Adds a MOVING thread whose cpu is this one's, and lets it preempt.  Taken off it is MOVING again.
void rq_enqueue(struct run_queue *rq, struct thread *t) REQUIRES(rq -> lock);
void rq_dequeue(struct run_queue *rq, struct thread *t) REQUIRES(rq -> lock);

// Chooses what runs after `prev`, which then waits (stays) or has the state that its end or sleep
// gave it.
struct thread *rq_choose(struct run_queue *rq, struct thread *prev, bool stays)
    REQUIRES(rq -> lock);

// The policy or priority of the thread that runs has changed.
void rq_level_changed(struct run_queue *rq) REQUIRES(rq -> lock);

// Makes the thread that runs there give up the CPU soon.
void rq_request_resched(struct run_queue *rq) REQUIRES(rq -> lock);

// Sets this CPU's slice timer for the thread that runs, if somebody waits.
void rq_arm_slice(struct run_queue *rq, nsec_t now) REQUIRES(rq -> lock);
void rq_slice_expired(struct timer *timer);

/* ---- placement.c: between queues ---- */

// Puts a MOVING thread where it should run; rq is that of its cpu, locked.
void rq_send(struct run_queue *rq, struct thread *t) RELEASES(rq -> lock);

// Tries to pull a thread from another CPU to this one, which is idle.  No lock held.
void rq_steal(struct run_queue *rq);

// A CPU that waits for an interrupt and may run something that waits on `rq`; NULL: none at hand.
struct cpu *rq_find_helper(struct run_queue *rq) REQUIRES(rq -> lock);

// Wakes that CPU, which steals before it waits again.  No lock held.
void rq_call_helper(struct cpu *c);
