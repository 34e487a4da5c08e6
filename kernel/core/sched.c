// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/sched.h"

#include "kernel/core/panic.h"
#include "kernel/core/runqueue_priv.h"

static struct {
    struct thread boot;                           // becomes the idle thread of CPU 0
    void (*activate)(struct arch_aspace *aspace); // [I]
} sched;

/* ---- Set-up ---- */

struct thread *sched_boot_thread(void)
{
    return &sched.boot;
}

void sched_init_boot(void)
{
    struct cpu *c = cpu_this();
    c->hwid = arch_cpu_hwid();
    thread_init_idle(&sched.boot, 0);
    sched_init_cpu(c);
}

void sched_init_cpu(struct cpu *c)
{
    struct run_queue *rq = rq_of(c);
    spin_init(&rq->lock, "run queue", RANK_RUNQUEUE);
    rq->cpu = c;
    rq->idle = c->idle;
    rq->current = c->idle;
    fair_queue_init(&rq->fair);
    rt_queue_init(&rq->rt);
    timer_init(&rq->slice, rq_slice_expired);
    time_init_cpu(c);
    worker_init_cpu(c);

    struct thread *t = c->idle;
    t->policy = THREAD_IDLE;
    t->state = THREAD_RUNNING;
    atomic_init(&t->cpu, c);
    atomic_init(&t->is_on_cpu, true);
}

void sched_set_aspace_switch(void (*activate)(struct arch_aspace *))
{
    sched.activate = activate;
}

/* ---- Address spaces ---- */

static void activate(struct run_queue *rq, struct arch_aspace *as)
{
    atomic_store_explicit(&rq->active, as, memory_order_relaxed);
    if (sched.activate != NULL) {
        sched.activate(as);
    }
}

// A kernel thread works in whatever user address space is there, which saves two changes when the
// same user thread follows.
static ALWAYS_INLINE void switch_aspace(struct run_queue *rq, const struct thread *next)
{
    struct arch_aspace *as = next->aspace;
    if (as != NULL && as != atomic_load_explicit(&rq->active, memory_order_relaxed)) {
        activate(rq, as);
    }
}

void sched_aspace_changed(void)
{
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_here();
    struct arch_aspace *as = thread_current()->aspace;
    if (as != atomic_load_explicit(&rq->active, memory_order_relaxed)) {
        activate(rq, as);
    }
    arch_irq_restore(flags);
}

static void drop_aspace(void *as)
{
    struct run_queue *rq = rq_here();
    if (atomic_load_explicit(&rq->active, memory_order_relaxed) == as) {
        assert(thread_current()->aspace != as);
        activate(rq, NULL);
    }
}

void sched_forget_aspace(struct arch_aspace *as)
{
    cpu_for_each_online(c)
    {
        if (atomic_load_explicit(&rq_of(c)->active, memory_order_relaxed) == as) {
            cpu_call(c, drop_aspace, as);
        }
    }
}

/* ---- The switch ---- */

// What the switch left behind is dead or has to move; its stack is free now.
static COLD void settle(struct thread *t) NO_THREAD_ANALYSIS
{
    if (t->state == THREAD_DEAD) {
        if (t->ops != NULL) {
            work_queue(&t->reap);
        }
        return;
    }
    t->is_leaving = false;
    rq_send(rq_lock_thread(t), t);
}

// First act on the stack switched to: `prev` is what ran on this CPU before.
static ALWAYS_INLINE void finish_switch(struct thread *prev)
{
    bool is_leaving = prev->is_leaving;
    // Release: all of its stack is written; pairs with the acquire of those who run it elsewhere.
    atomic_store_explicit(&prev->is_on_cpu, false, memory_order_release);
    if (UNLIKELY(is_leaving)) {
        settle(prev);
    }
}

static ALWAYS_INLINE void clear_need_resched(struct thread *t)
{
    if (UNLIKELY((thread_flags(t) & THREAD_NEED_RESCHED) != 0)) {
        (void)__atomic_fetch_and(&t->arch.flags, ~THREAD_NEED_RESCHED, __ATOMIC_RELAXED);
    }
}

// Gives the CPU from `prev` to `next`, which rq_choose or fair_next chose, at `ticks` of the counter;
// returns when `prev` runs again.  Interrupts are masked.
static ALWAYS_INLINE void switch_to(struct run_queue *rq, struct thread *prev, struct thread *next,
                                    uint64_t ticks) RELEASES(rq -> lock) NO_THREAD_ANALYSIS
{
    next->state = THREAD_RUNNING;
    if (next == prev) {
        spin_unlock(&rq->lock);
        return;
    }
    rq->current = next;
    prev->arch.run_base += ticks;
    next->arch.run_base -= ticks;
    atomic_store_explicit(&next->is_on_cpu, true, memory_order_relaxed);
    if (UNLIKELY(rq->slice_end == 0) &&
        atomic_load_explicit(&rq->queued, memory_order_relaxed) != 0) {
        rq_arm_slice(rq, rq->charged);
    }
    spin_unlock(&rq->lock);

    switch_aspace(rq, next);
    finish_switch(arch_thread_switch(&prev->arch, &next->arch));
}

// What this CPU ran in user mode.
static ALWAYS_INLINE void note_user_time(struct run_queue *rq, struct thread *t)
    REQUIRES(rq -> lock)
{
    if (t->process != NULL) {
        struct rq_ticks ticks = rq_ticks_of(rq, t);
        rq->user_ticks += ticks.run - ticks.system - t->user_noted;
        t->user_noted = ticks.run - ticks.system;
    }
}

// The same from `prev`, charged, whose state is set if it does not stay.
static void switch_from(struct run_queue *rq, struct thread *prev, bool stays)
    RELEASES(rq -> lock) NO_THREAD_ANALYSIS
{
    note_user_time(rq, prev);
    clear_need_resched(prev);
    if (stays && UNLIKELY(!thread_is_allowed(prev, rq->cpu))) {
        prev->state = THREAD_MOVING;
        prev->is_leaving = true;
        stays = false;
    }
    switch_to(rq, prev, rq_choose(rq, prev, stays), arch_counter());
}

void kernel_thread_begin(struct thread *previous)
{
    finish_switch(previous);
    arch_irq_enable();
}

// The current thread's run queue, locked and charged.
static ALWAYS_INLINE struct run_queue *lock_here(void) NO_THREAD_ANALYSIS
{
    struct run_queue *rq = rq_here();
    spin_lock(&rq->lock);
    rq_charge(rq, time_now());
    return rq;
}

// Down at once and up slowly: one burst that an interrupt or the host of a virtual CPU made long says
// little about the next.
static void note_burst(struct thread *t)
{
    uint64_t run = t->arch.run_base + arch_counter();
    nsec_t burst = time_from_ticks(run - t->run_awake);
    t->run_awake = run;
    t->burst_ns = burst < t->burst_ns ? burst : (3 * t->burst_ns + burst) / 4;
}

void thread_park(void) NO_THREAD_ANALYSIS
{
    struct thread *self = thread_current();
    lock_check_may_sleep();
    assert(self->policy != THREAD_IDLE);
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = lock_here();
    if (self->wake_pending) {
        self->wake_pending = false;
        spin_unlock(&rq->lock);
    } else {
        note_burst(self);
        self->state = THREAD_SLEEPING;
        switch_from(rq, self, false);
    }
    arch_irq_restore(flags);
}

void sched_preempt(void) NO_THREAD_ANALYSIS
{
    struct thread *self = thread_current();
    lock_check_may_sleep();
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = lock_here();
    switch_from(rq, self, true);
    arch_irq_restore(flags);
}

/*
 * Whether to give way means no more than to change places with the one thread that waits: as many
 * wait afterwards as before, and the CPU is no more and no less urgent.
 */
static ALWAYS_INLINE bool is_plain_turn(const struct run_queue *rq, const struct thread *self)
{
    return self->is_plain && rq->fair.spare != NULL &&
           atomic_load_explicit(&rq->queued, memory_order_relaxed) == 1;
}

static void yield_to_many(struct run_queue *rq, struct thread *self, nsec_t ran)
    RELEASES(rq -> lock) NO_THREAD_ANALYSIS
{
    if (self->policy == THREAD_FAIR) {
        fair_charge_yield(&rq->fair, ran);
    }
    rq->is_turn_over = true;
    switch_from(rq, self, true);
}

void thread_yield(void) NO_THREAD_ANALYSIS
{
    struct thread *self = thread_current();
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_here();
    if (atomic_load_explicit(&rq->queued, memory_order_relaxed) != 0) {
        lock_check_may_sleep();
        spin_lock(&rq->lock);
        uint64_t ticks = arch_counter();
        nsec_t ran = rq_note_time(rq, time_scale_apply(&time_scale_to_ns, ticks));
        if (LIKELY(is_plain_turn(rq, self))) {
            fair_charge_yield(&rq->fair, ran);
            clear_need_resched(self);
            self->state = THREAD_RUNNABLE;
            switch_to(rq, self, container_of(fair_turn(&rq->fair), struct thread, fair), ticks);
        } else {
            yield_to_many(rq, self, ran);
        }
    }
    arch_irq_restore(flags);
}

void thread_exit(void) NO_THREAD_ANALYSIS
{
    struct thread *self = thread_current();
    lock_check_may_sleep();
    assert(self->policy != THREAD_IDLE);
    arch_irq_disable();
    struct run_queue *rq = lock_here();
    self->state = THREAD_DEAD;
    self->is_leaving = true;
    switch_from(rq, self, false);
    panic("a dead thread runs");
}

/* ---- Idle ---- */

// One round: runs what there is until nothing is left, or waits for one interrupt.
static void idle_round(struct run_queue *rq, struct thread *self) NO_THREAD_ANALYSIS
{
    arch_irq_disable();
    if (atomic_load_explicit(&rq->queued, memory_order_relaxed) == 0) {
        rq_steal(rq);
    }
    spin_lock(&rq->lock);
    if (atomic_load_explicit(&rq->queued, memory_order_relaxed) != 0) {
        rq_charge(rq, time_now());
        switch_from(rq, self, true);
    } else {
        atomic_store_explicit(&rq->is_waiting, true, memory_order_relaxed);
        spin_unlock(&rq->lock);
        arch_cpu_idle();
        atomic_store_explicit(&rq->is_waiting, false, memory_order_relaxed);
    }
    arch_irq_enable();
}

void sched_run_idle(void)
{
    struct thread *self = thread_current();
    struct run_queue *rq = rq_here();
    arch_irq_disable();
    spin_lock(&rq->lock);
    rq->charged = time_now();
    rq->online_since = rq->charged;
    rq->stats.idle_ns = 0; // what this thread did so far was booting
    spin_unlock(&rq->lock);
    atomic_fetch_add_explicit(&sched_idle_count, 1, memory_order_relaxed);
    for (;;) {
        idle_round(rq, self);
    }
}

void sched_cpu_stats(const struct cpu *c, struct sched_stats *out)
{
    struct run_queue *rq = rq_of(c);
    irqflags_t flags = spin_lock_irqsave(&rq->lock);
    *out = rq->stats;
    nsec_t now = time_now();
    struct thread *t = rq->current;
    if (t == rq->idle && rq->online_since != 0) {
        out->idle_ns += now - rq->charged;
    }
    note_user_time(rq, t);
    out->user_ns = time_from_ticks(rq->user_ticks);
    nsec_t rest = out->user_ns + out->idle_ns;
    nsec_t all = rq->online_since == 0 ? 0 : now - rq->online_since;
    out->system_ns = all > rest ? all - rest : 0;
    out->queued = atomic_load_explicit(&rq->queued, memory_order_relaxed);
    spin_unlock_irqrestore(&rq->lock, flags);
}
