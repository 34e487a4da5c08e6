// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/wait.h"

#include "kernel/core/panic.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"

void wait_init(struct wait_queue *q, const char *name)
{
    spin_init(&q->lock, name, RANK_WAIT);
    list_init(&q->waiters);
}

bool wait_is_empty(const struct wait_queue *q)
{
    return list_is_empty(&q->waiters);
}

void wait_prepare(struct wait_queue *q, struct waiter *w)
{
    w->thread = thread_current();
    atomic_init(&w->was_woken, false);
    irqflags_t flags = spin_lock_irqsave(&q->lock);
    list_add_tail(&q->waiters, &w->link);
    spin_unlock_irqrestore(&q->lock, flags);
}

// Taking the lock also waits for a waker that is still using `w`.
void wait_finish(struct wait_queue *q, struct waiter *w)
{
    irqflags_t flags = spin_lock_irqsave(&q->lock);
    list_del_init(&w->link);
    spin_unlock_irqrestore(&q->lock, flags);
}

size_t wait_wake_one_locked(struct wait_queue *q)
{
    struct list *node = list_first(&q->waiters);
    if (node == NULL) {
        return 0;
    }
    struct waiter *w = container_of(node, struct waiter, link);
    list_del_init(node);
    // Release: the waiter that reads it sees what was done before the wake.
    atomic_store_explicit(&w->was_woken, true, memory_order_release);
    thread_wake(w->thread);
    return 1;
}

size_t wait_wake_one(struct wait_queue *q)
{
    irqflags_t flags = spin_lock_irqsave(&q->lock);
    size_t woken = wait_wake_one_locked(q);
    spin_unlock_irqrestore(&q->lock, flags);
    return woken;
}

size_t wait_wake_all(struct wait_queue *q)
{
    size_t woken = 0;
    irqflags_t flags = spin_lock_irqsave(&q->lock);
    while (wait_wake_one_locked(q) != 0) {
        woken++;
    }
    spin_unlock_irqrestore(&q->lock, flags);
    return woken;
}

struct alarm {
    struct timer timer;
    struct thread *thread;
    _Atomic bool has_rung; // [a] release in ring, acquire in the sleeper
};

static void ring(struct timer *timer)
{
    struct alarm *a = container_of(timer, struct alarm, timer);
    atomic_store_explicit(&a->has_rung, true, memory_order_release);
    thread_wake(a->thread);
}

// `alarm` NULL: no deadline.
static status_t sleep_until_event(struct waiter *w, struct alarm *a, enum wait_flags flags)
{
    uint32_t enders = (flags & WAIT_INTERRUPTIBLE) != 0 ? THREAD_KILLED | THREAD_SIGNALLED
                      : (flags & WAIT_KILLABLE) != 0    ? THREAD_KILLED
                                                        : 0;
    for (;;) {
        if (atomic_load_explicit(&w->was_woken, memory_order_acquire)) {
            return OK;
        }
        if ((thread_flags(w->thread) & enders) != 0) {
            return ERR_INTR;
        }
        if (a != NULL && atomic_load_explicit(&a->has_rung, memory_order_acquire)) {
            return ERR_TIMEDOUT;
        }
        thread_park();
    }
}

status_t wait_sleep(struct waiter *w, nsec_t deadline, enum wait_flags flags)
{
    lock_check_may_sleep();
    if (deadline == NSEC_NEVER) {
        return sleep_until_event(w, NULL, flags);
    }
    if (deadline <= time_now()) {
        bool was_woken = atomic_load_explicit(&w->was_woken, memory_order_acquire);
        return was_woken ? OK : ERR_TIMEDOUT;
    }
    struct alarm a = {.thread = w->thread};
    timer_init(&a.timer, ring);
    timer_start(&a.timer, deadline);
    status_t status = sleep_until_event(w, &a, flags);
    (void)timer_cancel(&a.timer);
    return status;
}

void completion_init(struct completion *c, const char *name)
{
    wait_init(&c->queue, name);
    c->is_done = false;
}

void completion_signal(struct completion *c)
{
    irqflags_t flags = spin_lock_irqsave(&c->queue.lock);
    c->is_done = true;
    while (wait_wake_one_locked(&c->queue) != 0) {
    }
    spin_unlock_irqrestore(&c->queue.lock, flags);
}

static bool completion_is_done(struct completion *c)
{
    irqflags_t flags = spin_lock_irqsave(&c->queue.lock);
    bool is_done = c->is_done;
    spin_unlock_irqrestore(&c->queue.lock, flags);
    return is_done;
}

status_t completion_wait_until(struct completion *c, nsec_t deadline, enum wait_flags flags)
{
    status_t status;
    WAIT_UNTIL(&c->queue, completion_is_done(c), deadline, flags, &status);
    return status;
}

void completion_wait(struct completion *c)
{
    (void)completion_wait_until(c, NSEC_NEVER, WAIT_DEFAULT);
}
