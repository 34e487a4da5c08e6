// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/raw.h"

#include "kernel/mm/heap.h"
#include "kernel/net/datagram.h"
#include "kernel/net/ip_priv.h"
#include "lib/base/string.h"
#include "lib/net/checksum.h"
#include "lib/net/icmp6.h"
#include "lib/net/ip4.h"

enum {
    SIZE_MAX_OF_ONE = 65515, // behind IPv4's header
    SOL_RAW = 255,
    ICMP6_FILTER = 1,
    FILTER_WORDS = 8,
    FEW = 8, // sockets that get a packet without an array of their own
    NO_CHECKSUM = -1,
};

struct raw_socket {
    struct datagram_socket d;
    struct list link;               // [all.lock]
    uint8_t protocol;               // [I]
    bool has_header;                // [d.inet.lock] IP_HDRINCL
    int32_t checksum_at;            // [d.inet.lock] IPV6_CHECKSUM: bytes; NO_CHECKSUM
    uint32_t blocked[FILTER_WORDS]; // [d.inet.lock] ICMP6_FILTER: types that are not wanted
};

static struct {
    struct spinlock lock; // RANK_NET_PORTS
    struct list sockets;  // [lock] struct raw_socket
    uint32_t count;       // [lock]
} all = {.lock = SPINLOCK_INIT("raw sockets", RANK_NET_PORTS), .sockets = LIST_INIT(all.sockets)};

static struct raw_socket *raw_of(struct socket *s)
{
    return (struct raw_socket *)(void *)s;
}

/* ---- Names ---- */

static status_t bind(struct socket *socket, const struct socket_address *a)
{
    struct inet_socket *s = inet_of(socket);
    struct inet_name want;
    status_t status = inet_name_read(s, a, &want);
    if (status != OK) {
        return status;
    }
    if (!ip_is_unspecified(&want.address) && !ip_is_multicast(&want.address) &&
        !ip_is_local(&want.address)) {
        return ERR_ADDRNOTAVAIL;
    }
    spin_lock(&s->lock);
    s->local.address = want.address;
    s->local.netif = want.netif;
    spin_unlock(&s->lock);
    return OK;
}

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
    if (status != OK) {
        return status;
    }
    spin_lock(&d->inet.lock);
    d->inet.peer = peer;
    d->path = path;
    d->is_connected = is_connect;
    spin_unlock(&d->inet.lock);
    return OK;
}

/* ---- Coming in ---- */

static bool is_named(const struct inet_socket *s, const struct datagram_socket *d,
                     const struct ip_meta *m) REQUIRES(s -> lock)
{
    bool is_ours =
        ip_is_unspecified(&s->local.address) || ip_is_equal(&s->local.address, &m->destination);
    bool is_peers = !d->is_connected || ip_is_equal(&s->peer.address, &m->source);
    uint32_t netif = s->options.bound_netif;
    return is_ours && is_peers && (netif == 0 || (m->netif != NULL && netif == m->netif->index));
}

static bool is_blocked(const struct raw_socket *r, const struct packet *p)
{
    enum { BITS = 32 };
    if (r->protocol != IP_PROTOCOL_ICMP6 || p->size == 0) {
        return false;
    }
    uint8_t type = p->data[0];
    return (r->blocked[type / BITS] >> type % BITS & 1) != 0;
}

static bool wants(struct raw_socket *r, const struct packet *p, const struct ip_meta *m)
{
    struct inet_socket *s = &r->d.inet;
    bool is_v4 = ip_is_v4(&m->destination);
    if (r->protocol != m->protocol || is_v4 != (s->socket.family == ABI_AF_INET)) {
        return false;
    }
    spin_lock(&s->lock);
    bool wants = is_named(s, &r->d, m) && !is_blocked(r, p);
    spin_unlock(&s->lock);
    return wants;
}

// A copy, for IPv4 with its header.
static void deliver(struct raw_socket *r, const struct packet *p, const struct ip_meta *m)
{
    struct packet *copy;
    if (packet_clone(p, &copy) != OK) {
        return;
    }
    size_t header = (size_t)(copy->data - copy->area) - copy->network;
    if (ip_is_v4(&m->destination)) {
        packet_push(copy, header);
    }
    const struct inet_name from = {.address = m->source};
    (void)datagram_deliver(&r->d, copy, m, &from);
}

// All sockets, with references; gives how many there are: none is given where that is above `max`.
static size_t get_all(struct raw_socket **out, size_t max)
{
    size_t found = 0;
    spin_lock(&all.lock);
    size_t count = all.count;
    list_for_each (node, &all.sockets) {
        struct raw_socket *r = container_of(node, struct raw_socket, link);
        if (count <= max && refcount_inc_unless_zero(&r->d.inet.socket.file.object.refs)) {
            out[found++] = r;
        }
    }
    spin_unlock(&all.lock);
    return count <= max ? found : count;
}

static void deliver_to(struct raw_socket **sockets, size_t count, const struct packet *p,
                       const struct ip_meta *m)
{
    for (size_t i = 0; i < count; i++) {
        if (wants(sockets[i], p, m)) {
            deliver(sockets[i], p, m);
        }
        socket_unref(&sockets[i]->d.inet.socket);
    }
}

static void hook(const struct packet *p, const struct ip_meta *m)
{
    struct raw_socket *few[FEW];
    void *memory = NULL;
    struct raw_socket **sockets = few;
    size_t room = FEW;
    size_t count = get_all(few, FEW);
    while (count > room) {
        heap_free(memory);
        room = count;
        if (heap_alloc_array(room, sizeof(few[0]), &memory) != OK) {
            return;
        }
        sockets = memory;
        count = get_all(sockets, room);
    }
    deliver_to(sockets, count, p, m);
    heap_free(memory);
}

/* ---- Going out ---- */

static int32_t checksum_place(struct raw_socket *r)
{
    if (r->protocol == IP_PROTOCOL_ICMP6) {
        return ICMP6_CHECKSUM_OFFSET;
    }
    spin_lock(&r->d.inet.lock);
    int32_t at = r->checksum_at;
    spin_unlock(&r->d.inet.lock);
    return at;
}

static status_t put_checksum(const struct datagram_sending *g, struct packet *p, uint32_t at)
{
    if (at + sizeof(uint16_t) > p->size) {
        return ERR_INVAL;
    }
    uint32_t sum = ip_pseudo_sum(&g->path.source, &g->path.destination, g->meta.protocol, g->size);
    write_be16(p->data + at, (uint16_t)sum);
    p->checksum = PACKET_SUM_PARTIAL;
    p->sum_start = 0;
    p->sum_offset = (uint16_t)at;
    return OK;
}

static bool has_header(struct raw_socket *r)
{
    spin_lock(&r->d.inet.lock);
    bool has = r->has_header;
    spin_unlock(&r->d.inet.lock);
    return has;
}

// The program's own header of IPv4: what it leaves 0 is filled in.
static status_t complete_header(const struct datagram_sending *g, struct packet *p)
{
    enum { SIZE_AT = 2, ID_AT = 4, CHECKSUM_AT = 10, SOURCE_AT = 12, LENGTH_MASK = 15 };
    uint8_t *h = p->data;
    size_t size = p->size < IP4_HEADER_MIN ? 0 : (size_t)(h[0] & LENGTH_MASK) * 4;
    if (size < IP4_HEADER_MIN || size > p->size) {
        return ERR_INVAL;
    }
    if (g->size > g->path.mtu) {
        return ERR_MSGSIZE;
    }
    write_be16(h + SIZE_AT, (uint16_t)g->size);
    if (read_be16(h + ID_AT) == 0) {
        write_be16(h + ID_AT, ip_random_id());
    }
    if (read_be32(h + SOURCE_AT) == 0) {
        memcpy(h + SOURCE_AT, g->path.source.bytes + IP6_SIZE - IP4_SIZE, IP4_SIZE);
    }
    write_be16(h + CHECKSUM_AT, 0);
    write_be16(h + CHECKSUM_AT, checksum_finish(checksum_add(0, h, size)));
    return OK;
}

static status_t finish(const struct datagram_sending *g, struct packet *p)
{
    struct raw_socket *r = raw_of(&g->s->inet.socket);
    status_t status = net_authority_check(g->s->inet.grant, NET_CAPTURE, r->protocol, NULL, 0);
    if (status != OK) {
        return status;
    }
    if (has_header(r)) {
        return complete_header(g, p);
    }
    int32_t at = g->s->inet.socket.family == ABI_AF_INET6 ? checksum_place(r) : NO_CHECKSUM;
    return at == NO_CHECKSUM ? OK : put_checksum(g, p, (uint32_t)at);
}

static status_t transmit(const struct datagram_sending *g, struct packet *p)
{
    if (!has_header(raw_of(&g->s->inet.socket))) {
        return ip_send(p, &g->path, &g->meta);
    }
    ip_link_send(g->path.netif, &g->path.next_hop, p);
    return OK;
}

/* ---- Options ---- */

static status_t set_filter(struct raw_socket *r, const void *value, uint32_t size)
{
    if (size < sizeof(r->blocked)) {
        return ERR_INVAL;
    }
    spin_lock(&r->d.inet.lock);
    memcpy(r->blocked, value, sizeof(r->blocked));
    spin_unlock(&r->d.inet.lock);
    return OK;
}

// The place of the checksum, even; -1: there is none.
static status_t set_checksum(struct raw_socket *r, int32_t at)
{
    if (r->protocol == IP_PROTOCOL_ICMP6) {
        return at == ICMP6_CHECKSUM_OFFSET ? OK : ERR_INVAL;
    }
    if (at != NO_CHECKSUM && (at < 0 || at % 2 != 0)) {
        return ERR_INVAL;
    }
    spin_lock(&r->d.inet.lock);
    r->checksum_at = at;
    spin_unlock(&r->d.inet.lock);
    return OK;
}

static status_t set_header(struct raw_socket *r, int32_t number)
{
    if (r->d.inet.socket.family != ABI_AF_INET) {
        return ERR_NOPROTOOPT;
    }
    spin_lock(&r->d.inet.lock);
    r->has_header = number != 0;
    spin_unlock(&r->d.inet.lock);
    return OK;
}

static status_t set_option(struct socket *socket, int32_t level, int32_t option, const void *value,
                           uint32_t size)
{
    struct raw_socket *r = raw_of(socket);
    int32_t number;
    if (level == ABI_IPPROTO_ICMPV6 && option == ICMP6_FILTER && r->protocol == IP_PROTOCOL_ICMP6) {
        return set_filter(r, value, size);
    }
    bool is_header = level == ABI_IPPROTO_IP && option == ABI_IP_HDRINCL;
    bool is_checksum = (level == ABI_IPPROTO_IPV6 || level == SOL_RAW) &&
                       option == ABI_IPV6_CHECKSUM && socket->family == ABI_AF_INET6;
    if (!is_header && !is_checksum) {
        return inet_set_option(socket, level, option, value, size);
    }
    status_t status = inet_option_number(value, size, &number);
    if (status != OK) {
        return status;
    }
    return is_header ? set_header(r, number) : set_checksum(r, number);
}

static status_t get_option(struct socket *socket, int32_t level, int32_t option, void *value,
                           uint32_t *size)
{
    struct raw_socket *r = raw_of(socket);
    if (level == ABI_IPPROTO_ICMPV6 && option == ICMP6_FILTER && r->protocol == IP_PROTOCOL_ICMP6) {
        inet_option_put(value, size, r->blocked, sizeof(r->blocked));
        return OK;
    }
    if (level == ABI_IPPROTO_IP && option == ABI_IP_HDRINCL) {
        const int32_t has = has_header(r);
        inet_option_put(value, size, &has, sizeof(has));
        return OK;
    }
    return inet_get_option(socket, level, option, value, size);
}

/* ---- The protocol ---- */

static void enter(struct raw_socket *r)
{
    spin_lock(&all.lock);
    list_add_tail(&all.sockets, &r->link);
    all.count++;
    ip_set_raw_hook(hook);
    spin_unlock(&all.lock);
}

static void leave(struct datagram_socket *d)
{
    struct raw_socket *r = raw_of(&d->inet.socket);
    spin_lock(&all.lock);
    list_del_init(&r->link);
    if (--all.count == 0) {
        ip_set_raw_hook(NULL);
    }
    spin_unlock(&all.lock);
}

static const struct datagram_ops raw_datagram_ops = {
    .size_max = SIZE_MAX_OF_ONE, .finish = finish, .transmit = transmit, .unbind = leave};

static const struct socket_ops raw_ops = {
    .bind = bind,
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
    .get_option = get_option,
    .set_option = set_option,
    .ioctl = datagram_ioctl,
    .close = datagram_close,
    .release = datagram_release,
};

static status_t create(uint16_t family, uint32_t protocol, uint32_t flags,
                       struct inet_socket **out);

static const struct inet_protocol raw_protocol = {
    .type = ABI_SOCK_RAW, .takes_any = true, .need = NET_CAPTURE, .create = create};

static status_t create(uint16_t family, uint32_t protocol, uint32_t flags, struct inet_socket **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct raw_socket), &memory);
    if (status != OK) {
        return status;
    }
    struct raw_socket *r = memory;
    inet_init(&r->d.inet, &raw_protocol, &raw_ops, family, flags);
    datagram_init(&r->d, &raw_datagram_ops);
    r->d.inet.socket.protocol = protocol;
    r->protocol = (uint8_t)protocol;
    r->has_header = protocol == ABI_IPPROTO_RAW && family == ABI_AF_INET;
    r->checksum_at = NO_CHECKSUM;
    memset(r->blocked, 0, sizeof(r->blocked));
    enter(r);
    *out = &r->d.inet;
    return OK;
}

void raw_init(void)
{
    inet_register_protocol(&raw_protocol);
}
