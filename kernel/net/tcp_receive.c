// SPDX-License-Identifier: Apache-2.0
/*
 * Receiving.  Who holds read_lock is the only one to take packets out, so it may copy from one that is
 * in the queue without the socket's lock.  Nobody sleeps for more with read_lock.
 */
#include "kernel/core/thread.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/bits.h"

// What one call has got so far.
struct receiving {
    struct tcp_socket *s;
    struct uio *to;
    const struct socket_message *m;
    size_t wanted;
    struct list *node; // of the packet that is looked at; NULL: the first
    uint32_t skip;     // bytes of it
    uint32_t consumed; // bytes that the machine does not know of yet
    struct list done;  // packets that came out
};

// Why there is nothing: OK is the end.
static status_t why_empty(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    if (s->inet.error != OK) {
        status_t error = s->inet.error;
        s->inet.error = OK;
        return error;
    }
    if (s->is_ended || s->is_receive_shut) {
        return OK;
    }
    enum tcp_state state = tcp_state(&s->machine);
    if (state == TCP_CLOSED) {
        return s->is_connected ? OK : ERR_NOTCONN;
    }
    return grant_is_valid(s->inet.grant) ? ERR_AGAIN : ERR_PERM;
}

static status_t copy(const struct receiving *r, const struct packet *p, uint32_t skip,
                     uint32_t size)
{
    if ((r->m->flags & (ABI_MSG_TRUNC | ABI_MSG_PEEK)) == ABI_MSG_TRUNC) {
        uio_skip(r->to, size);
        return OK;
    }
    return tcp_packet_copy(p, skip, size, r->to);
}

static bool is_peek(const struct receiving *r)
{
    return (r->m->flags & ABI_MSG_PEEK) != 0;
}

// The packet to go on with; NULL: there is none.
static struct packet *current(struct receiving *r) REQUIRES(r -> s->inet.lock)
{
    struct list *ready = &r->s->receive.ready;
    struct list *node = r->node == NULL ? ready->next : r->node;
    for (;;) {
        if (node == ready) {
            return NULL;
        }
        struct packet *p = container_of(node, struct packet, link);
        if (r->skip < p->total) {
            r->node = is_peek(r) ? node : NULL;
            return p;
        }
        r->skip -= p->total;
        node = node->next;
    }
}

static void take(struct receiving *r, uint32_t moved) REQUIRES(r -> s->inet.lock)
{
    if (is_peek(r)) {
        r->skip += moved;
        return;
    }
    struct packet *empty = moved > 0 ? tcp_receive_queue_take(&r->s->receive, moved) : NULL;
    if (empty != NULL) {
        list_add_tail(&r->done, &empty->link);
    }
    r->consumed += moved;
}

// Copies what there is, as far as it is wanted.
static status_t copy_ready(struct receiving *r) REQUIRES(r -> s->inet.lock, r->s->read_lock)
{
    struct packet *p;
    status_t status = OK;
    while (status == OK && r->to->left > 0 && (p = current(r)) != NULL) {
        size_t before = r->to->left;
        uint32_t size = (uint32_t)u64_min(r->to->left, p->total - r->skip);
        uint32_t skip = r->skip;
        spin_unlock(&r->s->inet.lock);
        status = copy(r, p, skip, size);
        thread_preempt_point();
        spin_lock(&r->s->inet.lock);
        take(r, (uint32_t)(before - r->to->left));
    }
    return status;
}

// The machine learns what was read, which may open the window.
static void consume(struct receiving *r) RELEASES(r -> s->inet.lock)
{
    struct tcp_after after;
    uint32_t consumed = r->consumed;
    r->consumed = 0;
    if (consumed > 0) {
        tcp_consume(&r->s->machine, consumed);
    }
    if (!tcp_wants_output(&r->s->machine)) {
        tcp_count_memory(r->s);
        spin_unlock(&r->s->inet.lock);
        packet_free_all(&r->done);
        return;
    }
    tcp_after_init(&after);
    list_move_all(&r->done, &after.packets);
    tcp_release(r->s, &after, time_now());
}

// Sleeps for more, without both locks, and comes back with them.
static status_t await(struct receiving *r) REQUIRES(r -> s->inet.lock, r->s->read_lock)
{
    struct waiter waiter;
    const struct socket_wait *w = &r->m->wait;
    if (!w->may_wait) {
        return ERR_AGAIN;
    }
    wait_prepare(&r->s->inet.readers, &waiter);
    consume(r);
    mutex_unlock(&r->s->read_lock);
    status_t status = wait_sleep(&waiter, w->deadline, WAIT_INTERRUPTIBLE);
    wait_finish(&r->s->inet.readers, &waiter);
    mutex_lock(&r->s->read_lock);
    spin_lock(&r->s->inet.lock);
    r->node = NULL; // others may have read meanwhile
    r->skip = is_peek(r) ? (uint32_t)(r->wanted - r->to->left) : 0;
    if (status == ERR_INTR && w->deadline != NSEC_NEVER) {
        status = ERR_INTR_TIMED;
    }
    return status == ERR_TIMEDOUT ? ERR_AGAIN : status;
}

// Whether what was got is enough.
static bool is_enough(const struct receiving *r, size_t target)
{
    return r->to->left == 0 || r->wanted - r->to->left >= target;
}

static size_t target_of(const struct receiving *r)
{
    if ((r->m->flags & ABI_MSG_WAITALL) != 0) {
        return r->wanted;
    }
    uint32_t low = atomic_load_explicit(&r->s->inet.socket.low_water, memory_order_relaxed);
    return u64_min(low, r->wanted);
}

static status_t receive(struct receiving *r) REQUIRES(r -> s->inet.lock, r->s->read_lock)
{
    size_t target = target_of(r);
    status_t status = OK;
    for (;;) {
        status = copy_ready(r);
        if (status != OK || is_enough(r, target)) {
            break;
        }
        bool has_some = r->to->left != r->wanted;
        if (has_some && r->s->inet.error != OK) {
            break; // told by the next call
        }
        status = why_empty(r->s);
        if (status == ERR_AGAIN) {
            status = await(r);
            if (status == OK) {
                continue;
            }
        }
        break;
    }
    return status;
}

status_t tcp_socket_receive(struct socket *socket, struct uio *to, struct socket_message *m)
{
    struct tcp_socket *s = tcp_of(socket);
    struct receiving r = {.s = s, .to = to, .m = m, .wanted = to->left, .done = LIST_INIT(r.done)};
    if (m->from != NULL) {
        m->from->size = 0;
    }
    if (to->left == 0) {
        return OK;
    }
    mutex_lock(&r.s->read_lock);
    spin_lock(&r.s->inet.lock);
    status_t status = r.s->is_listening ? ERR_NOTCONN : receive(&r);
    consume(&r);
    mutex_unlock(&r.s->read_lock);
    m->size = r.wanted - to->left;
    return m->size > 0 ? OK : status;
}
