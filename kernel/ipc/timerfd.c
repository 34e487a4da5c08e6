// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/timerfd.h"

#include "kernel/core/time.h"
#include "kernel/mm/heap.h"

struct timerfd {
    struct file file;
    bool is_wall; // [I]
    struct mutex set_lock;
    struct list link; // [followers.lock] of those that follow the wall clock
    struct timer timer;
    struct spinlock lock;
    nsec_t wall;       // [lock] the wall time it was set to; 0: it does not follow that clock
    nsec_t deadline;   // [lock] monotonic; NSEC_NEVER: stopped
    nsec_t interval;   // [lock] 0: once
    uint64_t expired;  // [lock] expirations that ended before the deadline
    bool wants_cancel; // [lock]
    bool is_canceled;  // [lock] the clock was set
    struct wait_queue to_read;
    struct event_source events;
};

static struct {
    struct mutex lock;
    struct list timers;
    _Atomic bool is_ready;
} followers;

static struct timerfd *timerfd_of(struct file *f)
{
    return container_of(f, struct timerfd, file);
}

static nsec_t sum(nsec_t a, nsec_t b)
{
    nsec_t total;
    return __builtin_add_overflow(a, b, &total) ? NSEC_NEVER : total;
}

// Counts what has expired by now and moves the deadline on.
static void advance(struct timerfd *t, nsec_t now) REQUIRES(t -> lock)
{
    if (t->deadline > now) {
        return;
    }
    if (t->interval == 0) {
        t->expired++;
        t->deadline = NSEC_NEVER;
        return;
    }
    uint64_t times = (now - t->deadline) / t->interval + 1;
    t->expired += times;
    t->deadline = sum(t->deadline, times * t->interval);
}

// A timer with an interval goes on when this was read: who reads looks at the clock, and a short
// interval does not keep the CPU from everybody else.
static void timer_expired(struct timer *timer)
{
    struct timerfd *t = container_of(timer, struct timerfd, timer);
    spin_lock(&t->lock);
    advance(t, time_now());
    spin_unlock(&t->lock);
    wait_wake_all(&t->to_read);
    event_notify(&t->events, EVENT_IN);
}

// Starts the hardware's timer for the deadline that was set.
static void start(struct timerfd *t) REQUIRES(t -> set_lock)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    nsec_t deadline = t->deadline;
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
    advance(t, time_now());
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
    advance(t, time_now());
    uint32_t events = t->expired > 0 || t->is_canceled ? EVENT_IN : 0;
    spin_unlock_irqrestore(&t->lock, flags);
    return events;
}

static void timerfd_last_handle(struct file *f)
{
    struct timerfd *t = timerfd_of(f);
    if (t->is_wall) {
        mutex_lock(&followers.lock);
        list_del_init(&t->link);
        mutex_unlock(&followers.lock);
    }
    mutex_lock(&t->set_lock);
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    t->deadline = NSEC_NEVER;
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

static void follow(struct timerfd *t)
{
    static struct spinlock once = SPINLOCK_INIT("timerfd list", RANK_OBJECT);
    irqflags_t flags = spin_lock_irqsave(&once);
    if (!atomic_load_explicit(&followers.is_ready, memory_order_relaxed)) {
        mutex_init(&followers.lock, "timers of the wall clock", RANK_STREAM);
        list_init(&followers.timers);
        atomic_store_explicit(&followers.is_ready, true, memory_order_release);
    }
    spin_unlock_irqrestore(&once, flags);
    mutex_lock(&followers.lock);
    list_add_tail(&followers.timers, &t->link);
    mutex_unlock(&followers.lock);
}

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
    t->deadline = NSEC_NEVER;
    wait_init(&t->to_read, "timerfd readers");
    event_source_init(&t->events);
    list_init(&t->link);
    if (is_wall) {
        follow(t);
    }
    *out = &t->file;
    return OK;
}

// The monotonic time at which the wall clock shows `wall`.
static nsec_t when_wall_is(nsec_t wall)
{
    nsec_t shown = time_wall();
    nsec_t now = time_now();
    return wall <= shown ? now : sum(now, wall - shown);
}

static void read_setting(struct timerfd *t, struct timerfd_setting *out) REQUIRES(t -> lock)
{
    nsec_t now = time_now();
    advance(t, now);
    out->interval = t->interval;
    out->value = t->deadline == NSEC_NEVER ? 0 : t->deadline - now;
}

static void install(struct timerfd *t, enum timerfd_flags flags, const struct timerfd_setting *s)
    REQUIRES(t -> lock)
{
    bool is_absolute = (flags & TIMERFD_ABSOLUTE) != 0;
    t->expired = 0;
    t->interval = s->interval;
    t->wall = is_absolute && t->is_wall ? s->value : 0;
    t->wants_cancel = t->wall != 0 && (flags & TIMERFD_CANCEL_ON_SET) != 0;
    t->is_canceled = false;
    if (s->value == 0) {
        t->deadline = NSEC_NEVER;
    } else if (t->wall != 0) {
        t->deadline = when_wall_is(s->value);
    } else {
        t->deadline = is_absolute ? s->value : sum(time_now(), s->value);
    }
}

status_t timerfd_set(struct file *f, uint32_t flags, const struct timerfd_setting *s,
                     struct timerfd_setting *old)
{
    if (f->ops != &timerfd_ops) {
        return ERR_INVAL;
    }
    struct timerfd *t = timerfd_of(f);
    struct timerfd_setting before;
    mutex_lock(&t->set_lock);
    (void)timer_cancel(&t->timer);
    irqflags_t irq = spin_lock_irqsave(&t->lock);
    status_t status = t->is_canceled ? ERR_CANCELED : OK;
    read_setting(t, old == NULL ? &before : old);
    install(t, flags, s);
    spin_unlock_irqrestore(&t->lock, irq);
    start(t);
    mutex_unlock(&t->set_lock);
    return status;
}

status_t timerfd_get(struct file *f, struct timerfd_setting *out)
{
    if (f->ops != &timerfd_ops) {
        return ERR_INVAL;
    }
    struct timerfd *t = timerfd_of(f);
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    read_setting(t, out);
    spin_unlock_irqrestore(&t->lock, flags);
    return OK;
}

static void move_with_clock(struct timerfd *t)
{
    mutex_lock(&t->set_lock);
    (void)timer_cancel(&t->timer);
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool is_canceled = t->wants_cancel;
    t->is_canceled = t->is_canceled || is_canceled;
    if (t->wall != 0 && t->deadline != NSEC_NEVER) {
        t->deadline = when_wall_is(t->wall);
    }
    spin_unlock_irqrestore(&t->lock, flags);
    start(t);
    mutex_unlock(&t->set_lock);
    if (is_canceled) {
        wait_wake_all(&t->to_read);
        event_notify(&t->events, EVENT_IN);
    }
}

void timerfd_clock_was_set(void)
{
    if (!atomic_load_explicit(&followers.is_ready, memory_order_acquire)) {
        return;
    }
    mutex_lock(&followers.lock);
    list_for_each (node, &followers.timers) {
        move_with_clock(container_of(node, struct timerfd, link));
    }
    mutex_unlock(&followers.lock);
}
