// SPDX-License-Identifier: Apache-2.0
/*
 * Readiness: the one way to learn that a file can be read, written, or is at its end; poll, select
 * and epoll are built on it.
 *
 * What can become ready has a struct event_source and calls event_notify when it does.  Who wants to
 * know hangs a struct event_watch on it and then looks at the state (file_ops.poll does both), so no
 * change is lost between the look and the wait: level-triggered, as the state decides.
 *
 * Locking: `lock` (RANK_EVENT) guards the list; `fired` runs under it, in any context, with
 * interrupts masked: it sets a flag and wakes.  It may take locks of higher rank (wait queues).
 * event_notify may be called with locks of lower rank held.
 * Lifetimes: who watches keeps the source alive (by a reference on its file) until event_unwatch.
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "lib/base/list.h"

// The values of poll()'s events.
enum {
    EVENT_IN = 0x001,
    EVENT_PRI = 0x002,
    EVENT_OUT = 0x004,
    EVENT_ERR = 0x008,
    EVENT_HUP = 0x010,
    EVENT_NVAL = 0x020,
    EVENT_RDHUP = 0x2000,
};

// With the bits of "normal" data (POLLRDNORM 0x40, POLLWRNORM 0x100), which are the same here.
static inline uint32_t event_with_normal(uint32_t events)
{
    return events | (events & (EVENT_IN | EVENT_OUT)) << 6;
}

struct event_source {
    struct spinlock lock;
    struct list watches; // [l] struct event_watch
};

struct event_watch {
    struct list link;            // [source lock]
    struct event_source *source; // [owner] NULL: on none
    // Events came up at the source (a hint: the state decides); see Locking.
    void (*fired)(struct event_watch *w, uint32_t events); // [I]
};

void event_source_init(struct event_source *s);

// Tells all watches.  Cheap where nobody watches.  Any context.
void event_notify(struct event_source *s, uint32_t events);

static inline void event_watch_init(struct event_watch *w,
                                    void (*fired)(struct event_watch *, uint32_t))
{
    list_init(&w->link);
    w->source = NULL;
    w->fired = fired;
}

// Hangs the watch on the source, or takes it off (also when it is on none).  After event_unwatch
// `fired` neither runs nor will.
void event_watch(struct event_source *s, struct event_watch *w);
void event_unwatch(struct event_watch *w);
