// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/poll.h"

#include "kernel/core/thread.h"
#include "kernel/core/time.h"

struct poll_group {
    struct waiter waiter;
};

static void entry_fired(struct event_watch *w, uint32_t events)
{
    struct poll_entry *e = container_of(w, struct poll_entry, watch);
    (void)events;
    atomic_store_explicit(&e->has_fired, true, memory_order_relaxed);
    // Release: who sees the wake sees what fired.
    atomic_store_explicit(&e->group->waiter.was_woken, true, memory_order_release);
    thread_wake(e->group->waiter.thread);
}

// Looks at an entry; hangs its watch when it will be waited for.
static bool look(struct poll_entry *e, struct event_watch *w)
{
    if (e->file != NULL) {
        e->found = event_with_normal(file_poll(e->file, w)) & (e->wanted | EVENT_ERR | EVENT_HUP);
    }
    return e->found != 0;
}

static size_t look_at_all(struct poll_entry *entries, size_t size, bool may_wait)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        struct poll_entry *e = &entries[i];
        // Once something was found nobody will wait.
        bool hangs = may_wait && count == 0 && e->file != NULL && e->file->ops->poll != NULL;
        count += look(e, hangs ? &e->watch : NULL);
        thread_preempt_point();
    }
    return count;
}

static size_t look_at_fired(struct poll_entry *entries, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        struct poll_entry *e = &entries[i];
        if (atomic_exchange_explicit(&e->has_fired, false, memory_order_relaxed)) {
            count += look(e, NULL);
        }
    }
    return count;
}

static status_t await(struct poll_group *g, struct poll_entry *entries, size_t size,
                      nsec_t deadline, size_t *count)
{
    status_t status = OK;
    while (*count == 0 && status == OK) {
        status = wait_sleep(&g->waiter, deadline, WAIT_INTERRUPTIBLE);
        // What fires from here on sets it again, and wakes.
        atomic_store_explicit(&g->waiter.was_woken, false, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
        *count = look_at_fired(entries, size);
    }
    return *count > 0 || status == ERR_TIMEDOUT ? OK : status;
}

status_t poll_wait(struct poll_entry *entries, size_t size, nsec_t deadline, size_t *count)
{
    struct poll_group g = {.waiter = {.thread = thread_current()}};
    for (size_t i = 0; i < size; i++) {
        event_watch_init(&entries[i].watch, entry_fired);
        entries[i].group = &g;
        atomic_init(&entries[i].has_fired, false);
    }
    status_t status = OK;
    bool may_wait = deadline > time_now();
    *count = look_at_all(entries, size, may_wait);
    if (*count == 0 && may_wait) {
        status = await(&g, entries, size, deadline, count);
    }
    for (size_t i = 0; i < size; i++) {
        event_unwatch(&entries[i].watch);
    }
    return status;
}
