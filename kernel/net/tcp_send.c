// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes to send.  They are copied into pages without the spinlock, with send_lock held, which keeps the
 * bytes of one call together, and then join the queue.
 */
#include "kernel/core/thread.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/bits.h"

enum { PIECE_MAX = 65536 }; // copied before any of it is sent

// A writer goes on when a third is free.
bool tcp_has_room(const struct tcp_socket *s)
{
    uint32_t limit = atomic_load_explicit(&s->inet.socket.send_size, memory_order_relaxed);
    return s->to_send.size <= limit / 3 * 2;
}

// Whether bytes may go: OK, why not, or ERR_AGAIN: not yet.
static status_t check_open(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    if (s->inet.error != OK) {
        status_t error = s->inet.error;
        s->inet.error = OK;
        return error;
    }
    if ((s->flags & TCP_SOCKET_SEND_SHUT) != 0) {
        return ERR_PIPE;
    }
    if (s->role != TCP_ROLE_CONNECTION) {
        return (s->flags & TCP_SOCKET_WAS_CONNECTED) != 0 ? ERR_PIPE : ERR_NOTCONN;
    }
    return (s->flags & TCP_SOCKET_WAS_CONNECTED) != 0 ? OK : ERR_AGAIN;
}

// Bytes that may be added now, up to `wanted`; waits until there are some.
static status_t wait_for_room(struct tcp_socket *s, const struct socket_wait *w, size_t wanted,
                              uint32_t *room)
{
    status_t status;
    spin_lock(&s->inet.lock);
    for (;;) {
        uint32_t limit = atomic_load_explicit(&s->inet.socket.send_size, memory_order_relaxed);
        status = check_open(s);
        if (status == OK && s->to_send.size < limit) {
            *room = (uint32_t)u64_min(u64_min(wanted, limit - s->to_send.size), PIECE_MAX);
            break;
        }
        if (status != OK && status != ERR_AGAIN) {
            break;
        }
        s->flags |= TCP_SOCKET_WANTS_ROOM;
        status = tcp_sleep(s, &s->inet.writers, w);
        if (status != OK) {
            break;
        }
    }
    spin_unlock(&s->inet.lock);
    return status;
}

// The batch joins the queue.  What was copied is lost if the connection has ended meanwhile, as it would
// be had it ended a moment later.
static status_t add(struct tcp_socket *s, struct tcp_batch *batch, bool has_more)
{
    struct tcp_turn turn;
    tcp_turn_begin(s, &turn);
    status_t status = check_open(s);
    if (status == OK) {
        uint32_t size = batch->size;
        bool is_corked = has_more || s->is_corked;
        tcp_bytes_append(&s->to_send, batch);
        if (s->config.is_corked != is_corked) {
            s->config.is_corked = is_corked;
            tcp_configure(&s->machine, &s->config);
        }
        tcp_send(&s->machine, size, turn.now);
    }
    tcp_turn_end(s, &turn);
    tcp_batch_clear(batch);
    return status;
}

static status_t send_piece(struct tcp_socket *s, struct uio *from, struct socket_message *m)
{
    uint32_t room;
    struct tcp_batch batch;
    status_t status = wait_for_room(s, &m->wait, from->left, &room);
    if (status != OK) {
        return status;
    }
    tcp_batch_init(&batch);
    status = tcp_batch_copy(&batch, from, room);
    if (batch.size == 0) {
        return status;
    }
    bool has_more = (m->flags & ABI_MSG_MORE) != 0 || (from->left != 0 && status == OK);
    status_t added = add(s, &batch, has_more);
    return added != OK ? added : status;
}

status_t tcp_send_bytes(struct socket *socket, struct uio *from, struct socket_message *m)
{
    struct tcp_socket *s = tcp_of(socket);
    size_t wanted = from->left;
    status_t status = OK;
    if ((m->flags & ABI_MSG_OOB) != 0) {
        return ERR_NOTSUP;
    }
    if (!grant_is_valid(s->inet.grant)) {
        return ERR_PERM;
    }
    if (!mutex_lock_interruptible(&s->send_lock)) {
        return ERR_INTR;
    }
    do {
        status = send_piece(s, from, m);
    } while (status == OK && from->left != 0);
    mutex_unlock(&s->send_lock);
    return from->left < wanted ? OK : status;
}
