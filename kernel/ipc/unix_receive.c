// SPDX-License-Identifier: Apache-2.0
/*
 * Receiving on local sockets.  Who holds read_lock is the only one to take buffers out, so it may copy
 * from one that is in the inbox without the spinlock.  Nobody sleeps for messages with read_lock.
 */
#include "kernel/core/thread.h"
#include "kernel/ipc/unix_priv.h"
#include "lib/base/bits.h"

// What one call has got so far.
struct receiving {
    struct unix_socket *s;
    struct unix_inbox *in;
    struct uio *to;
    struct socket_message *m;
    bool is_peek;
    bool has_begun;     // what goes with the message is known
    bool is_over;       // what follows belongs to another call
    bool tells_senders; // bytes of two senders are not joined
    struct list done;   // buffers that came out
};

/* ---- Waiting ---- */

// Why there is nothing: OK is the end.
static status_t why_empty(const struct receiving *r) REQUIRES(r -> in->lock)
{
    struct unix_inbox *in = r->in;
    if (in->error != OK) {
        status_t error = in->error;
        in->error = OK;
        return error;
    }
    if ((in->flags & INBOX_ENDED) != 0) {
        return OK;
    }
    bool is_unconnected = unix_inbox_is_connected_type(in) && r->s->peer == NULL;
    return is_unconnected ? ERR_NOTCONN : ERR_AGAIN;
}

// The first buffer; NULL with OK: there is the end.
static status_t await(struct receiving *r, struct unix_buffer **out)
    REQUIRES(r -> in->lock, r->in->read_lock)
{
    for (;;) {
        struct list *node = list_first(&r->in->buffers);
        if (node != NULL) {
            *out = container_of(node, struct unix_buffer, link);
            return OK;
        }
        *out = NULL;
        status_t status = why_empty(r);
        if (status != ERR_AGAIN) {
            return status;
        }
        status = unix_inbox_sleep_reader(r->in, &r->m->wait);
        if (status != OK) {
            return status;
        }
    }
}

/* ---- What goes with the bytes ---- */

static void take_cargo(struct receiving *r, struct unix_buffer *b)
{
    struct socket_message *m = r->m;
    if (b->cargo == NULL || m->cargo != NULL) {
        return;
    }
    if (!r->is_peek) {
        m->cargo = b->cargo;
        b->cargo = NULL;
    } else if (m->wants_cargo && unix_flight_copy(b->cargo, &m->cargo) != OK) {
        m->flags_out |= ABI_MSG_CTRUNC;
    }
}

static bool is_same_sender(const struct socket_message *m, const struct unix_buffer *b)
{
    bool has = (b->flags & BUFFER_IDENTIFIED) != 0;
    return has == m->has_identity && (!has || (b->identity.pid == m->identity.pid &&
                                               b->identity.principal == m->identity.principal &&
                                               b->identity.group == m->identity.group));
}

// The first buffer says who sent it.
static void begin(struct receiving *r, const struct unix_buffer *b)
{
    struct socket_message *m = r->m;
    r->has_begun = true;
    if (!unix_inbox_is_stream(r->in)) {
        m->flags_out |= (b->flags & BUFFER_EOR) != 0 ? ABI_MSG_EOR : 0;
    }
    if (m->from != NULL && !unix_inbox_is_connected_type(r->in) && b->from != NULL) {
        unix_name_get(b->from, m->from);
    }
    m->has_identity = (b->flags & BUFFER_IDENTIFIED) != 0;
    m->identity = b->identity;
}

/* ---- Streams ---- */

// Copies from a buffer, from `skip` bytes on.  The spinlock is not held.
static status_t copy(struct receiving *r, const struct unix_buffer *b, uint32_t skip,
                     uint32_t *moved)
{
    size_t before = r->to->left;
    status_t status = uio_put(r->to, b->data + skip, b->size - skip);
    *moved = (uint32_t)(before - r->to->left);
    thread_preempt_point();
    return status;
}

// The buffer is empty: it comes out.
static void take_out(struct receiving *r, struct unix_buffer *b) REQUIRES(r -> in->lock)
{
    list_del(&b->link);
    list_add_tail(&r->done, &b->link);
    unix_inbox_uncharge(r->in, b->charge);
}

// Takes from the first buffer what there is room for.
static status_t take_some(struct receiving *r, struct unix_buffer *b)
    REQUIRES(r -> in->lock, r->in->read_lock)
{
    uint32_t moved;
    spin_unlock(&r->in->lock);
    status_t status = copy(r, b, b->taken, &moved);
    bool has_cargo = b->cargo != NULL;
    if (moved > 0) {
        take_cargo(r, b);
    }
    spin_lock(&r->in->lock);
    b->taken += moved;
    r->in->bytes -= moved;
    if (b->taken == b->size) {
        take_out(r, b);
    }
    r->is_over = has_cargo;
    return status;
}

// Looks at what is there, behind the first buffer too.
static status_t peek_some(struct receiving *r, struct unix_buffer *b)
    REQUIRES(r -> in->lock, r->in->read_lock)
{
    status_t status = OK;
    struct list *node = &b->link;
    while (status == OK && !r->is_over && node != &r->in->buffers && r->to->left > 0) {
        uint32_t moved;
        b = container_of(node, struct unix_buffer, link);
        if (r->tells_senders && !is_same_sender(r->m, b)) {
            break;
        }
        r->is_over = b->cargo != NULL;
        spin_unlock(&r->in->lock);
        status = copy(r, b, b->taken, &moved);
        take_cargo(r, b);
        spin_lock(&r->in->lock);
        node = node->next;
    }
    r->is_over = true;
    return status;
}

static bool goes_on(const struct receiving *r, size_t wanted)
{
    bool wants_all = (r->m->flags & ABI_MSG_WAITALL) != 0;
    return r->to->left > 0 && !r->is_over && (r->to->left == wanted || wants_all);
}

// What is there, or all that is wanted.
static status_t receive_stream(struct receiving *r) REQUIRES(r -> in->lock, r->in->read_lock)
{
    size_t wanted = r->to->left;
    struct unix_buffer *b;
    status_t status = OK;
    while (status == OK && r->to->left > 0 && !r->is_over) {
        struct list *node = list_first(&r->in->buffers);
        if (node == NULL && !goes_on(r, wanted)) {
            break;
        }
        status = await(r, &b);
        if (status != OK || b == NULL) {
            break;
        }
        if (!r->has_begun) {
            begin(r, b);
        } else if (r->tells_senders && !is_same_sender(r->m, b)) {
            break;
        }
        status = r->is_peek ? peek_some(r, b) : take_some(r, b);
    }
    r->m->size = wanted - r->to->left;
    return r->m->size > 0 ? OK : status;
}

/* ---- Records ---- */

static struct unix_buffer *next_of(const struct unix_buffer *b)
{
    bool continues = (b->flags & BUFFER_CONTINUES) != 0;
    return continues ? container_of(b->link.next, struct unix_buffer, link) : NULL;
}

// Copies the record that begins with `b`, as far as there is room.  Its buffers were put in at once.
static status_t copy_record(struct receiving *r, struct unix_buffer *b)
{
    status_t status = OK;
    for (; status == OK && b != NULL; b = next_of(b)) {
        uint32_t moved;
        r->m->size += b->size;
        status = copy(r, b, 0, &moved);
        r->m->flags_out |= moved < b->size ? ABI_MSG_TRUNC : 0;
    }
    return status;
}

static void take_record(struct receiving *r, struct unix_buffer *b) REQUIRES(r -> in->lock)
{
    while (b != NULL) {
        struct unix_buffer *next = next_of(b);
        r->in->bytes -= b->size;
        take_out(r, b);
        b = next;
    }
}

static status_t receive_record(struct receiving *r) REQUIRES(r -> in->lock, r->in->read_lock)
{
    struct unix_buffer *b;
    status_t status = await(r, &b);
    if (status != OK || b == NULL) {
        return status;
    }
    spin_unlock(&r->in->lock);
    begin(r, b);
    status = copy_record(r, b);
    if (status == OK) {
        take_cargo(r, b);
    }
    spin_lock(&r->in->lock);
    if (status == OK && !r->is_peek) {
        take_record(r, b);
    }
    return status;
}

// The handles that came are the caller's, or end here.
static void land(struct socket_message *m)
{
    if (m->wants_cargo) {
        unix_flight_end(m->cargo);
        return;
    }
    unix_flight_drop(m->cargo);
    m->cargo = NULL;
    m->flags_out |= ABI_MSG_CTRUNC;
}

status_t unix_receive(struct socket *socket, struct uio *to, struct socket_message *m)
{
    struct unix_socket *s = unix_socket_of(socket);
    struct receiving r = {.s = s,
                          .in = s->inbox,
                          .to = to,
                          .m = m,
                          .is_peek = (m->flags & ABI_MSG_PEEK) != 0,
                          .tells_senders =
                              atomic_load_explicit(&s->inbox->wants_identity, memory_order_relaxed),
                          .done = LIST_INIT(r.done)};
    if (m->from != NULL) {
        m->from->size = 0;
    }
    mutex_lock(&r.in->read_lock);
    spin_lock(&r.in->lock);
    status_t status = unix_inbox_is_stream(r.in) ? receive_stream(&r) : receive_record(&r);
    unix_inbox_unlock(r.in, 0);
    mutex_unlock(&r.in->read_lock);
    if (m->cargo != NULL && !r.is_peek) {
        land(m);
    }
    unix_buffers_free(&r.done);
    return status;
}
