// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/panic.h"
#include "kernel/net/icmp_socket.h"
#include "kernel/net/inet_priv.h"
#include "kernel/net/packet_socket.h"
#include "kernel/net/raw.h"
#include "kernel/net/tcp.h"
#include "kernel/net/udp.h"
#include "lib/base/string.h"

enum { PROTOCOLS_MAX = 16, SIN6_SIZE_MIN = 24 }; // RFC 2133 had no scope

static const struct inet_protocol *protocols[PROTOCOLS_MAX]; // [I] after boot
static size_t protocol_count;

void inet_register_protocol(const struct inet_protocol *p)
{
    if (protocol_count == PROTOCOLS_MAX) {
        panic("too many protocols of the Internet");
    }
    protocols[protocol_count++] = p;
}

/* ---- Making ---- */

static bool is_of_type(uint32_t type)
{
    for (size_t i = 0; i < protocol_count; i++) {
        if (protocols[i]->type == type) {
            return true;
        }
    }
    return false;
}

// One that says the protocol comes before one that takes any.
static const struct inet_protocol *find(uint32_t type, uint32_t protocol)
{
    const struct inet_protocol *any = NULL;
    for (size_t i = 0; i < protocol_count; i++) {
        const struct inet_protocol *p = protocols[i];
        if (p->type != type) {
            continue;
        }
        if (protocol == 0 ? p->is_default : p->protocol == protocol) {
            return p;
        }
        any = p->takes_any && protocol != 0 && protocol <= UINT8_MAX ? p : any;
    }
    return any;
}

static status_t create(uint16_t family, uint32_t type, uint32_t protocol, uint32_t flags,
                       struct socket **out)
{
    struct grant *grant;
    struct inet_socket *s;
    const struct inet_protocol *p = find(type, protocol);
    if (p == NULL) {
        return is_of_type(type) ? ERR_PROTONOSUPPORT : ERR_SOCKTNOSUPPORT;
    }
    status_t status = caller_grant(SWOS_GRANT_NETWORK, &grant);
    if (status != OK) {
        return status;
    }
    if (p->need != 0) {
        status = net_authority_check(grant, p->need, (uint8_t)protocol, NULL, 0);
    }
    if (status == OK) {
        status = p->create(family, protocol != 0 ? protocol : p->protocol, flags, &s);
    }
    if (status != OK) {
        if (grant != NULL) {
            grant_unref(grant);
        }
        return status;
    }
    s->grant = grant;
    *out = &s->socket;
    return OK;
}

static status_t create4(uint32_t type, uint32_t protocol, uint32_t flags, struct socket **out)
{
    return create(ABI_AF_INET, type, protocol, flags, out);
}

static status_t create6(uint32_t type, uint32_t protocol, uint32_t flags, struct socket **out)
{
    return create(ABI_AF_INET6, type, protocol, flags, out);
}

static const struct socket_family inet_family = {.family = ABI_AF_INET, .create = create4};
static const struct socket_family inet6_family = {.family = ABI_AF_INET6, .create = create6};

static void init_state(struct inet_socket *s, const struct inet_protocol *p)
{
    spin_init(&s->lock, "socket of the Internet", RANK_NET_SOCKET);
    s->protocol = p;
    s->grant = NULL;
    s->local = (struct inet_name){.address = s->socket.family == ABI_AF_INET ? ip4(0) : IP_ANY};
    s->peer = s->local;
    s->port = (struct inet_port){.is_connected = false};
    list_init(&s->port.link);
    list_init(&s->port.pair_link);
    s->error = OK;
    list_init(&s->groups);
    s->group_count = 0;
    wait_init(&s->readers, "socket readers");
    wait_init(&s->writers, "socket writers");
    event_source_init(&s->events);
}

void inet_init(struct inet_socket *s, const struct inet_protocol *p, const struct socket_ops *ops,
               uint16_t family, uint32_t flags)
{
    struct caller_identity who;
    caller_identity(&who);
    socket_init(&s->socket, ops, family, p->type, flags);
    s->socket.protocol = p->protocol;
    init_state(s, p);
    s->principal = who.principal;
    s->options = (struct inet_options){
        .multicast_hop_limit = 1, .multicast_loop = true, .mtu_discover = ABI_PMTUDISC_WANT};
}

void inet_init_accepted(struct inet_socket *s, struct inet_socket *listener,
                        const struct socket_ops *ops)
{
    const struct socket *from = &listener->socket;
    socket_init(&s->socket, ops, from->family, from->type, 0);
    s->socket.protocol = from->protocol;
    atomic_init(&s->socket.options, atomic_load_explicit(&from->options, memory_order_relaxed));
    atomic_init(&s->socket.receive_size,
                atomic_load_explicit(&from->receive_size, memory_order_relaxed));
    atomic_init(&s->socket.send_size, atomic_load_explicit(&from->send_size, memory_order_relaxed));
    atomic_init(&s->socket.receive_timeout,
                atomic_load_explicit(&from->receive_timeout, memory_order_relaxed));
    atomic_init(&s->socket.send_timeout,
                atomic_load_explicit(&from->send_timeout, memory_order_relaxed));
    atomic_init(&s->socket.linger, atomic_load_explicit(&from->linger, memory_order_relaxed));
    init_state(s, listener->protocol);
    s->principal = listener->principal;
    spin_lock(&listener->lock);
    s->options = listener->options;
    spin_unlock(&listener->lock);
    s->grant = listener->grant;
    if (s->grant != NULL) {
        object_ref(&s->grant->object);
    }
}

void inet_fini(struct inet_socket *s)
{
    for (struct list *node; (node = list_pop(&s->groups)) != NULL;) {
        inet_group_drop(container_of(node, struct inet_group, link));
    }
    if (s->grant != NULL) {
        grant_unref(s->grant);
    }
}

/* ---- Names ---- */

static status_t read4(struct span bytes, struct inet_name *out)
{
    struct abi_sockaddr_in a;
    if (bytes.size < sizeof(a)) {
        return ERR_INVAL;
    }
    memcpy(&a, bytes.data, sizeof(a));
    *out = (struct inet_name){.address = ip4_read(a.address),
                              .port = read_be16((const uint8_t *)&a.port)};
    return OK;
}

static status_t read6(const struct inet_socket *s, struct span bytes, struct inet_name *out)
{
    struct abi_sockaddr_in6 a = {.scope = 0};
    if (bytes.size < SIN6_SIZE_MIN) {
        return ERR_INVAL;
    }
    memcpy(&a, bytes.data, u64_min(bytes.size, sizeof(a)));
    struct ip_addr address = ip6_read(a.address);
    if (s->options.is_v6_only && ip_is_v4(&address)) {
        return ERR_AFNOSUPPORT;
    }
    *out = (struct inet_name){.address = address, .port = read_be16((const uint8_t *)&a.port)};
    out->netif = ip_is_link_local(&address) || ip_is_multicast(&address) ? a.scope : 0;
    return OK;
}

status_t inet_name_read(struct inet_socket *s, const struct socket_address *a,
                        struct inet_name *out)
{
    struct span bytes = span_of(a->bytes, a->size);
    if (a->size < sizeof(a->family)) {
        return ERR_INVAL;
    }
    if (a->family != s->socket.family) {
        return ERR_AFNOSUPPORT;
    }
    return a->family == ABI_AF_INET ? read4(bytes, out) : read6(s, bytes, out);
}

void inet_name_write(const struct inet_socket *s, const struct inet_name *n,
                     struct socket_address *out)
{
    if (s->socket.family == ABI_AF_INET) {
        struct abi_sockaddr_in a = {.family = ABI_AF_INET};
        write_be16((uint8_t *)&a.port, n->port);
        memcpy(a.address, n->address.bytes + IP6_SIZE - IP4_SIZE, IP4_SIZE);
        out->size = sizeof(a);
        memcpy(out->bytes, &a, sizeof(a));
        return;
    }
    struct abi_sockaddr_in6 a = {.family = ABI_AF_INET6};
    write_be16((uint8_t *)&a.port, n->port);
    memcpy(a.address, n->address.bytes, IP6_SIZE);
    a.scope = ip_is_link_local(&n->address) && !ip_is_v4(&n->address) ? n->netif : 0;
    out->size = sizeof(a);
    memcpy(out->bytes, &a, sizeof(a));
}

status_t inet_local_name(struct socket *socket, struct socket_address *out)
{
    struct inet_socket *s = inet_of(socket);
    spin_lock(&s->lock);
    struct inet_name n = s->local;
    spin_unlock(&s->lock);
    inet_name_write(s, &n, out);
    return OK;
}

status_t inet_peer_name(struct socket *socket, struct socket_address *out)
{
    struct inet_socket *s = inet_of(socket);
    spin_lock(&s->lock);
    struct inet_name n = s->peer;
    spin_unlock(&s->lock);
    if (n.port == 0) {
        return ERR_NOTCONN;
    }
    inet_name_write(s, &n, out);
    return OK;
}

/* ---- Authority ---- */

status_t inet_may(const struct inet_socket *s, enum net_act act, const struct inet_name *n)
{
    uint8_t protocol = (uint8_t)s->socket.protocol;
    status_t status = net_authority_check(s->grant, act, protocol, &n->address, n->port);
    // `::` is every address of IPv4 too.
    bool is_both = n->address.halves[0] == 0 && n->address.halves[1] == 0 &&
                   s->socket.family == ABI_AF_INET6 && !s->options.is_v6_only;
    if (status == OK && is_both) {
        const struct ip_addr any4 = ip4(0);
        status = net_authority_check(s->grant, act, protocol, &any4, n->port);
    }
    return status;
}

status_t inet_netif_for(struct inet_socket *s, const struct inet_name *to, struct netif **out)
{
    spin_lock(&s->lock);
    uint32_t index = s->options.bound_netif;
    index = index == 0 ? to->netif : index;
    if (index == 0 && ip_is_multicast(&to->address)) {
        index = s->options.multicast_netif;
    }
    if (index == 0 && ip_is_link_local(&to->address) && !ip_is_v4(&to->address)) {
        index = s->local.netif;
        if (index == 0) {
            spin_unlock(&s->lock);
            return ERR_INVAL;
        }
    }
    spin_unlock(&s->lock);
    *out = index == 0 ? NULL : netif_find(index);
    return index != 0 && *out == NULL ? ERR_NODEV : OK;
}

/* ---- Errors ---- */

status_t inet_take_error(struct socket *socket)
{
    struct inet_socket *s = inet_of(socket);
    spin_lock(&s->lock);
    status_t error = s->error;
    s->error = OK;
    spin_unlock(&s->lock);
    return error;
}

void inet_set_error(struct inet_socket *s, status_t error)
{
    spin_lock(&s->lock);
    s->error = error;
    spin_unlock(&s->lock);
    wait_wake_all(&s->readers);
    wait_wake_all(&s->writers);
    event_notify(&s->events, EVENT_ERR | EVENT_IN | EVENT_OUT);
}

void inet_families_init(void)
{
    tcp_sockets_init();
    udp_init();
    icmp_socket_init();
    raw_init();
    packet_socket_init();
    socket_set_ioctl(inet_ioctl);
    socket_register_family(&inet_family);
    socket_register_family(&inet6_family);
}
