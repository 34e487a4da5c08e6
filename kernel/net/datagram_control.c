// SPDX-License-Identifier: Apache-2.0
/* Control data of datagrams: where they came in, their hop limit, class and time; and what to send by. */
#include "abi/resource.h"
#include "kernel/net/datagram.h"
#include "lib/base/string.h"

/* ---- Received ---- */

static void put_info4(const struct datagram *d, struct socket_message *m)
{
    struct abi_in_pktinfo info = {.netif = (int32_t)d->netif};
    memcpy(info.source, d->to.bytes + IP6_SIZE - IP4_SIZE, IP4_SIZE);
    memcpy(info.address, d->to.bytes + IP6_SIZE - IP4_SIZE, IP4_SIZE);
    socket_control_add(m, ABI_IPPROTO_IP, ABI_IP_PKTINFO, &info, sizeof(info));
}

static void put_info6(const struct datagram *d, struct socket_message *m)
{
    struct abi_in6_pktinfo info = {.netif = d->netif};
    memcpy(info.address, d->to.bytes, IP6_SIZE);
    socket_control_add(m, ABI_IPPROTO_IPV6, ABI_IPV6_PKTINFO, &info, sizeof(info));
}

static void put_time(const struct datagram *d, uint8_t how, struct socket_message *m)
{
    constexpr nsec_t PER = NSEC_PER_SEC;
    if (how == ABI_SO_TIMESTAMP) {
        struct abi_timeval t = {.seconds = (int64_t)(d->arrived / PER),
                                .microseconds = (int64_t)(d->arrived % PER / NSEC_PER_USEC)};
        socket_control_add(m, ABI_SOL_SOCKET, ABI_SO_TIMESTAMP, &t, sizeof(t));
    } else {
        const int64_t t[2] = {(int64_t)(d->arrived / PER), (int64_t)(d->arrived % PER)};
        socket_control_add(m, ABI_SOL_SOCKET, ABI_SO_TIMESTAMPNS, t, sizeof(t));
    }
}

void datagram_put_control(struct inet_socket *s, const struct datagram *d, struct socket_message *m)
{
    const struct inet_options *o = &s->options;
    if (m->control == NULL) {
        return;
    }
    bool is_v6 = s->socket.family == ABI_AF_INET6;
    if (o->timestamps != 0 && d->arrived != 0) {
        put_time(d, o->timestamps, m);
    }
    if (o->wants_packet_info) {
        if (is_v6) {
            put_info6(d, m);
        } else {
            put_info4(d, m);
        }
    }
    const int32_t hops = d->hop_limit;
    if (o->wants_hop_limit) {
        socket_control_add(m, is_v6 ? ABI_IPPROTO_IPV6 : ABI_IPPROTO_IP,
                           is_v6 ? ABI_IPV6_HOPLIMIT : ABI_IP_TTL, &hops, sizeof(hops));
    }
    const int32_t class = d->traffic_class;
    if (o->wants_traffic_class && is_v6) {
        socket_control_add(m, ABI_IPPROTO_IPV6, ABI_IPV6_TCLASS, &class, sizeof(class));
    } else if (o->wants_traffic_class) {
        socket_control_add(m, ABI_IPPROTO_IP, ABI_IP_TOS, &d->traffic_class, 1);
    }
}

/* ---- To be sent ---- */

static status_t get_netif(struct datagram_sending *g, uint32_t index)
{
    if (index != 0) {
        g->netif = netif_find(index);
    }
    return index != 0 && g->netif == NULL ? ERR_NODEV : OK;
}

static status_t get_info4(struct datagram_sending *g, struct span data)
{
    struct abi_in_pktinfo info;
    if (data.size < sizeof(info)) {
        return ERR_INVAL;
    }
    memcpy(&info, data.data, sizeof(info));
    g->from.address = ip4_read(info.source);
    return get_netif(g, (uint32_t)info.netif);
}

static status_t get_info6(struct datagram_sending *g, struct span data)
{
    struct abi_in6_pktinfo info;
    if (data.size < sizeof(info)) {
        return ERR_INVAL;
    }
    memcpy(&info, data.data, sizeof(info));
    g->from.address = ip6_read(info.address);
    return get_netif(g, info.netif);
}

// A number of 0 to 255; -1: what it is anyway.
static status_t get_byte(struct span data, uint8_t *out)
{
    int32_t number;
    status_t status = inet_option_number(data.data, (uint32_t)data.size, &number);
    if (status != OK || number == -1) {
        return status;
    }
    if (number < 0 || number > (int32_t)UINT8_MAX) {
        return ERR_INVAL;
    }
    *out = (uint8_t)number;
    return OK;
}

static status_t get_one(struct datagram_sending *g, const struct abi_cmsghdr *h, struct span data)
{
    if (h->level == ABI_IPPROTO_IP) {
        switch (h->type) {
        case ABI_IP_PKTINFO: return get_info4(g, data);
        case ABI_IP_TTL: return get_byte(data, &g->meta.hop_limit);
        case ABI_IP_TOS: return get_byte(data, &g->meta.traffic_class);
        default: return ERR_INVAL;
        }
    }
    if (h->level == ABI_IPPROTO_IPV6) {
        switch (h->type) {
        case ABI_IPV6_PKTINFO: return get_info6(g, data);
        case ABI_IPV6_HOPLIMIT: return get_byte(data, &g->meta.hop_limit);
        case ABI_IPV6_TCLASS: return get_byte(data, &g->meta.traffic_class);
        default: return ERR_INVAL;
        }
    }
    return OK; // for others
}

status_t datagram_get_control(struct datagram_sending *g, const struct socket_message *m)
{
    uint32_t at = 0;
    struct abi_cmsghdr h;
    const uint8_t *data;
    while (socket_control_next(m->control, &at, &h, &data)) {
        status_t status = get_one(g, &h, span_of(data, h.size - sizeof(h)));
        if (status != OK) {
            return status;
        }
    }
    return OK;
}
