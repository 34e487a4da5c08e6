// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/icmp_socket.h"

#include "kernel/core/panic.h"
#include "kernel/mm/heap.h"
#include "kernel/net/datagram.h"
#include "lib/net/icmp4.h"
#include "lib/net/icmp6.h"

enum { SIZE_MAX_OF_ONE = 65507, ID_AT = 4 };

static struct inet_port_table *ids; // [I] after boot; ports are identifiers

/* ---- Names ---- */

// Connecting chooses whom to send to and hear from; identifiers are of this end only.
static status_t connect(struct socket *socket, const struct socket_address *a,
                        const struct socket_wait *w)
{
    struct datagram_socket *d = datagram_of(socket);
    struct inet_name peer = {.port = 0};
    struct ip_path path = {.netif = NULL};
    bool is_connect = a->family != ABI_AF_UNSPEC;
    (void)w;
    status_t status = is_connect ? inet_name_read(&d->inet, a, &peer) : OK;
    if (status == OK && is_connect) {
        status = inet_may(&d->inet, NET_CONNECT, &peer);
    }
    if (status == OK && is_connect) {
        status = datagram_find_path(d, &peer, &path);
    }
    if (status == OK) {
        status = datagram_bind_any(d);
    }
    if (status != OK) {
        return status;
    }
    spin_lock(&d->inet.lock);
    d->inet.peer = peer;
    d->inet.peer.port = 0;
    d->path = path;
    d->is_connected = is_connect;
    spin_unlock(&d->inet.lock);
    return OK;
}

/* ---- Going out ---- */

// The program's message, which must be an echo, gets the identifier; its checksum is made anew.
static status_t finish(const struct datagram_sending *g, struct packet *p)
{
    struct inet_socket *s = &g->s->inet;
    bool is_v4 = s->socket.protocol == IP_PROTOCOL_ICMP;
    uint8_t echo = is_v4 ? (uint8_t)ICMP4_ECHO : (uint8_t)ICMP6_ECHO;
    static_assert((int)ICMP4_HEADER_SIZE == ICMP6_HEADER_SIZE);
    static_assert((int)ICMP4_CHECKSUM_OFFSET == ICMP6_CHECKSUM_OFFSET);
    if (g->size < ICMP4_HEADER_SIZE || p->data[0] != echo || p->data[1] != 0) {
        return ERR_INVAL;
    }
    spin_lock(&s->lock);
    write_be16(p->data + ID_AT, s->local.port);
    spin_unlock(&s->lock);
    uint32_t sum =
        is_v4 ? 0
              : ip_pseudo_sum(&g->path.source, &g->path.destination, IP_PROTOCOL_ICMP6, g->size);
    write_be16(p->data + ICMP4_CHECKSUM_OFFSET, (uint16_t)sum);
    p->checksum = PACKET_SUM_PARTIAL;
    p->sum_start = 0;
    p->sum_offset = ICMP4_CHECKSUM_OFFSET;
    return OK;
}

/* ---- Coming in ---- */

static bool is_from_peer(struct datagram_socket *d, const struct ip_addr *source)
{
    spin_lock(&d->inet.lock);
    bool is = !d->is_connected || ip_is_equal(&d->inet.peer.address, source);
    spin_unlock(&d->inet.lock);
    return is;
}

// Whose echo that identifier is of, with a reference.
static struct datagram_socket *find(const struct ip_addr *own, const struct ip_addr *other,
                                    uint32_t netif, uint16_t id)
{
    const struct inet_name local = {.address = *own, .netif = netif, .port = id};
    const struct inet_name peer = {.address = *other, .netif = netif};
    struct inet_socket *s = id == 0 ? NULL : inet_port_find(ids, &local, &peer);
    if (s != NULL && !is_from_peer(datagram_of(&s->socket), other)) {
        socket_unref(&s->socket);
        s = NULL;
    }
    return s == NULL ? NULL : datagram_of(&s->socket);
}

static void receive(struct packet *p, const struct ip_meta *m)
{
    uint8_t reply = ip_is_v4(&m->source) ? (uint8_t)ICMP4_ECHO_REPLY : (uint8_t)ICMP6_ECHO_REPLY;
    struct datagram_socket *d = NULL;
    if (packet_need(p, ICMP4_HEADER_SIZE) == OK && p->data[0] == reply && !m->is_multicast) {
        d = find(&m->destination, &m->source, m->netif != NULL ? m->netif->index : 0,
                 read_be16(p->data + ID_AT));
    }
    if (d == NULL) {
        packet_free(p);
        return;
    }
    const struct inet_name from = {.address = m->source};
    (void)datagram_deliver(d, p, m, &from);
    socket_unref(&d->inet.socket);
}

static bool error(const struct ip_error *e)
{
    if (e->transport.size < ICMP4_HEADER_SIZE) {
        return false;
    }
    uint8_t echo = ip_is_v4(&e->source) ? (uint8_t)ICMP4_ECHO : (uint8_t)ICMP6_ECHO;
    uint16_t id = read_be16(e->transport.data + ID_AT);
    struct datagram_socket *d =
        e->transport.data[0] == echo ? find(&e->source, &e->destination, 0, id) : NULL;
    if (d == NULL) {
        return false;
    }
    const struct inet_name to = {.address = e->destination};
    datagram_tell_error(d, e, &to, e->transport);
    socket_unref(&d->inet.socket);
    return true;
}

/* ---- The protocols ---- */

static const struct datagram_ops icmp_datagram_ops = {
    .size_max = SIZE_MAX_OF_ONE, .ports = &ids, .finish = finish};

static const struct socket_ops icmp_ops = {
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

static const struct inet_protocol icmp4_protocol = {
    .type = ABI_SOCK_DGRAM, .protocol = IP_PROTOCOL_ICMP, .create = create};
static const struct inet_protocol icmp6_protocol = {
    .type = ABI_SOCK_DGRAM, .protocol = IP_PROTOCOL_ICMP6, .create = create};

static status_t create(uint16_t family, uint32_t protocol, uint32_t flags, struct inet_socket **out)
{
    void *memory;
    bool is_v4 = protocol == IP_PROTOCOL_ICMP;
    if (family != (is_v4 ? ABI_AF_INET : ABI_AF_INET6)) {
        return ERR_PROTONOSUPPORT;
    }
    status_t status = heap_alloc(sizeof(struct datagram_socket), &memory);
    if (status != OK) {
        return status;
    }
    struct datagram_socket *s = memory;
    inet_init(&s->inet, is_v4 ? &icmp4_protocol : &icmp6_protocol, &icmp_ops, family, flags);
    datagram_init(s, &icmp_datagram_ops);
    s->inet.options.is_v6_only = !is_v4; // there are two protocols, and one table of identifiers
    *out = &s->inet;
    return OK;
}

static const struct ip_transport icmp4_transport = {
    .protocol = IP_PROTOCOL_ICMP, .receive = receive, .error = error};
static const struct ip_transport icmp6_transport = {
    .protocol = IP_PROTOCOL_ICMP6, .receive = receive, .error = error};

void icmp_socket_init(void)
{
    if (inet_port_table_create("identifiers of echo", INET_PORT_DATAGRAMS, &ids) != OK) {
        panic("no memory for the identifiers of echo");
    }
    inet_register_protocol(&icmp4_protocol);
    inet_register_protocol(&icmp6_protocol);
    ip_register_transport(&icmp4_transport);
    ip_register_transport(&icmp6_transport);
}
