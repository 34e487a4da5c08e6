// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/runqueue_priv.h"

#include "lib/base/bits.h"

// Slices shorter than this are not worth an interrupt.
constexpr nsec_t SLICE_MIN_NS = 100 * NSEC_PER_USEC;

PERCPU(struct run_queue, run_queue);
_Atomic unsigned sched_idle_count;

struct run_queue *rq_lock_thread(struct thread *t) NO_THREAD_ANALYSIS
{
    for (;;) {
        struct cpu *c = atomic_load_explicit(&t->cpu, memory_order_relaxed);
        struct run_queue *rq = rq_of(c);
        spin_lock(&rq->lock);
        if (LIKELY(atomic_load_explicit(&t->cpu, memory_order_relaxed) == c)) {
            return rq;
        }
        spin_unlock(&rq->lock);
    }
}

struct rq_ticks rq_ticks_of(struct run_queue *rq, const struct thread *t)
{
    // Before the counter, so that a time in the kernel that has begun has not begun in the future.
    uint64_t system = __atomic_load_n(&t->arch.system, __ATOMIC_RELAXED);
    uint64_t run = t->arch.run_base + (t == rq->current ? arch_counter() : 0);
    uint64_t used = (uint64_t)((int64_t)system >> 1) + ((system & 1) != 0 ? run : 0);
    return (struct rq_ticks){.run = run, .system = u64_min(used, run)};
}

static bool is_realtime(const struct thread *t)
{
    return t->policy == THREAD_FIFO || t->policy == THREAD_ROUND_ROBIN;
}

static unsigned level_of(const struct thread *t)
{
    switch (t->policy) {
    case THREAD_FAIR: return LEVEL_FAIR;
    case THREAD_FIFO:
    case THREAD_ROUND_ROBIN: return LEVEL_REALTIME + t->rt.priority;
    case THREAD_IDLE: break;
    }
    return LEVEL_IDLE;
}

static unsigned queued(const struct run_queue *rq)
{
    return rq->fair.waiting + rq->rt.waiting;
}

static void publish_queued(struct run_queue *rq)
{
    atomic_store_explicit(&rq->queued, queued(rq), memory_order_relaxed);
}

void rq_charge_other(struct run_queue *rq, nsec_t ran)
{
    if (rq->current->policy == THREAD_IDLE) {
        rq->stats.idle_ns += ran;
    }
}

void rq_slice_used(struct run_queue *rq)
{
    if (queued(rq) != 0) {
        rq_request_resched(rq);
    }
}

/* ---- Slices ---- */

void rq_arm_slice(struct run_queue *rq, nsec_t now)
{
    const struct thread *t = rq->current;
    nsec_t left;
    if (t->policy == THREAD_FAIR) {
        left = fair_slice_left(&rq->fair);
    } else if (t->policy == THREAD_ROUND_ROBIN) {
        nsec_t used = now - rq->turn_start;
        left = used < ROUND_ROBIN_NS ? ROUND_ROBIN_NS - used : 0;
    } else {
        return; // nobody takes turns with it
    }
    nsec_t end = now + u64_max(left, SLICE_MIN_NS);
    // A timer that fires too early is set anew then; moving it at every switch would cost more.
    if (rq->slice_end == 0 || end + FAIR_SLICE_NS / 4 < rq->slice_end) {
        rq->slice_end = end;
        timer_start(&rq->slice, end);
    }
}

void rq_slice_expired(struct timer *timer)
{
    struct run_queue *rq = container_of(timer, struct run_queue, slice);
    spin_lock(&rq->lock);
    nsec_t now = time_now();
    rq->slice_end = 0;
    rq_charge(rq, now);
    struct cpu *helper = NULL;
    if (queued(rq) != 0) {
        helper = rq_find_helper(rq);
        if (rq->current->policy == THREAD_ROUND_ROBIN && now - rq->turn_start >= ROUND_ROBIN_NS) {
            rq->is_turn_over = true;
            rq->turn_start = now;
            rq_request_resched(rq);
        }
        rq_arm_slice(rq, now);
    }
    spin_unlock(&rq->lock);
    if (helper != NULL) {
        rq_call_helper(helper);
    }
}

/* ---- In and out ---- */

void rq_request_resched(struct run_queue *rq)
{
    struct thread *t = rq->current;
    if ((thread_flags(t) & THREAD_NEED_RESCHED) != 0) {
        return; // whoever set it also made sure that it is seen
    }
    thread_set_flags(t, THREAD_NEED_RESCHED);
    if (rq != rq_here()) {
        cpu_send_ipi(rq->cpu, IPI_RESCHEDULE);
    }
}

static bool preempts(const struct run_queue *rq, const struct thread *t)
{
    unsigned running = level_of(rq->current);
    unsigned level = level_of(t);
    if (running != LEVEL_FAIR || level != LEVEL_FAIR) {
        return level > running;
    }
    return fair_preempts(&rq->fair, &t->fair);
}

// Lets this queue's CPU know about the newcomer, as cheaply as will do.
static void notice(struct run_queue *rq, struct thread *t) REQUIRES(rq -> lock)
{
    bool is_here = rq == rq_here();
    if (rq->current == rq->idle) {
        // An idle CPU that does not wait yet looks at its queue before it does.
        if (!is_here && atomic_load_explicit(&rq->is_waiting, memory_order_relaxed)) {
            atomic_store_explicit(&rq->is_waiting, false, memory_order_relaxed);
            cpu_send_ipi(rq->cpu, IPI_RESCHEDULE);
        }
    } else if (preempts(rq, t)) {
        rq_request_resched(rq);
    } else if (is_here) {
        rq_arm_slice(rq, rq->charged);
    } else if (rq->slice_end == 0 && !rq->is_called) {
        rq->is_called = true; // its slice timer is its own to arm
        cpu_send_ipi(rq->cpu, IPI_RESCHEDULE);
    }
}

void sched_reschedule_ipi(void)
{
    struct run_queue *rq = rq_here();
    spin_lock(&rq->lock);
    rq->stats.ipis++;
    rq->is_called = false;
    if (queued(rq) != 0 && rq->slice_end == 0 && rq->current != rq->idle) {
        nsec_t now = time_now();
        rq_charge(rq, now);
        rq_arm_slice(rq, now);
    }
    spin_unlock(&rq->lock);
}

void rq_enqueue(struct run_queue *rq, struct thread *t)
{
    rq_charge(rq, time_now()); // so that the queue's virtual time is that of now
    if (is_realtime(t)) {
        rt_enqueue(&rq->rt, &t->rt, RT_TAIL);
    } else {
        fair_enqueue(&rq->fair, &t->fair);
    }
    t->state = THREAD_RUNNABLE;
    publish_queued(rq);
    notice(rq, t);
}

void rq_dequeue(struct run_queue *rq, struct thread *t)
{
    if (is_realtime(t)) {
        rt_dequeue(&rq->rt, &t->rt);
    } else {
        fair_dequeue(&rq->fair, &t->fair);
    }
    t->state = THREAD_MOVING;
    publish_queued(rq);
}

/* ---- The choice ---- */

static void set_level(struct run_queue *rq, const struct thread *next) REQUIRES(rq -> lock)
{
    unsigned before = atomic_load_explicit(&rq->level, memory_order_relaxed);
    unsigned after = level_of(next);
    if (LIKELY(before == after)) {
        return;
    }
    atomic_store_explicit(&rq->level, after, memory_order_relaxed);
    if (after == LEVEL_IDLE) {
        atomic_fetch_add_explicit(&sched_idle_count, 1, memory_order_relaxed);
        if (rq->slice_end != 0) {
            rq->slice_end = 0;
            (void)timer_cancel(&rq->slice);
        }
    } else if (before == LEVEL_IDLE) {
        atomic_fetch_sub_explicit(&sched_idle_count, 1, memory_order_relaxed);
    }
}

void rq_level_changed(struct run_queue *rq)
{
    set_level(rq, rq->current);
    if (queued(rq) != 0) {
        rq_request_resched(rq);
    }
}

static struct thread *pick_realtime(struct run_queue *rq) REQUIRES(rq -> lock)
{
    if (rq->fair.current != NULL) {
        fair_put(&rq->fair);
    }
    struct thread *t = container_of(rt_first(&rq->rt), struct thread, rt);
    rt_dequeue(&rq->rt, &t->rt);
    rq->turn_start = rq->charged;
    return t;
}

struct thread *rq_choose(struct run_queue *rq, struct thread *prev, bool stays)
{
    if (is_realtime(prev)) {
        if (stays) {
            rt_enqueue(&rq->rt, &prev->rt, rq->is_turn_over ? RT_TAIL : RT_HEAD);
        }
    } else if (!stays) {
        fair_leave(&rq->fair);
    }
    rq->is_turn_over = false;

    struct thread *next = rq->idle;
    if (UNLIKELY(rq->rt.waiting != 0)) {
        next = pick_realtime(rq);
    } else {
        struct fair_entity *e = fair_next(&rq->fair);
        if (LIKELY(e != NULL)) {
            next = container_of(e, struct thread, fair);
        }
    }
    if (stays) {
        prev->state = THREAD_RUNNABLE;
    }
    publish_queued(rq);
    set_level(rq, next);
    return next;
}
