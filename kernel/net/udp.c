// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/udp.h"

#include "kernel/core/panic.h"
#include "kernel/mm/heap.h"
#include "kernel/net/datagram.h"
#include "kernel/net/inet_priv.h"
#include "kernel/net/netlink.h"
#include "lib/net/udp.h"

enum {
    PAYLOAD_MAX = 65507, // what is left of 64 KiB with IPv4's header
    FEW = 16,            // sockets that get a copy without an array of their own
};

static struct inet_port_table *ports; // [I] after boot

static struct datagram_socket *udp_of(struct inet_socket *s)
{
    return datagram_of(&s->socket);
}

/* ---- Names ---- */

static void set_connected(struct datagram_socket *d, bool is_connected, const struct ip_path *path)
{
    spin_lock(&d->inet.lock);
    d->is_connected = is_connected;
    d->path = *path;
    spin_unlock(&d->inet.lock);
}

static status_t disconnect(struct datagram_socket *d)
{
    const struct ip_path none = {.netif = NULL};
    set_connected(d, false, &none);
    inet_port_disconnect(ports, &d->inet);
    return OK;
}

static status_t connect_to(struct datagram_socket *d, struct inet_name *peer)
{
    struct ip_path path;
    struct inet_socket *s = &d->inet;
    status_t status = datagram_find_path(d, peer, &path);
    if (status == OK) {
        status = datagram_bind_any(d);
    }
    if (status != OK) {
        return status;
    }
    peer->address = path.destination;
    spin_lock(&s->lock);
    struct inet_name local = s->local;
    spin_unlock(&s->lock);
    local.address = path.source;
    status = inet_port_connect(ports, s, &local, peer);
    set_connected(d, status == OK, &path);
    return status;
}

static status_t connect(struct socket *socket, const struct socket_address *a,
                        const struct socket_wait *w)
{
    struct datagram_socket *d = datagram_of(socket);
    struct inet_name peer;
    (void)w;
    if (a->family == ABI_AF_UNSPEC) {
        return disconnect(d);
    }
    status_t status = inet_name_read(&d->inet, a, &peer);
    if (status == OK) {
        status = peer.port == 0 ? ERR_INVAL : inet_may(&d->inet, NET_CONNECT, &peer);
    }
    return status == OK ? connect_to(d, &peer) : status;
}

/* ---- Going out ---- */

static status_t finish(const struct datagram_sending *g, struct packet *p)
{
    struct inet_socket *s = &g->s->inet;
    struct udp_header h = {.destination_port = g->to.port,
                           .size = (uint16_t)(g->size + UDP_HEADER_SIZE)};
    spin_lock(&s->lock);
    h.source_port = s->local.port;
    spin_unlock(&s->lock);
    uint32_t sum = ip_pseudo_sum(&g->path.source, &g->path.destination, IP_PROTOCOL_UDP, h.size);
    h.checksum = (uint16_t)sum;
    udp_emit(&h, packet_push(p, UDP_HEADER_SIZE));
    p->checksum = PACKET_SUM_PARTIAL;
    p->sum_start = 0;
    p->sum_offset = UDP_CHECKSUM_OFFSET;
    return OK;
}

/* ---- Coming in ---- */

struct incoming {
    const struct ip_meta *meta;
    struct inet_name local;
    struct inet_name peer;
};

// For one that nobody else wants: takes the packet.
static void deliver(struct packet *p, const struct incoming *in, struct inet_socket *s)
{
    packet_pull(p, UDP_HEADER_SIZE);
    (void)datagram_deliver(udp_of(s), p, in->meta, &in->peer);
}

static void deliver_copy(const struct packet *p, const struct incoming *in, struct inet_socket *s)
{
    struct packet *copy;
    if (packet_clone(p, &copy) == OK) {
        deliver(copy, in, s);
    }
}

static bool wants(const struct incoming *in, struct inet_socket *s)
{
    return !in->meta->is_multicast || inet_has_group(s, &in->local.address, in->local.netif);
}

static void deliver_to_all(struct packet *p, const struct incoming *in, struct inet_socket **all,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (wants(in, all[i])) {
            deliver_copy(p, in, all[i]);
        }
        socket_unref(&all[i]->socket);
    }
}

// A group's or everybody's.
static void receive_for_all(struct packet *p, const struct incoming *in)
{
    struct inet_socket *few[FEW];
    size_t count = inet_port_find_all(ports, &in->local, &in->peer, few, FEW);
    void *memory = NULL;
    struct inet_socket **all = few;
    size_t room = FEW;
    while (count > room) {
        heap_free(memory);
        room = count;
        if (heap_alloc_array(room, sizeof(few[0]), &memory) != OK) {
            count = 0;
            break;
        }
        all = memory;
        count = inet_port_find_all(ports, &in->local, &in->peer, all, room);
    }
    deliver_to_all(p, in, all, count);
    heap_free(memory);
    packet_free(p);
}

static void receive_for_one(struct packet *p, const struct incoming *in)
{
    struct inet_socket *s = inet_port_find(ports, &in->local, &in->peer);
    if (s == NULL) {
        ip_send_unreachable(p, in->meta, IP_PORT_UNREACHABLE);
        packet_free(p);
        return;
    }
    deliver(p, in, s);
    socket_unref(&s->socket);
}

// The header, and whether the datagram is what was sent.
static bool check(struct packet *p, const struct ip_meta *m, struct udp_header *h)
{
    if (packet_need(p, UDP_HEADER_SIZE) != OK ||
        udp_parse(span_of(p->data, p->size), p->total, h) != OK) {
        return false;
    }
    packet_trim(p, h->size);
    if (h->checksum == 0 && p->checksum == PACKET_SUM_NONE) {
        return ip_is_v4(&m->source); // it has none, which IPv6 does not allow (RFC 8200, 8.1)
    }
    return ip_checksum_is_right(p, m);
}

static void receive(struct packet *p, const struct ip_meta *m)
{
    struct udp_header h;
    if (!check(p, m, &h)) {
        packet_free(p);
        return;
    }
    const uint32_t netif = m->netif != NULL ? m->netif->index : 0;
    const struct incoming in = {
        .meta = m,
        .local = {.address = m->destination, .port = h.destination_port, .netif = netif},
        .peer = {.address = m->source, .port = h.source_port, .netif = netif},
    };
    if (m->is_multicast || m->is_broadcast) {
        receive_for_all(p, &in);
    } else {
        receive_for_one(p, &in);
    }
}

static bool error(const struct ip_error *e)
{
    if (e->transport.size < UDP_HEADER_SIZE) {
        return false;
    }
    const uint8_t *header = e->transport.data;
    const struct inet_name local = {.address = e->source, .port = read_be16(header)};
    const struct inet_name peer = {.address = e->destination, .port = read_be16(header + 2)};
    struct inet_socket *s = inet_port_find(ports, &local, &peer);
    if (s == NULL) {
        return false;
    }
    datagram_tell_error(udp_of(s), e, &peer,
                        span_of(header + UDP_HEADER_SIZE, e->transport.size - UDP_HEADER_SIZE));
    socket_unref(&s->socket);
    return true;
}

/* ---- The protocol ---- */

static const struct datagram_ops udp_datagram_ops = {
    .size_max = PAYLOAD_MAX,
    .has_ports = true,
    .ports = &ports,
    .finish = finish,
};

static const struct socket_ops udp_ops = {
    .bind = datagram_bind,
    .connect = connect,
    .send = datagram_send,
    .receive = datagram_receive,
    .receive_error = datagram_receive_error,
    .shutdown = datagram_shutdown,
    .local_name = inet_local_name,
    .peer_name = inet_peer_name,
    .poll = datagram_poll,
    .readable = datagram_readable,
    .take_error = inet_take_error,
    .is_listening = datagram_is_listening,
    .options_changed = datagram_options_changed,
    .get_option = inet_get_option,
    .set_option = inet_set_option,
    .ioctl = datagram_ioctl,
    .close = datagram_close,
    .release = datagram_release,
};

static status_t create(uint16_t family, uint32_t protocol, uint32_t flags,
                       struct inet_socket **out);

static const struct inet_protocol udp_protocol = {
    .type = ABI_SOCK_DGRAM,
    .protocol = IP_PROTOCOL_UDP,
    .is_default = true,
    .create = create,
};

static status_t create(uint16_t family, uint32_t protocol, uint32_t flags, struct inet_socket **out)
{
    void *memory;
    (void)protocol;
    status_t status = heap_alloc(sizeof(struct datagram_socket), &memory);
    if (status != OK) {
        return status;
    }
    struct datagram_socket *s = memory;
    inet_init(&s->inet, &udp_protocol, &udp_ops, family, flags);
    datagram_init(s, &udp_datagram_ops);
    *out = &s->inet;
    return OK;
}

/* ---- Lists of sockets ---- */

static status_t next_diag(uint64_t *cursor, struct inet_diag_info *out)
{
    struct inet_socket *s = inet_port_next(ports, cursor);
    if (s == NULL) {
        return ERR_NOENT;
    }
    datagram_describe(udp_of(s), out);
    socket_unref(&s->socket);
    return OK;
}

static const struct inet_diag_source udp_diag = {.protocol = IP_PROTOCOL_UDP, .next = next_diag};

static const struct ip_transport udp_transport = {
    .protocol = IP_PROTOCOL_UDP, .receive = receive, .error = error};

void udp_init(void)
{
    if (inet_port_table_create("ports of UDP", INET_PORT_DATAGRAMS, &ports) != OK) {
        panic("no memory for the ports of UDP");
    }
    inet_register_protocol(&udp_protocol);
    ip_register_transport(&udp_transport);
    netlink_register_diag(&udp_diag);
}
