// SPDX-License-Identifier: Apache-2.0
/* Inboxes of local sockets: what is in them, and who waits. */
#include "kernel/core/thread.h"
#include "kernel/ipc/unix_priv.h"
#include "kernel/mm/heap.h"

status_t unix_inbox_create(uint16_t type, uint32_t limit, struct unix_inbox **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct unix_inbox), &memory);
    if (status != OK) {
        return status;
    }
    struct unix_inbox *in = memory;
    refcount_init(&in->refs, 1);
    in->type = type;
    in->limit = limit;
    spin_init(&in->lock, "inbox of a socket", RANK_OBJECT);
    mutex_init(&in->read_lock, "readers of a socket", RANK_STREAM);
    list_init(&in->buffers);
    list_init(&in->senders);
    list_init(&in->pending);
    wait_init(&in->readers, "socket readers");
    wait_init(&in->writers, "socket writers");
    event_source_init(&in->events);
    *out = in;
    return OK;
}

void unix_inbox_unref(struct unix_inbox *in)
{
    if (refcount_dec(&in->refs)) {
        unix_name_unref(in->name);
        heap_free(in);
    }
}

/*
 * Queues and watches are looked at with the lock held: who waits was queued with it held, and who
 * watches looks at the state with it held after hanging its watch.  So nobody is missed.
 */
static struct unix_wakes find_wakes(const struct unix_inbox *in, uint32_t events)
    REQUIRES(in -> lock)
{
    bool has_more = !list_is_empty(&in->buffers) || !list_is_empty(&in->pending);
    return (struct unix_wakes){
        .reader = has_more && !wait_is_empty(&in->readers),
        .events = list_is_empty(&in->events.watches) ? 0 : events,
    };
}

static void wake(struct unix_inbox *in, const struct unix_wakes *w)
{
    if (w->reader) {
        wait_wake_one(&in->readers);
    }
    if (w->events != 0) {
        event_notify(&in->events, w->events);
    }
}

void unix_inbox_unlock(struct unix_inbox *in, uint32_t events)
{
    struct unix_wakes w = find_wakes(in, events);
    spin_unlock(&in->lock);
    wake(in, &w);
}

static status_t sleep_as(struct wait_queue *q, struct waiter *waiter, const struct socket_wait *w)
{
    status_t status = wait_sleep(waiter, w->deadline, WAIT_INTERRUPTIBLE);
    wait_finish(q, waiter);
    if (status != OK && atomic_load_explicit(&waiter->was_woken, memory_order_acquire)) {
        wait_wake_one(q); // the wake was for somebody who goes on
    }
    if (status == ERR_INTR && w->deadline != NSEC_NEVER) {
        return ERR_INTR_TIMED;
    }
    return status == ERR_TIMEDOUT ? ERR_AGAIN : status;
}

status_t unix_inbox_sleep(struct unix_inbox *in, struct wait_queue *q, const struct socket_wait *w)
{
    struct waiter waiter;
    if (!w->may_wait) {
        return ERR_AGAIN;
    }
    wait_prepare(q, &waiter);
    spin_unlock(&in->lock);
    status_t status = sleep_as(q, &waiter, w);
    spin_lock(&in->lock);
    return status;
}

status_t unix_inbox_sleep_reader(struct unix_inbox *in, const struct socket_wait *w)
{
    struct waiter waiter;
    if (!w->may_wait) {
        return ERR_AGAIN;
    }
    wait_prepare(&in->readers, &waiter);
    spin_unlock(&in->lock);
    mutex_unlock(&in->read_lock);
    status_t status = sleep_as(&in->readers, &waiter, w);
    mutex_lock(&in->read_lock);
    spin_lock(&in->lock);
    return status;
}

void unix_inbox_tell_senders(struct unix_inbox *in, uint32_t events)
{
    list_for_each (node, &in->senders) {
        struct unix_socket *s = container_of(node, struct unix_socket, sender_link);
        event_notify(&s->inbox->events, events);
    }
}

void unix_inbox_uncharge(struct unix_inbox *in, size_t charge)
{
    in->charged -= charge;
    if ((in->flags & INBOX_WANTS_ROOM) != 0 && unix_inbox_has_room(in)) {
        in->flags &= ~(uint32_t)INBOX_WANTS_ROOM;
        // All: which of them fit into the room is theirs to see.
        wait_wake_all(&in->writers);
        unix_inbox_tell_senders(in, EVENT_OUT);
    }
}

void unix_buffers_free(struct list *buffers)
{
    for (struct list *node; (node = list_pop(buffers)) != NULL;) {
        struct unix_buffer *b = container_of(node, struct unix_buffer, link);
        unix_flight_drop(b->cargo);
        unix_name_unref(b->from);
        heap_free(b);
        thread_preempt_point();
    }
}

// Takes all buffers out; those that are charged only, since senders may be filling more.
static void take_all(struct unix_inbox *in, struct list *out) REQUIRES(in -> lock)
{
    size_t charge = 0;
    for (struct list *node; (node = list_pop(&in->buffers)) != NULL;) {
        charge += container_of(node, struct unix_buffer, link)->charge;
        list_add_tail(out, node);
    }
    in->bytes = 0;
    unix_inbox_uncharge(in, charge);
}

void unix_inbox_purge(struct unix_inbox *in)
{
    struct list buffers = LIST_INIT(buffers);
    mutex_lock(&in->read_lock);
    spin_lock(&in->lock);
    take_all(in, &buffers);
    spin_unlock(&in->lock);
    mutex_unlock(&in->read_lock);
    unix_buffers_free(&buffers);
}
