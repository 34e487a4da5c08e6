// SPDX-License-Identifier: Apache-2.0
/* Which CPU a thread runs on: wake-up placement, stealing, and calls to idle CPUs. */
#include "kernel/core/irq.h"
#include "kernel/core/runqueue_priv.h"

// A thread that sleeps again so soon is worth waiting for: about what it costs to wake another CPU.
constexpr nsec_t SHORT_BURST_NS = 50 * NSEC_PER_USEC;

// How many waiting threads a thief looks at, so that the victim's lock is not held for long.
enum { STEAL_LOOKS = 32 };

// How many idle CPUs are considered for help with a queue.
enum { HELPER_LOOKS = 4 };

static struct cpu *next_online(const struct cpu *c)
{
    struct cpu *next = cpu_next_online(c);
    return next != NULL ? next : cpu_next_online(NULL);
}

static unsigned level_at(const struct cpu *c)
{
    return atomic_load_explicit(&rq_of(c)->level, memory_order_relaxed);
}

static unsigned queued_at(const struct cpu *c)
{
    return atomic_load_explicit(&rq_of(c)->queued, memory_order_relaxed);
}

// A thread would run there at once.  What was queued there a moment ago counts, so that a burst of
// wake-ups spreads over the idle CPUs.
static bool is_vacant(const struct cpu *c)
{
    return level_at(c) == LEVEL_IDLE && queued_at(c) == 0;
}

static unsigned wanted_level(const struct thread *t)
{
    return t->policy == THREAD_FAIR ? LEVEL_FAIR : LEVEL_REALTIME + t->rt.priority;
}

// The allowed CPU, from the thread's last one on, that suits best: a vacant one at once, else for
// real-time threads the one whose thread matters least, else the first.
static struct cpu *search(const struct thread *t, struct cpu *last)
{
    struct cpu *best = NULL;
    unsigned best_level = wanted_level(t);
    struct cpu *c = last;
    do {
        if (thread_is_allowed(t, c)) {
            if (is_vacant(c)) {
                return c;
            }
            if (best == NULL || level_at(c) < best_level) {
                best = c;
                best_level = level_at(c) < best_level ? level_at(c) : best_level;
            }
        }
        c = next_online(c);
    } while (c != last);
    return best != NULL ? best : last;
}

/*
 * Whether the thread that wakes `t` is likely to sleep soon, as threads that talk to each other do.
 * Then its own CPU runs `t` before another one has heard of it.  Only one is kept that way; should the
 * waker run on after all, the slice timer calls an idle CPU to fetch it.
 */
static bool is_soon_free(const struct run_queue *here, const struct thread *t)
{
    const struct thread *waker = thread_current();
    return !irq_is_active() && waker->policy == THREAD_FAIR && waker->burst_ns < SHORT_BURST_NS &&
           t->policy == THREAD_FAIR && thread_is_allowed(t, here->cpu) &&
           atomic_load_explicit(&here->queued, memory_order_relaxed) == 0;
}

static struct cpu *choose_cpu(struct run_queue *rq, struct thread *t)
{
    struct cpu *last = rq->cpu;
    bool may_stay = thread_is_allowed(t, last);
    // Acquire: whoever runs it next sees its stack as it left it.
    if (atomic_load_explicit(&t->is_on_cpu, memory_order_acquire)) {
        if (may_stay) {
            return last; // that CPU is switching away from it and runs it again when it can
        }
        while (atomic_load_explicit(&t->is_on_cpu, memory_order_acquire)) {
            arch_relax();
        }
    }
    if (is_soon_free(rq_here(), t)) {
        return rq_here()->cpu;
    }
    bool is_fair = t->policy == THREAD_FAIR;
    if (may_stay &&
        (is_vacant(last) ||
         (is_fair && atomic_load_explicit(&sched_idle_count, memory_order_relaxed) == 0))) {
        return last;
    }
    return search(t, last);
}

void rq_send(struct run_queue *rq, struct thread *t) NO_THREAD_ANALYSIS
{
    struct cpu *c = choose_cpu(rq, t);
    while (c != rq->cpu) {
        atomic_store_explicit(&t->cpu, c, memory_order_relaxed);
        spin_unlock(&rq->lock);
        rq = rq_of(c);
        spin_lock(&rq->lock);
        rq->stats.migrations++;
        // Its affinity may have changed in between.
        c = thread_is_allowed(t, c) ? c : choose_cpu(rq, t);
    }
    rq_enqueue(rq, t);
    spin_unlock(&rq->lock);
}

// Wakes the thread or gives it the permit.  It may be gone when this returns.
static bool wake(struct run_queue *rq, struct thread *t) RELEASES(rq -> lock) NO_THREAD_ANALYSIS
{
    if (t->state == THREAD_SLEEPING) {
        t->state = THREAD_MOVING;
        rq_send(rq, t);
        return true;
    }
    bool takes_permit = t->state != THREAD_NEW && t->state != THREAD_DEAD;
    bool did_something = takes_permit && !t->wake_pending;
    t->wake_pending = takes_permit;
    spin_unlock(&rq->lock);
    return did_something;
}

bool thread_wake(struct thread *t) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    bool did_something = wake(rq_lock_thread(t), t);
    arch_irq_restore(flags);
    return did_something;
}

void thread_notify(struct thread *t, uint32_t flag) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_lock_thread(t);
    thread_set_flags(t, flag);
    // If it runs user code elsewhere, any interrupt brings it into the kernel, where it sees the flag.
    if (t->state == THREAD_RUNNING && rq != rq_here()) {
        cpu_send_ipi(rq->cpu, IPI_RESCHEDULE);
    }
    wake(rq, t);
    arch_irq_restore(flags);
}

void thread_start(struct thread *t) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_lock_thread(t);
    t->state = THREAD_MOVING;
    rq_send(rq, t);
    arch_irq_restore(flags);
}

/* ---- Idle CPUs ---- */

static bool may_steal(const struct thread *t, const struct cpu *thief)
{
    return thread_is_allowed(t, thief) &&
           !atomic_load_explicit(&t->is_on_cpu, memory_order_acquire);
}

// Something that waits on `rq` and may run on `thief`; NULL if a look at some shows none.
static struct thread *find_loot(struct run_queue *rq, const struct cpu *thief) REQUIRES(rq -> lock)
{
    struct rt_entity *rt = rt_first(&rq->rt);
    if (rt != NULL && may_steal(container_of(rt, struct thread, rt), thief)) {
        return container_of(rt, struct thread, rt);
    }
    // The one that would wait longest.
    struct fair_entity *e = fair_last(&rq->fair);
    for (unsigned i = 0; e != NULL && i < STEAL_LOOKS; i++) {
        struct thread *t = container_of(e, struct thread, fair);
        if (may_steal(t, thief)) {
            return t;
        }
        e = fair_before(&rq->fair, e);
    }
    return NULL;
}

// The busy CPU with the longest queue below `limit`; NULL: nothing waits anywhere.
static struct cpu *find_victim(const struct cpu *thief, unsigned limit)
{
    struct cpu *victim = NULL;
    unsigned most = 0;
    cpu_for_each_online(c)
    {
        unsigned n = queued_at(c);
        // What waits at an idle CPU is about to run there.
        if (c != thief && n > most && n < limit && level_at(c) != LEVEL_IDLE) {
            most = n;
            victim = c;
        }
    }
    return victim;
}

void rq_steal(struct run_queue *rq) NO_THREAD_ANALYSIS
{
    struct cpu *victim = find_victim(rq->cpu, UINT32_MAX);
    // A queue of threads that must not move is passed over for the next longest.
    while (victim != NULL) {
        struct run_queue *from = rq_of(victim);
        spin_lock(&from->lock);
        struct thread *t = find_loot(from, rq->cpu);
        if (t != NULL) {
            rq_dequeue(from, t);
            atomic_store_explicit(&t->cpu, rq->cpu, memory_order_relaxed);
            spin_unlock(&from->lock);
            spin_lock(&rq->lock);
            rq->stats.steals++;
            rq->stats.migrations++;
            if (thread_is_allowed(t, rq->cpu)) {
                rq_enqueue(rq, t);
                spin_unlock(&rq->lock);
            } else {
                rq_send(rq, t);
            }
            return;
        }
        unsigned length = queued_at(victim);
        spin_unlock(&from->lock);
        victim = find_victim(rq->cpu, length);
    }
}

struct cpu *rq_find_helper(struct run_queue *rq)
{
    unsigned left = atomic_load_explicit(&sched_idle_count, memory_order_relaxed);
    left = left < HELPER_LOOKS ? left : HELPER_LOOKS;
    for (struct cpu *c = cpu_next_online(NULL); c != NULL && left != 0; c = cpu_next_online(c)) {
        if (atomic_load_explicit(&rq_of(c)->is_waiting, memory_order_relaxed)) {
            if (find_loot(rq, c) != NULL) {
                return c;
            }
            left--;
        }
    }
    return NULL;
}

void rq_call_helper(struct cpu *c)
{
    struct run_queue *rq = rq_of(c);
    spin_lock(&rq->lock);
    bool is_waiting = atomic_exchange_explicit(&rq->is_waiting, false, memory_order_relaxed);
    spin_unlock(&rq->lock);
    if (is_waiting) {
        cpu_send_ipi(c, IPI_RESCHEDULE);
    }
}
