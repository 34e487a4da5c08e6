// SPDX-License-Identifier: Apache-2.0
/*
 * Sending.  Bytes are copied into pieces that nobody sees yet, without the socket's lock, by who holds
 * write_lock; then they are queued, and what may go goes at once.
 */
#include "kernel/core/thread.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/bits.h"

enum { COPY_MAX = TCP_PIECE_PAGES_MAX * PAGE_SIZE }; // at a time

/* ---- Room ---- */

static bool is_pending(const struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    enum tcp_state state = tcp_state(&s->machine);
    return state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED;
}

static status_t check_open(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    if (s->inet.error != OK) {
        status_t error = s->inet.error;
        s->inet.error = OK;
        return error;
    }
    enum tcp_state state = tcp_state(&s->machine);
    bool may_send = state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT || is_pending(s);
    if (s->is_send_shut || !may_send) {
        return ERR_PIPE;
    }
    return grant_is_valid(s->inet.grant) ? OK : ERR_PERM;
}

// Bytes that may be queued now.
static uint32_t room_of(const struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    uint32_t limit = tcp_send_limit(s);
    uint32_t charge = s->send.charge;
    if (is_pending(s)) {
        return 0;
    }
    if (charge == 0) {
        return limit;
    }
    if (charge >= limit || tcp_memory_is_short()) {
        return 0;
    }
    return (uint32_t)u64_max(limit - charge, PAGE_SIZE);
}

// Waits for room, without write_lock; other threads may send meanwhile.
static status_t await_room(struct tcp_socket *s, const struct socket_wait *w, uint32_t *room)
    REQUIRES(s -> inet.lock, s->write_lock)
{
    status_t status = check_open(s);
    while (status == OK && (*room = room_of(s)) == 0) {
        if (!w->may_wait) {
            s->wants_room = true;
            return ERR_AGAIN;
        }
        struct waiter waiter;
        s->wants_room = true;
        wait_prepare(&s->inet.writers, &waiter);
        spin_unlock(&s->inet.lock);
        mutex_unlock(&s->write_lock);
        status = wait_sleep(&waiter, w->deadline, WAIT_INTERRUPTIBLE);
        wait_finish(&s->inet.writers, &waiter);
        mutex_lock(&s->write_lock);
        spin_lock(&s->inet.lock);
        if (status == ERR_INTR && w->deadline != NSEC_NEVER) {
            status = ERR_INTR_TIMED;
        }
        status = status == ERR_TIMEDOUT ? ERR_AGAIN : status;
        status = status == OK ? check_open(s) : status;
    }
    return status;
}

/* ---- Pieces ---- */

static void set_corked(struct tcp_socket *s, bool is_corked) REQUIRES(s -> inet.lock)
{
    if (s->config.is_corked != is_corked) {
        s->config.is_corked = is_corked;
        tcp_configure(&s->machine, &s->config);
    }
}

// `moved` bytes were queued: they go, or wait for what the caller says comes next.
static void go(struct tcp_socket *s, uint32_t moved, bool has_more, struct tcp_after *after)
    RELEASES(s -> inet.lock)
{
    nsec_t now = time_now();
    if (moved > 0) {
        set_corked(s, s->is_corked || has_more);
        tcp_send(&s->machine, moved, now);
    }
    tcp_release(s, after, now);
}

// Fills what is left of the last piece.
static status_t send_behind(struct tcp_socket *s, struct uio *from, struct tcp_piece *p,
                            size_t size, bool wants_more) REQUIRES(s -> write_lock)
{
    uint32_t moved;
    struct tcp_after after;
    tcp_after_init(&after);
    status_t status = tcp_piece_fill(p, from, size, &moved);
    spin_lock(&s->inet.lock);
    status_t open = check_open(s);
    if (open != OK) {
        tcp_send_queue_fill_end(&s->send, 0, &after.pieces);
        tcp_release(s, &after, time_now());
        return open;
    }
    tcp_send_queue_fill_end(&s->send, moved, &after.pieces);
    go(s, moved, wants_more || (status == OK && from->left > 0), &after);
    return status;
}

static status_t send_new(struct tcp_socket *s, struct uio *from, size_t size, bool is_alone,
                         bool wants_more) REQUIRES(s -> write_lock)
{
    uint32_t moved;
    struct tcp_piece *p;
    struct tcp_after after;
    status_t status = tcp_piece_create(size, is_alone, &p);
    if (status != OK) {
        return status;
    }
    status = tcp_piece_fill(p, from, size, &moved);
    if (moved == 0) {
        tcp_piece_free(p);
        return status;
    }
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    status_t open = check_open(s);
    if (open != OK) {
        spin_unlock(&s->inet.lock);
        tcp_piece_free(p);
        return open;
    }
    tcp_send_queue_append(&s->send, p, moved);
    go(s, moved, wants_more || (status == OK && from->left > 0), &after);
    return status;
}

// Sends some of it.  An error leaves the uio behind what was sent.
static status_t send_some(struct tcp_socket *s, struct uio *from, const struct socket_message *m)
    REQUIRES(s -> write_lock)
{
    uint32_t room;
    bool wants_more = (m->flags & ABI_MSG_MORE) != 0;
    spin_lock(&s->inet.lock);
    status_t status = await_room(s, &m->wait, &room);
    if (status != OK) {
        spin_unlock(&s->inet.lock);
        return status;
    }
    bool is_alone = list_is_empty(&s->send.pieces);
    struct tcp_piece *last = tcp_send_queue_fill_begin(&s->send);
    spin_unlock(&s->inet.lock);
    struct uio before = *from;
    size_t size = u64_min(from->left, u64_min(room, COPY_MAX));
    status = last != NULL ? send_behind(s, from, last, size, wants_more)
                          : send_new(s, from, size, is_alone, wants_more);
    if (status != OK && status != ERR_FAULT) {
        *from = before;
    }
    return status;
}

// What was held back for more that did not come goes.
static void uncork(struct tcp_socket *s)
{
    struct tcp_after after;
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    set_corked(s, s->is_corked);
    tcp_release(s, &after, time_now());
}

status_t tcp_socket_send(struct socket *socket, struct uio *from, struct socket_message *m)
{
    struct tcp_socket *s = tcp_of(socket);
    size_t before = from->left;
    status_t status = OK;
    mutex_lock(&s->write_lock);
    while (status == OK && from->left > 0) {
        status = send_some(s, from, m);
        thread_preempt_point();
    }
    bool is_cut = status != OK && from->left != before;
    if ((is_cut || before == 0) && (m->flags & ABI_MSG_MORE) == 0) {
        uncork(s);
    }
    mutex_unlock(&s->write_lock);
    return status;
}

status_t tcp_socket_send_pages(struct socket *socket, struct page *const *pages, uint32_t offset,
                               uint32_t size, struct socket_message *m)
{
    struct tcp_socket *s = tcp_of(socket);
    struct tcp_piece *p;
    struct tcp_after after;
    uint32_t room;
    status_t status = tcp_piece_create_pages(pages, offset, size, &p);
    if (status != OK) {
        return status;
    }
    tcp_after_init(&after);
    mutex_lock(&s->write_lock);
    spin_lock(&s->inet.lock);
    status = await_room(s, &m->wait, &room);
    if (status == OK) {
        tcp_send_queue_append(&s->send, p, size);
        go(s, size, (m->flags & ABI_MSG_MORE) != 0, &after);
    } else {
        spin_unlock(&s->inet.lock);
        p->page_count = 0; // they are the caller's
        tcp_piece_free(p);
    }
    mutex_unlock(&s->write_lock);
    return status;
}
