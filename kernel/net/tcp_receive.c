// SPDX-License-Identifier: Apache-2.0
/*
 * Received bytes.  Packets are kept as they came; who holds read_lock is the only one to take from the
 * first of them, so it may copy without the spinlock.  Nobody sleeps for bytes with read_lock.
 */
#include "kernel/core/thread.h"
#include "kernel/net/datagram.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/bits.h"

/* ---- Coming in ---- */

static struct packet *packet_of(struct list *node)
{
    return container_of(node, struct packet, link);
}

bool tcp_may_keep(const struct tcp_socket *s, const struct packet *p)
{
    // Memory beside the bytes counts as well: for packets as they should be a buffer's worth of bytes
    // fits, and one that is in order fits where nothing else is to be read.
    uint32_t limit = 2 * s->config.receive_buffer;
    return s->charged + p->charge <= limit || list_is_empty(&s->received);
}

static void add_in_order(struct tcp_socket *s, struct packet *p) REQUIRES(s -> inet.lock)
{
    list_add_tail(&s->received, &p->link);
    s->received_end += p->total;
    s->readable += p->total;
}

static void add_early(struct tcp_socket *s, struct packet *p) REQUIRES(s -> inet.lock)
{
    struct list *after = s->early.prev;
    while (after != &s->early && tcp_seq_lt(p->position, packet_of(after)->position)) {
        after = after->prev;
    }
    list_insert_between(&p->link, after, after->next);
}

void tcp_keep(struct tcp_socket *s, struct packet *p, uint32_t header_size,
              const struct tcp_result *r)
{
    packet_pull(p, header_size + r->skip);
    packet_trim(p, r->take);
    p->position = s->received_end + r->offset;
    s->charged += p->charge;
    if (r->offset != 0) {
        add_early(s, p);
        return;
    }
    add_in_order(s, p);
    for (struct list *node;
         (node = list_first(&s->early)) != NULL && packet_of(node)->position == s->received_end;) {
        list_del(node);
        add_in_order(s, packet_of(node));
    }
}

void tcp_drop_received(struct tcp_socket *s)
{
    packet_free_all(&s->received);
    packet_free_all(&s->early);
}

/* ---- Reading ---- */

// Why there is nothing: OK is the end.
static status_t why_empty(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    if (s->inet.error != OK) {
        status_t error = s->inet.error;
        s->inet.error = OK;
        return error;
    }
    if ((s->flags & (TCP_SOCKET_ENDED | TCP_SOCKET_RECEIVE_SHUT)) != 0) {
        return OK;
    }
    if (s->role == TCP_ROLE_CONNECTION) {
        return ERR_AGAIN;
    }
    return (s->flags & TCP_SOCKET_WAS_CONNECTED) != 0 ? OK : ERR_NOTCONN;
}

// What one call does.
struct reading {
    struct uio *to;
    uint32_t flags;    // MSG_*
    uint32_t skip;     // of what is there, looked at only
    struct list *at;   // packet to look at next; NULL: the first
    uint32_t consumed; // bytes
    struct list done;  // packets that were read
};

// Copies from a packet without the spinlock; with MSG_TRUNC the bytes go nowhere.
static status_t copy(struct reading *r, const struct packet *p, uint32_t *moved)
{
    size_t before = r->to->left;
    size_t size = u64_min(before, p->total);
    status_t status = OK;
    if ((r->flags & ABI_MSG_TRUNC) != 0) {
        uio_skip(r->to, size);
    } else {
        status = datagram_copy_out(p, r->to, size);
    }
    *moved = (uint32_t)(before - r->to->left);
    thread_preempt_point();
    return status;
}

static status_t take_first(struct tcp_socket *s, struct reading *r)
    REQUIRES(s -> inet.lock, s->read_lock)
{
    struct packet *p = packet_of(list_first(&s->received));
    uint32_t moved;
    spin_unlock(&s->inet.lock);
    status_t status = copy(r, p, &moved);
    spin_lock(&s->inet.lock);
    r->consumed += moved;
    s->readable -= moved;
    if (moved == p->total) {
        list_del(&p->link);
        list_add_tail(&r->done, &p->link);
        s->charged -= p->charge;
    } else {
        packet_pull(p, moved);
    }
    return status;
}

static status_t look_at_next(struct tcp_socket *s, struct reading *r)
    REQUIRES(s -> inet.lock, s->read_lock)
{
    uint32_t moved;
    struct list *node = r->at == NULL ? list_first(&s->received) : r->at->next;
    spin_unlock(&s->inet.lock);
    status_t status = copy(r, packet_of(node), &moved);
    spin_lock(&s->inet.lock);
    r->at = node;
    r->skip += moved;
    return status;
}

// What is there, as far as there is room.
static status_t read_available(struct tcp_socket *s, struct reading *r)
    REQUIRES(s -> inet.lock, s->read_lock)
{
    status_t status = OK;
    if ((r->flags & ABI_MSG_PEEK) != 0) {
        r->skip = 0;
        r->at = NULL;
        while (status == OK && r->to->left != 0 && r->skip < s->readable) {
            status = look_at_next(s, r);
        }
        return status;
    }
    while (status == OK && r->to->left != 0 && s->readable != 0) {
        status = take_first(s, r);
    }
    return status;
}

// Tells the machine, which opens the window, and frees what was read.
static void finish(struct tcp_socket *s, struct reading *r, struct tcp_turn *turn)
    RELEASES(s -> inet.lock)
{
    if (r->consumed != 0 && s->role == TCP_ROLE_CONNECTION) {
        tcp_consume(&s->machine, r->consumed);
    }
    r->consumed = 0;
    tcp_turn_end(s, turn);
}

// Whether the call has what it wants: something, or all of it.
static bool is_enough(const struct reading *r, size_t wanted)
{
    bool wants_all = (r->flags & (ABI_MSG_WAITALL | ABI_MSG_PEEK)) == ABI_MSG_WAITALL;
    return wants_all ? r->to->left == 0 : r->to->left < wanted;
}

static status_t read_once(struct tcp_socket *s, struct reading *r, const struct socket_wait *w,
                          size_t wanted, bool *is_over)
{
    struct tcp_turn turn;
    mutex_lock(&s->read_lock);
    tcp_turn_begin(s, &turn);
    status_t status = read_available(s, r);
    *is_over = status != OK || is_enough(r, wanted);
    if (!*is_over) {
        status = why_empty(s);
        *is_over = status != ERR_AGAIN;
    }
    finish(s, r, &turn);
    mutex_unlock(&s->read_lock);
    packet_free_all(&r->done);
    if (*is_over) {
        return status;
    }
    spin_lock(&s->inet.lock);
    bool is_still_empty = s->readable == 0 || (r->flags & ABI_MSG_PEEK) != 0;
    status = is_still_empty ? tcp_sleep(s, &s->inet.readers, w) : OK;
    spin_unlock(&s->inet.lock);
    *is_over = status != OK;
    return status;
}

status_t tcp_receive_bytes(struct socket *socket, struct uio *to, struct socket_message *m)
{
    struct tcp_socket *s = tcp_of(socket);
    struct reading r = {.to = to, .flags = m->flags, .done = LIST_INIT(r.done)};
    size_t wanted = to->left;
    bool is_over = false;
    status_t status = OK;
    if (m->from != NULL) {
        m->from->size = 0;
    }
    if ((m->flags & ABI_MSG_OOB) != 0) {
        return ERR_INVAL;
    }
    if (!grant_is_valid(s->inet.grant)) {
        return ERR_PERM;
    }
    while (!is_over) {
        status = read_once(s, &r, &m->wait, wanted, &is_over);
    }
    m->size = wanted - to->left;
    return to->left < wanted ? OK : status;
}
