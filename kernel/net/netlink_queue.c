// SPDX-License-Identifier: Apache-2.0
/* What waits at netlink sockets: answers, notices, and lists that are written as they are read. */
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "kernel/net/netlink_priv.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { PART_MAX = 8192 }; // bytes of a list at once, with the record in front of it

/* ---- The queue ---- */

static void lose(struct netlink_socket *s)
{
    spin_lock(&s->lock);
    s->has_lost = !s->tells_no_loss;
    spin_unlock(&s->lock);
    wait_wake_all(&s->readers);
    event_notify(&s->events, EVENT_IN | EVENT_ERR);
}

static bool enqueue(struct netlink_socket *s, struct netlink_buffer *b, bool is_limited)
{
    uint32_t limit = atomic_load_explicit(&s->socket.receive_size, memory_order_relaxed);
    uint32_t charge = b->size + (uint32_t)sizeof(*b);
    spin_lock(&s->lock);
    bool has_room = !is_limited || s->charged + charge <= limit;
    bool is_taken = has_room && !s->is_closed;
    if (is_taken) {
        s->charged += charge;
        list_add_tail(&s->queue, &b->link);
    }
    spin_unlock(&s->lock);
    if (is_taken) {
        wait_wake_one(&s->readers);
        event_notify(&s->events, EVENT_IN);
    }
    return is_taken;
}

void netlink_queue_copy(struct netlink_socket *s, uint32_t group, const void *bytes, size_t size)
{
    void *memory;
    if (heap_alloc(sizeof(struct netlink_buffer) + size, &memory) != OK) {
        lose(s);
        return;
    }
    struct netlink_buffer *b = memory;
    *b = (struct netlink_buffer){.size = (uint32_t)size, .group = group};
    memcpy(b->bytes, bytes, size);
    if (!enqueue(s, b, true)) {
        heap_free(b);
        lose(s);
    }
}

void netlink_queue(struct netlink_socket *s, const void *bytes, size_t size)
{
    netlink_queue_copy(s, 0, bytes, size);
}

/* ---- Lists ---- */

status_t netlink_start_dump(struct netlink_socket *s, const struct netlink_dump *d)
{
    status_t status = ERR_BUSY;
    mutex_lock(&s->dump_lock);
    if (s->dump.list == NULL) {
        s->dump = *d;
        atomic_store_explicit(&s->is_dumping, true, memory_order_release);
        status = OK;
    }
    mutex_unlock(&s->dump_lock);
    wait_wake_one(&s->readers);
    event_notify(&s->events, EVENT_IN);
    return status;
}

// The end of a list: whether it is whole is not said, as a list read with a cursor always is.
static bool write_done(struct netlink_dump *d, struct netlink_writer *w)
{
    struct abi_nlmsghdr h = d->header;
    const int32_t none = 0;
    h.type = ABI_NLMSG_DONE;
    netlink_begin(w, &h);
    netlink_put(w, &none, sizeof(none));
    return netlink_end(w);
}

// Fills a buffer with what comes next; gives whether that was the end.
static bool write_part(struct netlink_dump *d, struct netlink_writer *w)
{
    status_t status = OK;
    while (status == OK) {
        status = d->list->next(d, w);
    }
    return status == ERR_NOENT && write_done(d, w);
}

// The next part of the list goes into the queue, which is empty.
static status_t queue_part(struct netlink_socket *s)
{
    void *memory;
    struct netlink_writer w;
    status_t status = heap_alloc(PART_MAX, &memory);
    if (status != OK) {
        return ERR_NOBUFS;
    }
    struct netlink_buffer *b = memory;
    netlink_writer_init(&w, b->bytes, PART_MAX - sizeof(*b));
    mutex_lock(&s->dump_lock);
    if (s->dump.list != NULL && write_part(&s->dump, &w)) {
        s->dump.list = NULL;
        atomic_store_explicit(&s->is_dumping, false, memory_order_release);
    }
    b->size = (uint32_t)w.used;
    b->group = 0;
    if (b->size == 0 || !enqueue(s, b, false)) {
        heap_free(b);
    }
    mutex_unlock(&s->dump_lock);
    return OK;
}

/* ---- Receiving ---- */

static struct netlink_buffer *take_first(struct netlink_socket *s, bool is_peek) REQUIRES(s -> lock)
{
    struct netlink_buffer *b = container_of(list_first(&s->queue), struct netlink_buffer, link);
    if (!is_peek) {
        list_del_init(&b->link);
        s->charged -= b->size + (uint32_t)sizeof(*b);
    }
    return b;
}

static status_t sleep(struct netlink_socket *s, const struct socket_wait *w) REQUIRES(s -> lock)
{
    struct waiter waiter;
    if (!w->may_wait) {
        return ERR_AGAIN;
    }
    wait_prepare(&s->readers, &waiter);
    spin_unlock(&s->lock);
    status_t status = wait_sleep(&waiter, w->deadline, WAIT_INTERRUPTIBLE);
    wait_finish(&s->readers, &waiter);
    if (status == ERR_INTR && w->deadline != NSEC_NEVER) {
        status = ERR_INTR_TIMED;
    }
    spin_lock(&s->lock);
    return status == ERR_TIMEDOUT ? ERR_AGAIN : status;
}

// Something to read is in the queue, or it is over: OK with an empty queue.
static status_t await(struct netlink_socket *s, const struct socket_wait *w) REQUIRES(s -> lock)
{
    status_t status = OK;
    while (status == OK && list_is_empty(&s->queue) && !s->is_closed) {
        if (s->has_lost) {
            s->has_lost = false;
            return ERR_NOBUFS;
        }
        if (atomic_load_explicit(&s->is_dumping, memory_order_acquire)) {
            spin_unlock(&s->lock);
            status = queue_part(s);
            spin_lock(&s->lock);
        } else {
            status = sleep(s, w);
        }
    }
    return status;
}

static void describe(const struct netlink_socket *s, const struct netlink_buffer *b,
                     struct socket_message *m)
{
    if (m->from != NULL) {
        struct abi_sockaddr_nl from = {.family = ABI_AF_NETLINK,
                                       .groups = b->group == 0 ? 0 : 1u << (b->group - 1)};
        m->from->size = sizeof(from);
        memcpy(m->from->bytes, &from, sizeof(from));
    }
    if (s->wants_group) {
        socket_control_add(m, ABI_SOL_NETLINK, ABI_NETLINK_PKTINFO, &b->group, sizeof(b->group));
    }
}

// Copies to the caller.  A buffer that is only looked at stays in the queue, of which `b` is a copy.
static status_t give(const struct netlink_socket *s, const struct netlink_buffer *b, struct uio *to,
                     struct socket_message *m)
{
    m->size = b->size;
    size_t size = u64_min(to->left, b->size);
    m->flags_out |= size < b->size ? ABI_MSG_TRUNC : 0;
    describe(s, b, m);
    return uio_put(to, b->bytes, size);
}

// What is looked at may be taken by another thread at any time.
static status_t peek(struct netlink_socket *s, struct netlink_buffer **out)
{
    void *memory;
    status_t status = heap_alloc(PART_MAX, &memory);
    if (status != OK) {
        return ERR_NOBUFS;
    }
    struct netlink_buffer *copy = memory;
    *copy = (struct netlink_buffer){.size = 0};
    spin_lock(&s->lock);
    if (!list_is_empty(&s->queue)) {
        const struct netlink_buffer *b = take_first(s, true);
        *copy = (struct netlink_buffer){.size = b->size, .group = b->group};
        memcpy(copy->bytes, b->bytes, b->size);
    }
    spin_unlock(&s->lock);
    *out = copy;
    return OK;
}

status_t netlink_receive(struct socket *socket, struct uio *to, struct socket_message *m)
{
    struct netlink_socket *s = netlink_of(socket);
    struct netlink_buffer *b = NULL;
    bool is_peek = (m->flags & ABI_MSG_PEEK) != 0;
    if (!grant_is_valid(s->grant)) {
        return ERR_PERM;
    }
    spin_lock(&s->lock);
    status_t status = await(s, &m->wait);
    bool has_some = status == OK && !list_is_empty(&s->queue);
    if (has_some && !is_peek) {
        b = take_first(s, false);
    }
    spin_unlock(&s->lock);
    if (has_some && is_peek) {
        status = peek(s, &b);
    }
    if (status == OK && b != NULL) {
        status = give(s, b, to, m);
    }
    heap_free(b);
    return status;
}
