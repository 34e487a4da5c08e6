// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/interval.h"

#include "kernel/core/mutex.h"
#include "kernel/core/time.h"

static struct {
    struct mutex lock;
    struct list intervals;
} followers = {
    .lock = MUTEX_INIT(followers.lock, "followers of the wall clock", RANK_STREAM),
    .intervals = LIST_INIT(followers.intervals),
};

static nsec_t sum(nsec_t a, nsec_t b)
{
    nsec_t total;
    return __builtin_add_overflow(a, b, &total) ? NSEC_NEVER : total;
}

void interval_init(struct interval *i, void (*moved)(struct interval *))
{
    *i = (struct interval){.deadline = NSEC_NEVER, .moved = moved};
    list_init(&i->link);
    if (moved != NULL) {
        mutex_lock(&followers.lock);
        list_add_tail(&followers.intervals, &i->link);
        mutex_unlock(&followers.lock);
    }
}

void interval_fini(struct interval *i)
{
    if (i->moved != NULL) {
        mutex_lock(&followers.lock);
        list_del_init(&i->link);
        mutex_unlock(&followers.lock);
    }
}

// The least multiple of `unit` that is not below `least`.
static nsec_t multiple_from(nsec_t least, nsec_t unit)
{
    nsec_t rest = least % unit;
    return rest == 0 ? least : sum(least, unit - rest);
}

// The deadline is when the wall clock shows `wall`, or would have shown it as it is set now.  What
// would have been before power-on is not counted.
static void place(struct interval *i, nsec_t now)
{
    nsec_t shown = time_wall();
    if (i->wall < shown && shown - i->wall > now && i->period != 0) {
        i->wall = sum(i->wall, multiple_from(shown - i->wall - now, i->period));
    }
    if (i->wall > shown) {
        i->deadline = sum(now, i->wall - shown);
    } else {
        i->deadline = shown - i->wall < now ? now - (shown - i->wall) : 0;
    }
}

void interval_set(struct interval *i, enum interval_base base, const struct interval_setting *s,
                  nsec_t now)
{
    i->period = s->interval;
    i->wall = base == INTERVAL_WALL ? s->value : 0;
    if (s->value == 0) {
        i->deadline = NSEC_NEVER;
    } else if (base == INTERVAL_WALL) {
        place(i, now);
    } else {
        i->deadline = base == INTERVAL_MONOTONIC ? s->value : sum(now, s->value);
    }
}

uint64_t interval_advance(struct interval *i, nsec_t now)
{
    if (i->deadline > now) {
        return 0;
    }
    if (i->period == 0) {
        i->deadline = NSEC_NEVER;
        return 1;
    }
    uint64_t times = (now - i->deadline) / i->period + 1;
    i->deadline = sum(i->deadline, times * i->period);
    i->wall = i->wall == 0 ? 0 : sum(i->wall, times * i->period);
    return times;
}

struct interval_setting interval_left(const struct interval *i, nsec_t now)
{
    struct interval next = *i;
    (void)interval_advance(&next, now);
    return (struct interval_setting){.value = next.deadline == NSEC_NEVER ? 0 : next.deadline - now,
                                     .interval = i->period};
}

void interval_move(struct interval *i, nsec_t now)
{
    if (i->wall != 0 && i->deadline != NSEC_NEVER) {
        place(i, now);
    }
}

void interval_clock_was_set(void)
{
    mutex_lock(&followers.lock);
    list_for_each (node, &followers.intervals) {
        struct interval *i = container_of(node, struct interval, link);
        i->moved(i);
    }
    mutex_unlock(&followers.lock);
}
