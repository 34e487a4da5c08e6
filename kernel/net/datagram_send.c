// SPDX-License-Identifier: Apache-2.0
/* Datagrams that go out: to whom, whether they may, room, and the packet. */
#include "kernel/core/thread.h"
#include "kernel/net/datagram.h"
#include "lib/base/bits.h"

/* ---- Room ---- */

bool datagram_has_room(struct datagram_socket *s)
{
    uint32_t limit = atomic_load_explicit(&s->inet.socket.send_size, memory_order_relaxed);
    if (atomic_load_explicit(&s->sent, memory_order_relaxed) < limit) {
        return true;
    }
    // First who wants, then the look: packet_is_free does it the other way round.
    atomic_store(&s->wants_room, true);
    return atomic_load(&s->sent) < limit;
}

// A packet has left, or was dropped.
static void packet_is_free(struct packet *p)
{
    struct datagram_socket *s = p->owner;
    uint32_t limit = atomic_load_explicit(&s->inet.socket.send_size, memory_order_relaxed);
    uint32_t left = atomic_fetch_sub(&s->sent, p->charge) - p->charge;
    if (atomic_load(&s->wants_room) && left <= limit / 2 &&
        atomic_exchange(&s->wants_room, false)) {
        wait_wake_all(&s->inet.writers);
        event_notify(&s->inet.events, EVENT_OUT);
    }
    object_unref(&s->inet.socket.file.object);
}

void datagram_charge(struct datagram_socket *s, struct packet *p)
{
    file_ref(&s->inet.socket.file);
    atomic_fetch_add(&s->sent, p->charge);
    p->owner = s;
    p->freed = packet_is_free;
}

static bool is_shut(struct datagram_socket *s)
{
    spin_lock(&s->inet.lock);
    bool is = s->is_send_shut || s->is_closed;
    spin_unlock(&s->inet.lock);
    return is;
}

status_t datagram_await_room(struct datagram_socket *s, const struct socket_wait *w)
{
    status_t status;
    if (datagram_has_room(s)) {
        return OK;
    }
    if (!w->may_wait) {
        return ERR_AGAIN;
    }
    WAIT_UNTIL(&s->inet.writers, datagram_has_room(s) || is_shut(s), w->deadline,
               WAIT_INTERRUPTIBLE, &status);
    if (status == OK && is_shut(s)) {
        return ERR_PIPE;
    }
    if (status == ERR_INTR && w->deadline != NSEC_NEVER) {
        return ERR_INTR_TIMED;
    }
    return status == ERR_TIMEDOUT ? ERR_AGAIN : status;
}

/* ---- To whom ---- */

// What is sent to nobody goes to this machine.
static void name_somebody(struct inet_name *to)
{
    enum { LOCALHOST = 0x7f000001 };
    if (!ip_is_unspecified(&to->address)) {
        return;
    }
    const struct ip_addr loopback6 = {.bytes = {[IP6_SIZE - 1] = 1}};
    to->address = ip_is_v4(&to->address) ? ip4(LOCALHOST) : loopback6;
}

static status_t check_open(struct datagram_socket *s) REQUIRES(s -> inet.lock)
{
    if (s->is_send_shut) {
        return ERR_PIPE;
    }
    status_t error = s->inet.error;
    s->inet.error = OK;
    return error;
}

// The name, and the path of a connected socket while it is current.
static status_t find_peer(struct datagram_sending *g, const struct socket_address *to)
{
    struct datagram_socket *s = g->s;
    if (to != NULL && to->size != 0) {
        status_t status = inet_name_read(&s->inet, to, &g->to);
        if (status == OK && s->ops->has_ports && g->to.port == 0) {
            status = ERR_INVAL;
        }
        if (status != OK) {
            return status;
        }
        name_somebody(&g->to);
    }
    spin_lock(&s->inet.lock);
    status_t status = check_open(s);
    if (status == OK && (to == NULL || to->size == 0)) {
        g->to = s->inet.peer;
        g->path = s->path;
        status = s->is_connected ? OK : ERR_DESTADDRREQ;
    }
    spin_unlock(&s->inet.lock);
    return status;
}

static void source_of(struct datagram_socket *s, struct ip_addr *out)
{
    spin_lock(&s->inet.lock);
    *out = s->inet.local.address;
    spin_unlock(&s->inet.lock);
    if (ip_is_unspecified(out) || ip_is_multicast(out) || ip4_is_broadcast(out)) {
        *out = IP_ANY;
    }
}

static status_t find_path(struct datagram_sending *g)
{
    struct datagram_socket *s = g->s;
    struct ip_addr source = g->from.address;
    if (ip_is_unspecified(&source)) {
        source_of(s, &source);
    }
    status_t status = g->netif == NULL ? inet_netif_for(&s->inet, &g->to, &g->netif) : OK;
    if (status != OK) {
        return status;
    }
    return ip_path_find(&g->to.address, &source, g->netif,
                        socket_has_option(&s->inet.socket, ABI_SO_BROADCAST), &g->path);
}

status_t datagram_find_path(struct datagram_socket *s, const struct inet_name *to,
                            struct ip_path *out)
{
    struct datagram_sending g = {.s = s, .to = *to, .from = {.address = IP_ANY}};
    name_somebody(&g.to);
    status_t status = find_path(&g);
    if (status == OK) {
        *out = g.path;
    }
    return status;
}

// What the options say about the IP header, unless control data did.
static void fill_meta(struct datagram_sending *g)
{
    const struct inet_options *o = &g->s->inet.options;
    bool is_group = ip_is_multicast(&g->to.address);
    g->meta.protocol = (uint8_t)g->s->inet.socket.protocol;
    g->meta.hop_limit = is_group ? o->multicast_hop_limit : o->hop_limit;
    g->meta.traffic_class = o->traffic_class;
    g->meta.dont_fragment =
        o->mtu_discover == ABI_PMTUDISC_DO || o->mtu_discover == ABI_PMTUDISC_PROBE;
    g->meta.is_looped = o->multicast_loop;
}

/* ---- The packet ---- */

// Appends `size` bytes in pages.
static status_t add_pages(struct uio *from, struct packet *p, size_t size)
{
    status_t status = OK;
    while (status == OK && size > 0) {
        struct page *page;
        size_t part = u64_min(size, PAGE_SIZE);
        status = page_alloc_one(PAGE_ANY, PAGE_KERNEL, &page);
        if (status != OK) {
            return ERR_NOBUFS;
        }
        status = uio_get(from, page_virt(page), part);
        if (status == OK) {
            status = packet_add_slice(p, page, 0, (uint16_t)part);
        }
        page_unref(page);
        size -= part;
        thread_preempt_point();
    }
    return status;
}

status_t datagram_copy_in(struct uio *from, uint32_t size, struct packet **out)
{
    struct packet *p;
    uint32_t front = size <= PACKET_LINEAR_MAX ? size : DATAGRAM_FRONT;
    status_t status = packet_alloc(front, &p);
    if (status != OK) {
        return ERR_NOBUFS;
    }
    status = uio_get(from, packet_put(p, front), front);
    if (status == OK) {
        status = add_pages(from, p, size - front);
    }
    if (status != OK) {
        packet_free(p);
        return status;
    }
    *out = p;
    return OK;
}

static status_t send_packet(struct datagram_sending *g, struct uio *from)
{
    struct datagram_socket *s = g->s;
    struct packet *p;
    status_t status = datagram_copy_in(from, g->size, &p);
    if (status != OK) {
        return status;
    }
    datagram_charge(s, p);
    status = s->ops->finish(g, p);
    if (status != OK) {
        packet_free(p);
        return status;
    }
    status = s->ops->transmit != NULL ? s->ops->transmit(g, p) : ip_send(p, &g->path, &g->meta);
    if (status == ERR_MSGSIZE) {
        datagram_tell_too_big(s, &g->to, g->path.mtu);
    }
    // A queue that is full loses packets as the network does, unless the program wants to know.
    return status == ERR_NOBUFS && !s->inet.options.wants_errors ? OK : status;
}

// To whom, with what right, and how it gets there.
static status_t prepare(struct datagram_sending *g, const struct socket_message *m)
{
    struct datagram_socket *s = g->s;
    status_t status = find_peer(g, m->to);
    if (status != OK) {
        return status;
    }
    fill_meta(g);
    status = datagram_get_control(g, m);
    if (status == OK) {
        status = inet_may(&s->inet, NET_CONNECT, &g->to);
    }
    if (status == OK) {
        status = datagram_bind_any(s);
    }
    bool has_path = g->path.netif != NULL && ip_path_is_current(&g->path) && g->netif == NULL &&
                    ip_is_unspecified(&g->from.address);
    if (status == OK && !has_path) {
        status = find_path(g);
        g->has_new_path = status == OK;
    }
    return status;
}

// A connected socket looks its path up once.
static void keep_path(const struct datagram_sending *g, const struct socket_message *m)
{
    bool is_peer = m->to == NULL || m->to->size == 0;
    if (!g->has_new_path || !is_peer || !ip_is_unspecified(&g->from.address)) {
        return;
    }
    spin_lock(&g->s->inet.lock);
    if (g->s->is_connected && ip_is_equal(&g->path.destination, &g->s->inet.peer.address)) {
        g->s->path = g->path;
    }
    spin_unlock(&g->s->inet.lock);
}

status_t datagram_send(struct socket *socket, struct uio *from, struct socket_message *m)
{
    struct datagram_socket *s = datagram_of(socket);
    struct datagram_sending g = {.s = s, .from = {.address = IP_ANY}};
    if ((m->flags & ABI_MSG_MORE) != 0) {
        return ERR_NOTSUP;
    }
    if (from->left > s->ops->size_max) {
        return ERR_MSGSIZE;
    }
    g.size = (uint32_t)from->left;
    status_t status = prepare(&g, m);
    if (status != OK) {
        return status;
    }
    keep_path(&g, m);
    status = datagram_await_room(s, &m->wait);
    const struct uio before = *from;
    if (status == OK) {
        status = send_packet(&g, from);
    }
    if (status != OK) {
        *from = before; // all of it was sent, or nothing
    }
    return status;
}
