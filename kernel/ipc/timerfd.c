// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/timerfd.h"

#include "kernel/core/time.h"
#include "kernel/mm/heap.h"

struct timerfd {
    struct file file;
    bool is_wall; // [I]
    struct mutex set_lock;
    struct timer timer;
    struct spinlock lock;
    struct interval interval; // [lock]
    uint64_t expired;         // [lock] expirations that ended before the deadline
    bool wants_cancel;        // [lock]
    bool is_canceled;         // [lock] the clock was set
    struct wait_queue to_read;
    struct event_source events;
};

static struct timerfd *timerfd_of(struct file *f)
{
    return container_of(f, struct timerfd, file);
}

// Counts what has expired by now and moves the deadline on.
static void advance(struct timerfd *t) REQUIRES(t -> lock)
{
    t->expired += interval_advance(&t->interval, time_now());
}

// A timer with an interval goes on when this was read: who reads looks at the clock, and a short
// interval does not keep the CPU from everybody else.
static void timer_expired(struct timer *timer)
{
    struct timerfd *t = container_of(timer, struct timerfd, timer);
    spin_lock(&t->lock);
    advance(t);
    spin_unlock(&t->lock);
    wait_wake_all(&t->to_read);
    event_notify(&t->events, EVENT_IN);
}

// Starts the hardware's timer for the deadline that was set.
static void start(struct timerfd *t) REQUIRES(t -> set_lock)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    nsec_t deadline = t->interval.deadline;
    spin_unlock_irqrestore(&t->lock, flags);
    if (deadline != NSEC_NEVER) {
        timer_start(&t->timer, deadline);
    }
}

// ERR_AGAIN: nothing has expired.
static status_t take(struct timerfd *t, uint64_t *count)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    status_t status = ERR_AGAIN;
    advance(t);
    *count = t->expired;
    if (t->is_canceled) {
        t->is_canceled = false;
        status = ERR_CANCELED;
    } else if (t->expired > 0) {
        t->expired = 0;
        status = OK;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return status;
}

static status_t timerfd_read(struct file *f, struct uio *to, [[maybe_unused]] uint64_t *position)
{
    struct timerfd *t = timerfd_of(f);
    uint64_t count;
    if (to->left < sizeof(count)) {
        return ERR_INVAL;
    }
    status_t taken = take(t, &count);
    if (taken == ERR_AGAIN && !file_is_nonblocking(f)) {
        status_t waited;
        WAIT_UNTIL(&t->to_read, (taken = take(t, &count)) != ERR_AGAIN, NSEC_NEVER,
                   WAIT_INTERRUPTIBLE, &waited);
        if (waited != OK) {
            return waited;
        }
    }
    if (taken != OK) {
        return taken;
    }
    mutex_lock(&t->set_lock);
    start(t);
    mutex_unlock(&t->set_lock);
    return uio_put(to, &count, sizeof(count));
}

static uint32_t timerfd_poll(struct file *f, struct event_watch *w)
{
    struct timerfd *t = timerfd_of(f);
    if (w != NULL) {
        event_watch(&t->events, w);
    }
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    advance(t);
    uint32_t events = t->expired > 0 || t->is_canceled ? EVENT_IN : 0;
    spin_unlock_irqrestore(&t->lock, flags);
    return events;
}

static void timerfd_last_handle(struct file *f)
{
    struct timerfd *t = timerfd_of(f);
    interval_fini(&t->interval);
    mutex_lock(&t->set_lock);
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    t->interval.deadline = NSEC_NEVER;
    spin_unlock_irqrestore(&t->lock, flags);
    (void)timer_cancel(&t->timer);
    mutex_unlock(&t->set_lock);
}

static void timerfd_release(struct file *f)
{
    timerfd_last_handle(f); // it may never have had a handle
    heap_free(timerfd_of(f));
}

static const struct file_ops timerfd_ops = {
    .kind = "timerfd",
    .release = timerfd_release,
    .last_handle = timerfd_last_handle,
    .read = timerfd_read,
    .poll = timerfd_poll,
};

static void move_with_clock(struct interval *i);

status_t timerfd_create(bool is_wall, uint32_t flags, struct file **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct timerfd), &memory);
    if (status != OK) {
        return status;
    }
    struct timerfd *t = memory;
    file_init(&t->file, &timerfd_ops, flags | FILE_READ | FILE_WRITE);
    t->is_wall = is_wall;
    mutex_init(&t->set_lock, "timerfd", RANK_MODULE);
    timer_init(&t->timer, timer_expired);
    spin_init(&t->lock, "timerfd state", RANK_OBJECT);
    wait_init(&t->to_read, "timerfd readers");
    event_source_init(&t->events);
    interval_init(&t->interval, is_wall ? move_with_clock : NULL);
    *out = &t->file;
    return OK;
}

static void install(struct timerfd *t, uint32_t flags, const struct interval_setting *s)
    REQUIRES(t -> lock)
{
    bool is_absolute = (flags & TIMERFD_ABSOLUTE) != 0;
    enum interval_base base = !is_absolute ? INTERVAL_FROM_NOW
                              : t->is_wall ? INTERVAL_WALL
                                           : INTERVAL_MONOTONIC;
    t->expired = 0;
    t->is_canceled = false;
    interval_set(&t->interval, base, s, time_now());
    t->wants_cancel = t->interval.wall != 0 && (flags & TIMERFD_CANCEL_ON_SET) != 0;
}

status_t timerfd_set(struct file *f, uint32_t flags, const struct interval_setting *s,
                     struct interval_setting *old)
{
    if (f->ops != &timerfd_ops) {
        return ERR_INVAL;
    }
    struct timerfd *t = timerfd_of(f);
    mutex_lock(&t->set_lock);
    (void)timer_cancel(&t->timer);
    irqflags_t irq = spin_lock_irqsave(&t->lock);
    status_t status = t->is_canceled ? ERR_CANCELED : OK;
    if (old != NULL) {
        *old = interval_left(&t->interval, time_now());
    }
    install(t, flags, s);
    spin_unlock_irqrestore(&t->lock, irq);
    start(t);
    mutex_unlock(&t->set_lock);
    return status;
}

status_t timerfd_get(struct file *f, struct interval_setting *out)
{
    if (f->ops != &timerfd_ops) {
        return ERR_INVAL;
    }
    struct timerfd *t = timerfd_of(f);
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    *out = interval_left(&t->interval, time_now());
    spin_unlock_irqrestore(&t->lock, flags);
    return OK;
}

static void move_with_clock(struct interval *i)
{
    struct timerfd *t = container_of(i, struct timerfd, interval);
    mutex_lock(&t->set_lock);
    (void)timer_cancel(&t->timer);
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool is_canceled = t->wants_cancel;
    t->is_canceled = t->is_canceled || is_canceled;
    interval_move(&t->interval, time_now());
    spin_unlock_irqrestore(&t->lock, flags);
    start(t);
    mutex_unlock(&t->set_lock);
    if (is_canceled) {
        wait_wake_all(&t->to_read);
        event_notify(&t->events, EVENT_IN);
    }
}
