// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/thread.h"

#include "kernel/core/panic.h"
#include "kernel/core/runqueue_priv.h"
#include "kernel/core/time.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

// What a thread of which nothing is known runs between sleeps: long enough to be spread.
constexpr nsec_t NEW_BURST_NS = NSEC_PER_MSEC;

static void reap(struct work *work)
{
    struct thread *t = container_of(work, struct thread, reap);
    t->ops->reap(t);
}

// Where every thread starts, after the switch to it was finished.
static void run(void *thread)
{
    struct thread *t = thread;
    t->entry(t->argument);
    thread_exit();
}

static void set_name(struct thread *t, const char *name)
{
    size_t length = strnlen(name, sizeof(t->name) - 1);
    memcpy(t->name, name, length);
    t->name[length] = '\0';
}

void thread_init(struct thread *t, const char *name, void *stack, size_t stack_size,
                 void (*entry)(void *), void *arg)
{
    memset(t, 0, sizeof(*t));
    set_name(t, name);
    t->stack_base = (vaddr_t)stack;
    t->stack_size = stack_size;
    t->entry = entry;
    t->argument = arg;
    atomic_init(&t->cpu, cpu_this());
    fair_entity_init(&t->fair, 0);
    list_init(&t->rt.link);
    t->is_plain = true;
    t->arch.system = 1; // in the kernel
    t->burst_ns = NEW_BURST_NS;
    work_init(&t->reap, reap);
    arch_thread_init(&t->arch, (char *)stack + stack_size, run, t);
}

void thread_init_idle(struct thread *t, unsigned index)
{
    (void)fmt_print(t->name, sizeof(t->name), "idle/%u", index);
    fair_entity_init(&t->fair, 0);
    list_init(&t->rt.link);
}

void thread_clear_flags(uint32_t flags)
{
    (void)__atomic_fetch_and(&thread_current()->arch.flags, ~flags, __ATOMIC_ACQUIRE);
}

bool thread_mark_asleep(struct thread *t, uint32_t flag) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_lock_thread(t);
    bool is_asleep = t->state == THREAD_SLEEPING;
    if (is_asleep) {
        thread_set_flags(t, flag); // who wakes it takes the lock after this
    }
    spin_unlock(&rq->lock);
    arch_irq_restore(flags);
    return is_asleep;
}

status_t thread_sleep_until(nsec_t deadline, enum wait_flags flags)
{
    struct waiter nobody = {.thread = thread_current()};
    status_t status = wait_sleep(&nobody, deadline, flags);
    return status == ERR_TIMEDOUT ? OK : status;
}

/* ---- Where and how it runs ---- */

static void note_plain(struct thread *t)
{
    t->is_plain = t->policy == THREAD_FAIR && t->affinity == NULL;
}

static bool has_online(const struct cpu_set *set)
{
    cpu_for_each_online(c)
    {
        if (cpu_set_has(set, c->index)) {
            return true;
        }
    }
    return false;
}

// Takes the thread away from a CPU that it may no longer use.
static void move(struct run_queue *rq, struct thread *t) RELEASES(rq -> lock) NO_THREAD_ANALYSIS
{
    if (t->state == THREAD_RUNNABLE) {
        rq_dequeue(rq, t);
        rq_send(rq, t);
        return;
    }
    if (t->state == THREAD_RUNNING) {
        rq_request_resched(rq); // the switch sends it on
    }
    spin_unlock(&rq->lock);
}

status_t thread_swap_affinity(struct thread *t, struct cpu_set *set,
                              struct cpu_set **old) NO_THREAD_ANALYSIS
{
    if (set != NULL && !has_online(set)) {
        return ERR_INVAL;
    }
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_lock_thread(t);
    *old = t->affinity;
    t->affinity = set;
    note_plain(t);
    if (thread_is_allowed(t, rq->cpu)) {
        spin_unlock(&rq->lock);
    } else {
        move(rq, t);
    }
    arch_irq_restore(flags);
    return OK;
}

status_t thread_set_affinity(struct thread *t, struct cpu_set *set)
{
    struct cpu_set *old;
    status_t status = thread_swap_affinity(t, set, &old);
    if (t == thread_current()) {
        thread_preempt_point();
    }
    return status;
}

void thread_get_affinity(struct thread *t, struct cpu_set *out) NO_THREAD_ANALYSIS
{
    memset(out->bits, 0, out->words * sizeof(*out->bits));
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_lock_thread(t);
    cpu_for_each_online(c)
    {
        if (c->index / 64 < out->words && thread_is_allowed(t, c)) {
            out->bits[c->index / 64] |= 1ull << (c->index % 64);
        }
    }
    spin_unlock(&rq->lock);
    arch_irq_restore(flags);
}

// Takes the thread out of its class, before any change of policy, priority or weight, and puts it
// back into one.
static void leave_class(struct run_queue *rq, struct thread *t) REQUIRES(rq -> lock)
{
    if (t->state == THREAD_RUNNABLE) {
        rq_dequeue(rq, t);
        t->state = THREAD_RUNNABLE;
    } else if (t->state == THREAD_RUNNING) {
        rq_charge(rq, time_now());
        if (t->policy == THREAD_FAIR) {
            fair_leave(&rq->fair);
        }
    }
}

static void join_class(struct run_queue *rq, struct thread *t) REQUIRES(rq -> lock)
{
    note_plain(t);
    if (t->state == THREAD_RUNNABLE) {
        rq_enqueue(rq, t);
    } else if (t->state == THREAD_RUNNING) {
        if (t->policy == THREAD_FAIR) {
            fair_join_current(&rq->fair, &t->fair);
        }
        rq_level_changed(rq);
    }
}

void thread_set_nice(struct thread *t, int nice) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_lock_thread(t);
    t->nice = nice < FAIR_NICE_MIN ? FAIR_NICE_MIN : nice > FAIR_NICE_MAX ? FAIR_NICE_MAX : nice;
    if (t->policy == THREAD_FAIR) {
        leave_class(rq, t);
        fair_set_nice(&t->fair, t->nice);
        join_class(rq, t);
    } else {
        fair_set_nice(&t->fair, t->nice); // for when it comes back
    }
    spin_unlock(&rq->lock);
    arch_irq_restore(flags);
}

void thread_set_fair(struct thread *t) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_lock_thread(t);
    if (t->policy != THREAD_FAIR) {
        leave_class(rq, t);
        t->policy = THREAD_FAIR;
        join_class(rq, t);
    }
    spin_unlock(&rq->lock);
    arch_irq_restore(flags);
}

struct thread_class thread_get_class(struct thread *t) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_lock_thread(t);
    struct thread_class c = {.policy = t->policy, .priority = t->rt.priority, .nice = t->nice};
    spin_unlock(&rq->lock);
    arch_irq_restore(flags);
    return c;
}

void thread_inherit_class(struct thread *t)
{
    struct thread_class c = thread_get_class(thread_current());
    if (c.policy == THREAD_IDLE) {
        return; // boot
    }
    t->policy = c.policy;
    t->rt.priority = c.priority;
    t->nice = c.nice;
    fair_set_nice(&t->fair, c.nice);
    note_plain(t);
}

nsec_t thread_slice(enum thread_policy policy)
{
    return policy == THREAD_FIFO          ? 0
           : policy == THREAD_ROUND_ROBIN ? ROUND_ROBIN_NS
                                          : FAIR_SLICE_NS;
}

status_t thread_set_realtime(struct thread *t, enum thread_policy policy,
                             uint32_t priority) NO_THREAD_ANALYSIS
{
    if ((policy != THREAD_FIFO && policy != THREAD_ROUND_ROBIN) || priority >= RT_PRIORITIES) {
        return ERR_INVAL;
    }
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_lock_thread(t);
    leave_class(rq, t);
    t->policy = policy;
    t->rt.priority = priority;
    join_class(rq, t);
    spin_unlock(&rq->lock);
    arch_irq_restore(flags);
    return OK;
}

struct thread_times thread_times(struct thread *t) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    struct run_queue *rq = rq_lock_thread(t);
    struct rq_ticks ticks = rq_ticks_of(rq, t);
    spin_unlock(&rq->lock);
    arch_irq_restore(flags);
    return (struct thread_times){.run = time_from_ticks(ticks.run),
                                 .system = time_from_ticks(ticks.system)};
}

nsec_t thread_run_time(struct thread *t)
{
    return thread_times(t).run;
}
