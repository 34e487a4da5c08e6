// SPDX-License-Identifier: Apache-2.0
/*
 * Sending on local sockets.  Room for a piece is taken first, then its buffers are filled without any
 * lock, then they go into the inbox: so nobody copies for nothing, and records stay whole.
 */
#include "kernel/core/thread.h"
#include "kernel/ipc/unix_priv.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"

enum {
    HEADER = sizeof(struct unix_buffer),
    BLOCK = 65536,    // the largest a buffer's memory is; smaller ones where there is none
    SMALL_MAX = 2048, // the largest that is not whole pages
    SMALL_ALIGN = 64,
};

// Memory of a buffer for `n` bytes.
static size_t charge_of_one(size_t n)
{
    size_t size = HEADER + n;
    return size <= SMALL_MAX ? align_up(size, SMALL_ALIGN)
                             : (size_t)PAGE_SIZE << log2_ceil(pages_for(size));
}

static size_t charge_of(size_t n)
{
    size_t whole = n / (BLOCK - HEADER);
    size_t rest = n % (BLOCK - HEADER);
    return whole * BLOCK + (rest != 0 || whole == 0 ? charge_of_one(rest) : 0);
}

/* ---- Room ---- */

// What there is to send, and for whom.
struct sending {
    struct unix_socket *s;
    struct unix_inbox *to;
    struct socket_message *m;
    size_t handles_charge; // of those that go with the first piece
};

static status_t check_open(const struct sending *g, const struct unix_inbox *to)
    REQUIRES(to -> lock)
{
    bool is_connected_type = unix_inbox_is_connected_type(to);
    if (atomic_load_explicit(&g->s->is_send_shut, memory_order_relaxed)) {
        return ERR_PIPE;
    }
    if ((to->flags & INBOX_REFUSES) != 0) {
        bool is_gone = (to->flags & INBOX_GONE) != 0;
        return is_gone && !is_connected_type ? ERR_CONNREFUSED : ERR_PIPE;
    }
    bool may = is_connected_type || to->source == NULL || to->source == g->s->inbox;
    return may ? OK : ERR_PERM;
}

// Bytes of the `wanted` that fit in now; none: it has to wait.  A record goes in whole.
static bool fits(const struct unix_inbox *to, size_t extra, size_t *wanted) REQUIRES(to -> lock)
{
    if (to->charged + charge_of(*wanted) + extra <= to->limit) {
        return true;
    }
    if (!unix_inbox_is_stream(to)) {
        return to->charged == 0;
    }
    size_t room = to->limit > to->charged + extra ? to->limit - to->charged - extra : 0;
    if (to->charged != 0 && room < PAGE_SIZE) {
        return false;
    }
    unsigned order = room < PAGE_SIZE ? 0 : log2_floor(room / PAGE_SIZE);
    *wanted = u64_min(*wanted, ((size_t)PAGE_SIZE << order) - HEADER);
    return true;
}

// Takes room for up to *size bytes.  *charge is what has to be given back.
static status_t take_room(const struct sending *g, size_t *size, size_t *charge)
{
    struct unix_inbox *to = g->to;
    spin_lock(&to->lock);
    status_t status = check_open(g, to);
    while (status == OK && !fits(to, g->handles_charge, size)) {
        to->flags |= INBOX_WANTS_ROOM;
        status = unix_inbox_sleep(to, &to->writers, &g->m->wait);
        status = status == OK ? check_open(g, to) : status;
    }
    if (status == OK) {
        *charge = charge_of(*size) + g->handles_charge;
        to->charged += *charge;
    }
    spin_unlock(&to->lock);
    return status;
}

static void give_room(struct unix_inbox *to, size_t charge)
{
    spin_lock(&to->lock);
    unix_inbox_uncharge(to, charge);
    spin_unlock(&to->lock);
}

/* ---- Buffers ---- */

// One for up to `n` bytes: fewer where memory is in small pieces only.
static status_t create_buffer(size_t n, struct unix_buffer **out)
{
    void *memory;
    size_t room = u64_min(n, BLOCK - HEADER);
    status_t status = heap_alloc(HEADER + room, &memory);
    if (status != OK && HEADER + room > PAGE_SIZE) {
        room = PAGE_SIZE - HEADER;
        status = heap_alloc(PAGE_SIZE, &memory);
    }
    if (status != OK) {
        return status;
    }
    *out = memory;
    **out = (struct unix_buffer){.size = (uint32_t)room};
    return OK;
}

static status_t fill(struct uio *from, size_t n, struct list *out)
{
    struct unix_buffer *b;
    do {
        status_t status = create_buffer(n, &b);
        if (status != OK) {
            return status;
        }
        list_add_tail(out, &b->link);
        b->flags = b->size < n ? BUFFER_CONTINUES : 0;
        status = uio_get(from, b->data, b->size);
        if (status != OK) {
            return status;
        }
        n -= b->size;
        thread_preempt_point();
    } while (n > 0);
    return OK;
}

static struct unix_buffer *first_of(const struct list *buffers)
{
    return container_of(buffers->next, struct unix_buffer, link);
}

static struct unix_buffer *last_of(const struct list *buffers)
{
    return container_of(buffers->prev, struct unix_buffer, link);
}

// What goes with the bytes lies in the first buffer; what they are charged in the last.
static void address(const struct sending *g, struct list *buffers, size_t charge)
{
    struct unix_buffer *first = first_of(buffers);
    struct unix_buffer *last = last_of(buffers);
    last->charge = (uint32_t)charge;
    first->flags |= (g->m->flags & ABI_MSG_EOR) != 0 ? BUFFER_EOR : 0;
    first->cargo = g->m->cargo;
    if (!unix_inbox_is_connected_type(g->to)) {
        struct unix_inbox *in = g->s->inbox;
        spin_lock(&in->lock);
        first->from = in->name;
        if (first->from != NULL) {
            refcount_inc(&first->from->refs);
        }
        spin_unlock(&in->lock);
    }
    if (g->m->has_identity) {
        first->identity = g->m->identity;
        first->flags |= BUFFER_IDENTIFIED;
    }
}

static status_t deliver(const struct sending *g, struct list *buffers, size_t size, size_t charge)
{
    struct unix_inbox *to = g->to;
    spin_lock(&to->lock);
    status_t status = check_open(g, to);
    if (status == OK) {
        // The whole list at once.
        struct list *tail = to->buffers.prev;
        tail->next = buffers->next;
        buffers->next->prev = tail;
        to->buffers.prev = buffers->prev;
        buffers->prev->next = &to->buffers;
        to->bytes += size;
    } else {
        unix_inbox_uncharge(to, charge);
    }
    unix_inbox_unlock(to, status == OK ? EVENT_IN : 0);
    return status;
}

// Sends one piece, or nothing: the uio is as before then.
static status_t send_piece(struct sending *g, struct uio *from, size_t size)
{
    struct list buffers = LIST_INIT(buffers);
    struct uio before = *from;
    size_t charge;
    status_t status = take_room(g, &size, &charge);
    if (status != OK) {
        return status;
    }
    status = fill(from, size, &buffers);
    if (status != OK) {
        give_room(g->to, charge);
        goto out_free;
    }
    address(g, &buffers, charge);
    status = deliver(g, &buffers, size, charge);
    if (status == OK) {
        g->m->cargo = NULL;
        g->handles_charge = 0;
        return OK;
    }
    first_of(&buffers)->cargo = NULL; // still the caller's

out_free:
    unix_buffers_free(&buffers);
    *from = before;
    return status;
}

/* ---- Where to ---- */

static status_t find_named(struct unix_socket *s, const struct socket_address *a,
                           struct unix_inbox **out)
{
    status_t status = unix_name_find(a, out);
    if (status == OK && (*out)->type != s->inbox->type) {
        unix_inbox_unref(*out);
        status = ERR_PROTOTYPE;
    }
    return status;
}

// The inbox to send to, with a reference.
static status_t find_target(struct unix_socket *s, const struct socket_address *a,
                            struct unix_inbox **out)
{
    bool is_connected_type = unix_inbox_is_connected_type(s->inbox);
    if (a != NULL && !is_connected_type) {
        return find_named(s, a, out);
    }
    *out = unix_peer_get(s);
    if (*out == NULL) {
        return is_connected_type ? ERR_NOTCONN : ERR_DESTADDRREQ;
    }
    if (a != NULL) {
        unix_inbox_unref(*out);
        return ERR_ISCONN;
    }
    return OK;
}

static status_t send_stream(struct sending *g, struct uio *from)
{
    status_t status = OK;
    while (status == OK && from->left > 0) {
        status = send_piece(g, from, u64_min(from->left, BLOCK - HEADER));
    }
    return status;
}

static status_t send_record(struct sending *g, struct uio *from)
{
    uint32_t limit = atomic_load_explicit(&g->s->socket.send_size, memory_order_relaxed);
    return from->left > limit ? ERR_MSGSIZE : send_piece(g, from, from->left);
}

// The identity goes along if one of the two wants it.
static void identify(struct unix_socket *s, struct unix_inbox *to, struct socket_message *m)
{
    bool is_wanted = socket_has_option(&s->socket, ABI_SO_PASSCRED) ||
                     atomic_load_explicit(&to->wants_identity, memory_order_relaxed);
    if (is_wanted && !m->has_identity) {
        caller_identity(&m->identity);
        m->has_identity = true;
    }
}

status_t unix_send(struct socket *socket, struct uio *from, struct socket_message *m)
{
    struct unix_socket *s = unix_socket_of(socket);
    struct unix_inbox *to;
    status_t status = find_target(s, m->to, &to);
    if (status != OK) {
        return status;
    }
    struct sending g = {.s = s, .to = to, .m = m};
    struct socket_cargo *cargo = m->cargo;
    if (cargo != NULL) {
        g.handles_charge = cargo->count * sizeof(cargo->entries[0]);
        unix_flight_begin(cargo);
    }
    identify(s, to, m);
    status = unix_inbox_is_stream(to) ? send_stream(&g, from) : send_record(&g, from);
    if (m->cargo != NULL) {
        unix_flight_end(m->cargo);
    }
    unix_inbox_unref(to);
    return status;
}
