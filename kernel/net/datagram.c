// SPDX-License-Identifier: Apache-2.0
/* Queues of datagrams: what comes in, and who reads it. */
#include "kernel/net/datagram.h"

#include "abi/termios.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"
#include "kernel/net/netlink.h"
#include "lib/base/bits.h"

void datagram_init(struct datagram_socket *s, const struct datagram_ops *ops)
{
    s->ops = ops;
    list_init(&s->queue);
    list_init(&s->errors);
    s->charged = 0;
    s->error_count = 0;
    s->drops = 0;
    s->is_connected = false;
    s->is_receive_shut = false;
    s->is_send_shut = false;
    s->is_closed = false;
    s->path = (struct ip_path){.netif = NULL};
    atomic_init(&s->sent, 0);
    atomic_init(&s->wants_room, false);
}

void datagram_unref(struct datagram *d)
{
    if (d != NULL && refcount_dec(&d->refs)) {
        packet_free(d->packet);
        heap_free(d);
    }
}

static void drop_all(struct list *datagrams)
{
    for (struct list *node; (node = list_pop(datagrams)) != NULL;) {
        datagram_unref(container_of(node, struct datagram, link));
        thread_preempt_point();
    }
}

/* ---- Ports ---- */

static bool is_bound(struct inet_socket *s)
{
    spin_lock(&s->lock);
    bool is = s->local.port != 0;
    spin_unlock(&s->lock);
    return is;
}

status_t datagram_bind_any(struct datagram_socket *s)
{
    struct inet_socket *i = &s->inet;
    if (s->ops->ports == NULL || is_bound(i)) {
        return OK;
    }
    const struct inet_name any = {.address = i->socket.family == ABI_AF_INET ? ip4(0) : IP_ANY};
    status_t status = inet_port_bind(*s->ops->ports, i, &any);
    // Another thread may have done it meanwhile.
    return status == ERR_INVAL && is_bound(i) ? OK : status;
}

status_t datagram_bind(struct socket *socket, const struct socket_address *a)
{
    struct inet_socket *s = inet_of(socket);
    struct inet_name want;
    status_t status = inet_name_read(s, a, &want);
    return status == OK ? inet_port_bind(*datagram_of(socket)->ops->ports, s, &want) : status;
}

static void unbind(struct datagram_socket *s)
{
    if (s->ops->ports != NULL) {
        inet_port_unbind(*s->ops->ports, &s->inet);
    }
    if (s->ops->unbind != NULL) {
        s->ops->unbind(s);
    }
}

/* ---- Coming in ---- */

static bool enqueue(struct datagram_socket *s, struct datagram *d)
{
    struct inet_socket *i = &s->inet;
    uint32_t limit = atomic_load_explicit(&i->socket.receive_size, memory_order_relaxed);
    spin_lock(&i->lock);
    // One fits in whatever its size, so that no limit is too small for it.
    bool has_room = s->charged == 0 || (s->charged <= limit && d->charge <= limit - s->charged);
    bool is_wanted = !s->is_closed && !s->is_receive_shut;
    if (is_wanted && has_room) {
        s->charged += d->charge;
        list_add_tail(&s->queue, &d->link);
    } else if (is_wanted) {
        s->drops++;
    }
    bool has_reader = !wait_is_empty(&i->readers);
    bool is_watched = !list_is_empty(&i->events.watches);
    spin_unlock(&i->lock);
    if (!is_wanted || !has_room) {
        return false;
    }
    if (has_reader) {
        wait_wake_one(&i->readers);
    }
    if (is_watched) {
        event_notify(&i->events, EVENT_IN);
    }
    return true;
}

// Whether one that found no room would find none either, to be known before memory is taken.
static bool is_full(struct datagram_socket *s, const struct packet *p)
{
    struct inet_socket *i = &s->inet;
    uint32_t limit = atomic_load_explicit(&i->socket.receive_size, memory_order_relaxed);
    spin_lock(&i->lock);
    bool is = s->charged != 0 && s->charged + p->charge > limit;
    s->drops += is;
    spin_unlock(&i->lock);
    return is;
}

void datagram_count_drop(struct datagram_socket *s)
{
    spin_lock(&s->inet.lock);
    s->drops++;
    spin_unlock(&s->inet.lock);
}

bool datagram_deliver(struct datagram_socket *s, struct packet *p, const struct ip_meta *m,
                      const struct inet_name *from)
{
    void *memory;
    if (is_full(s, p) || heap_alloc(sizeof(struct datagram), &memory) != OK) {
        packet_free(p);
        return false;
    }
    struct datagram *d = memory;
    *d = (struct datagram){
        .packet = p,
        .charge = p->charge + (uint32_t)sizeof(*d),
        .from = *from,
        .to = m->destination,
        .netif = m->netif != NULL ? m->netif->index : 0,
        .hop_limit = m->hop_limit,
        .traffic_class = m->traffic_class,
        .arrived = s->inet.options.timestamps != 0 ? time_wall() : 0,
    };
    refcount_init(&d->refs, 1);
    d->from.netif = d->netif;
    if (!enqueue(s, d)) {
        datagram_unref(d);
        return false;
    }
    return true;
}

/* ---- Reading ---- */

// Why there is nothing: OK is the end.
static status_t why_empty(struct datagram_socket *s) REQUIRES(s -> inet.lock)
{
    if (s->inet.error != OK) {
        status_t error = s->inet.error;
        s->inet.error = OK;
        return error;
    }
    return s->is_receive_shut || s->is_closed ? OK : ERR_AGAIN;
}

// Sleeps until there may be something, without the lock.
static status_t sleep(struct datagram_socket *s, const struct socket_wait *w)
    REQUIRES(s -> inet.lock)
{
    struct waiter waiter;
    if (!w->may_wait) {
        return ERR_AGAIN;
    }
    wait_prepare(&s->inet.readers, &waiter);
    spin_unlock(&s->inet.lock);
    status_t status = wait_sleep(&waiter, w->deadline, WAIT_INTERRUPTIBLE);
    wait_finish(&s->inet.readers, &waiter);
    if (status != OK && atomic_load_explicit(&waiter.was_woken, memory_order_acquire)) {
        wait_wake_one(&s->inet.readers); // the wake was for somebody who goes on
    }
    if (status == ERR_INTR && w->deadline != NSEC_NEVER) {
        status = ERR_INTR_TIMED;
    }
    spin_lock(&s->inet.lock);
    return status == ERR_TIMEDOUT ? ERR_AGAIN : status;
}

static struct datagram *take_first(struct datagram_socket *s, bool is_peek) REQUIRES(s -> inet.lock)
{
    struct datagram *d = container_of(list_first(&s->queue), struct datagram, link);
    if (is_peek) {
        refcount_inc(&d->refs);
    } else {
        list_del_init(&d->link);
        s->charged -= d->charge;
    }
    return d;
}

// The first one, which is the caller's to unref.  NULL with OK: there is the end.
static status_t take(struct datagram_socket *s, const struct socket_message *m,
                     struct datagram **out)
{
    status_t status = OK;
    *out = NULL;
    spin_lock(&s->inet.lock);
    while (status == OK && list_is_empty(&s->queue)) {
        status = why_empty(s);
        if (status != ERR_AGAIN) {
            break;
        }
        status = sleep(s, &m->wait);
    }
    if (status == OK && !list_is_empty(&s->queue)) {
        *out = take_first(s, (m->flags & ABI_MSG_PEEK) != 0);
    }
    bool has_more = !list_is_empty(&s->queue) && !wait_is_empty(&s->inet.readers);
    spin_unlock(&s->inet.lock);
    if (has_more) {
        wait_wake_one(&s->inet.readers);
    }
    return status;
}

status_t datagram_copy_out(const struct packet *p, struct uio *to, size_t size)
{
    size_t part = u64_min(size, p->size);
    status_t status = uio_put(to, p->data, part);
    size -= part;
    for (unsigned i = 0; status == OK && size > 0 && i < p->slice_count; i++) {
        const struct packet_slice *s = &p->slices[i];
        part = u64_min(size, s->size);
        status = uio_put(to, (const uint8_t *)page_virt(s->page) + s->offset, part);
        size -= part;
    }
    return status;
}

// A grant that was revoked allows nothing any more.
static status_t check_grant(const struct inet_socket *s)
{
    return grant_is_valid(s->grant) ? OK : ERR_PERM;
}

static void write_name(const struct datagram_socket *s, const struct datagram *d,
                       struct socket_address *out)
{
    if (s->ops->write_name != NULL) {
        s->ops->write_name(d, out);
    } else {
        inet_name_write(&s->inet, &d->from, out);
    }
}

status_t datagram_receive(struct socket *socket, struct uio *to, struct socket_message *m)
{
    struct datagram_socket *s = datagram_of(socket);
    struct datagram *d;
    if (m->from != NULL) {
        m->from->size = 0;
    }
    status_t status = check_grant(&s->inet);
    if (status == OK) {
        status = take(s, m, &d);
    }
    if (status != OK || d == NULL) {
        return status;
    }
    m->size = d->packet->total;
    size_t size = u64_min(to->left, m->size);
    m->flags_out |= size < m->size ? ABI_MSG_TRUNC : 0;
    status = datagram_copy_out(d->packet, to, size);
    if (status == OK && m->from != NULL) {
        write_name(s, d, m->from);
    }
    if (status == OK) {
        datagram_put_control(&s->inet, d, m);
    }
    datagram_unref(d);
    return status;
}

/* ---- Questions ---- */

uint32_t datagram_poll(struct socket *socket, struct event_watch *w)
{
    struct datagram_socket *s = datagram_of(socket);
    if (w != NULL) {
        event_watch(&s->inet.events, w);
    }
    uint32_t events = datagram_has_room(s) ? EVENT_OUT : 0;
    spin_lock(&s->inet.lock);
    bool is_ended = s->is_receive_shut || s->is_closed;
    events |= !list_is_empty(&s->queue) || is_ended ? EVENT_IN : 0;
    events |= is_ended ? EVENT_RDHUP : 0;
    events |= is_ended && s->is_send_shut ? EVENT_HUP : 0;
    events |= s->inet.error != OK || !list_is_empty(&s->errors) ? EVENT_ERR : 0;
    spin_unlock(&s->inet.lock);
    return events;
}

size_t datagram_readable(struct socket *socket)
{
    struct datagram_socket *s = datagram_of(socket);
    spin_lock(&s->inet.lock);
    struct list *node = list_first(&s->queue);
    size_t size = node == NULL ? 0 : container_of(node, struct datagram, link)->packet->total;
    spin_unlock(&s->inet.lock);
    return size;
}

bool datagram_is_listening(struct socket *socket)
{
    (void)socket;
    return false;
}

void datagram_options_changed(struct socket *socket)
{
    struct datagram_socket *s = datagram_of(socket);
    wait_wake_all(&s->inet.writers); // there may be room now
    event_notify(&s->inet.events, EVENT_OUT);
}

status_t datagram_ioctl(struct socket *socket, uint32_t request, vaddr_t argument, int64_t *result)
{
    struct datagram_socket *s = datagram_of(socket);
    if (request != ABI_TIOCOUTQ) {
        return ERR_NOTTY;
    }
    int32_t count = (int32_t)atomic_load_explicit(&s->sent, memory_order_relaxed);
    *result = 0;
    return arch_copy_to_user(argument, &count, sizeof(count)) == 0 ? OK : ERR_FAULT;
}

void datagram_describe(struct datagram_socket *s, struct inet_diag_info *out)
{
    struct inet_socket *i = &s->inet;
    *out = (struct inet_diag_info){.principal = i->principal,
                                   .id = i->socket.file.object.id.raw,
                                   .family = i->socket.family,
                                   .send_queue = atomic_load(&s->sent)};
    spin_lock(&i->lock);
    out->local = i->local;
    out->peer = i->peer;
    out->netif = i->options.bound_netif;
    out->receive_queue = s->charged;
    out->state = s->is_connected ? ABI_TCP_ESTABLISHED : ABI_TCP_CLOSE;
    spin_unlock(&i->lock);
}

/* ---- The end ---- */

status_t datagram_shutdown(struct socket *socket, uint32_t directions)
{
    struct datagram_socket *s = datagram_of(socket);
    spin_lock(&s->inet.lock);
    bool is_connected = s->is_connected;
    if (is_connected) {
        s->is_receive_shut = s->is_receive_shut || (directions & SOCKET_RECEIVES) != 0;
        s->is_send_shut = s->is_send_shut || (directions & SOCKET_SENDS) != 0;
    }
    spin_unlock(&s->inet.lock);
    if (!is_connected) {
        return ERR_NOTCONN;
    }
    wait_wake_all(&s->inet.readers);
    wait_wake_all(&s->inet.writers);
    event_notify(&s->inet.events, EVENT_IN | EVENT_OUT | EVENT_RDHUP | EVENT_HUP);
    return OK;
}

void datagram_close(struct socket *socket)
{
    struct datagram_socket *s = datagram_of(socket);
    struct list all = LIST_INIT(all);
    spin_lock(&s->inet.lock);
    bool is_first = !s->is_closed;
    s->is_closed = true;
    for (struct list *node; (node = list_pop(&s->queue)) != NULL;) {
        list_add_tail(&all, node);
    }
    for (struct list *node; (node = list_pop(&s->errors)) != NULL;) {
        list_add_tail(&all, node);
    }
    s->charged = 0;
    spin_unlock(&s->inet.lock);
    drop_all(&all);
    if (!is_first) {
        return;
    }
    unbind(s);
    wait_wake_all(&s->inet.readers);
    wait_wake_all(&s->inet.writers);
    event_notify(&s->inet.events, EVENT_IN | EVENT_OUT | EVENT_HUP);
}

void datagram_release(struct socket *socket)
{
    struct datagram_socket *s = datagram_of(socket);
    inet_fini(&s->inet);
    heap_free(s);
}
