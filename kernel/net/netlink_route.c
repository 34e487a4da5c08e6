// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/netlink_priv.h"

enum { V4_BITS = 32, V6_BITS = 128 };

static const uint8_t protocols[] = {
    [IP_STATIC] = ABI_RTPROT_STATIC,
    [IP_DHCP] = ABI_RTPROT_DHCP,
    [IP_AUTOCONF] = ABI_RTPROT_RA,
    [IP_LINK_LOCAL] = ABI_RTPROT_KERNEL,
};

static enum ip_address_origin origin_of(uint8_t protocol)
{
    switch (protocol) {
    case ABI_RTPROT_DHCP: return IP_DHCP;
    case ABI_RTPROT_RA: return IP_AUTOCONF;
    case ABI_RTPROT_KERNEL: return IP_LINK_LOCAL;
    default: return IP_STATIC;
    }
}

void netlink_describe_route(const struct ip_route_info *r, struct netlink_route *out)
{
    uint32_t left = netlink_seconds_left(r->valid_until);
    *out = (struct netlink_route){
        .destination = r->destination,
        .gateway = ip_is_unspecified(&r->gateway) ? IP_ANY : r->gateway,
        .source = ip_is_unspecified(&r->source) ? IP_ANY : r->source,
        .netif = r->netif,
        .metric = r->metric,
        .expires = left == ABI_LIFETIME_FOREVER ? 0 : left,
        .family = r->is_v4 ? ABI_AF_INET : ABI_AF_INET6,
        .prefix = r->prefix,
        .protocol = protocols[r->origin],
        .type = ABI_RTN_UNICAST,
        .table = ABI_RT_TABLE_MAIN,
    };
}

static status_t next_route(struct netlink_dump *d, struct netlink_writer *w)
{
    struct ip_route_info info;
    struct netlink_route r;
    uint64_t cursor = d->cursor;
    status_t status;
    bool is_other;
    do {
        d->cursor = cursor;
        status = ip_route_list(&cursor, &info);
        is_other = status == OK && d->family != 0 &&
                   d->family != (info.is_v4 ? ABI_AF_INET : ABI_AF_INET6);
    } while (is_other);
    if (status != OK) {
        return status;
    }
    netlink_describe_route(&info, &r);
    if (!netlink_route_emit(w, &d->header, &r)) {
        return ERR_NOSPC;
    }
    d->cursor = cursor;
    return OK;
}

static bool is_family(uint8_t family)
{
    return family == ABI_AF_INET || family == ABI_AF_INET6;
}

/* ---- One destination ---- */

static void describe_path(const struct ip_path *p, struct netlink_route *r)
{
    bool is_v4 = ip_is_v4(&p->destination);
    bool has_gateway = !ip_is_equal(&p->next_hop, &p->destination) && !p->is_local;
    *r = (struct netlink_route){
        .destination = p->destination,
        .gateway = has_gateway ? p->next_hop : IP_ANY,
        .source = p->source,
        .netif = p->netif->index,
        .mtu = p->mtu,
        .family = is_v4 ? ABI_AF_INET : ABI_AF_INET6,
        .prefix = is_v4 ? V4_BITS : V6_BITS,
        .type = p->is_local ? ABI_RTN_LOCAL : ABI_RTN_UNICAST,
        .table = p->is_local ? ABI_RT_TABLE_LOCAL : ABI_RT_TABLE_MAIN,
    };
}

// How packets to an address would leave.
static status_t get(struct netlink_request *r)
{
    struct netlink_route route;
    struct ip_path path;
    const struct abi_nlmsghdr h = netlink_answer_header(r, ABI_RTM_NEWROUTE);
    status_t status = netlink_route_parse(r->m->payload, &route);
    if (status != OK || !is_family(route.family)) {
        return ERR_INVAL;
    }
    struct netif *n = route.netif == 0 ? NULL : netif_find(route.netif);
    if (route.netif != 0 && n == NULL) {
        return ERR_NODEV;
    }
    status = ip_path_find(&route.destination, &route.source, n, true, &path);
    if (status != OK) {
        return status;
    }
    describe_path(&path, &route);
    return netlink_route_emit(&r->answer, &h, &route) ? OK : ERR_NOBUFS;
}

/* ---- Changes ---- */

static status_t read(struct netlink_request *r, struct ip_route_info *out)
{
    struct netlink_route route;
    status_t status = netlink_route_parse(r->m->payload, &route);
    if (status != OK || !is_family(route.family)) {
        return ERR_INVAL;
    }
    if (route.table != ABI_RT_TABLE_MAIN && route.table != 0) {
        return ERR_NOTSUP;
    }
    if (route.type != ABI_RTN_UNICAST && route.type != 0) {
        return ERR_NOTSUP;
    }
    *out = (struct ip_route_info){
        .destination = route.destination,
        .prefix = route.prefix,
        .netif = route.netif,
        .gateway = route.gateway,
        .source = route.source,
        .metric = route.metric,
        .origin = origin_of(route.protocol),
        .is_v4 = route.family == ABI_AF_INET,
        .valid_until = route.expires == 0 ? NSEC_NEVER : netlink_until(route.expires),
    };
    return OK;
}

// The interface that a gateway is reached by, where none is said.
static status_t find_netif(struct ip_route_info *info)
{
    struct ip_path path;
    if (info->netif != 0) {
        return netif_find(info->netif) != NULL ? OK : ERR_NODEV;
    }
    if (ip_is_unspecified(&info->gateway)) {
        return ERR_NODEV;
    }
    status_t status = ip_path_find(&info->gateway, &IP_ANY, NULL, false, &path);
    if (status == OK) {
        info->netif = path.netif->index;
    }
    return status;
}

static status_t add(struct netlink_request *r)
{
    struct ip_route_info info;
    status_t status = read(r, &info);
    if (status == OK) {
        status = find_netif(&info);
    }
    return status == OK ? netlink_added(r, ip_route_add(&info)) : status;
}

static bool is_meant(const struct ip_route_info *wanted, const struct ip_route_info *r)
{
    bool is_same_place = wanted->is_v4 == r->is_v4 && wanted->prefix == r->prefix &&
                         (r->prefix == 0 || ip_is_equal(&wanted->destination, &r->destination));
    bool has_gateway = !ip_is_unspecified(&wanted->gateway);
    return is_same_place && (wanted->netif == 0 || wanted->netif == r->netif) &&
           (wanted->metric == 0 || wanted->metric == r->metric) &&
           (!has_gateway || ip_is_equal(&wanted->gateway, &r->gateway));
}

// The first one that is as far as it is named.
static status_t del(struct netlink_request *r)
{
    struct ip_route_info wanted;
    struct ip_route_info info;
    status_t status = read(r, &wanted);
    if (status != OK) {
        return status;
    }
    for (uint64_t cursor = 0; ip_route_list(&cursor, &info) == OK;) {
        if (is_meant(&wanted, &info)) {
            status = ip_route_remove(&info);
            return status == ERR_NOENT ? ERR_SRCH : status;
        }
    }
    return ERR_SRCH;
}

static const struct netlink_list routes = {.next = next_route};

const struct netlink_handler netlink_route_handlers[] = {
    {.type = ABI_RTM_GETROUTE, .answer = ABI_RTM_NEWROUTE, .list = &routes, .handle = get},
    {.type = ABI_RTM_NEWROUTE, .is_change = true, .handle = add},
    {.type = ABI_RTM_DELROUTE, .is_change = true, .handle = del},
    {.type = 0},
};
