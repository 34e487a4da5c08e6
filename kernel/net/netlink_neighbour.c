// SPDX-License-Identifier: Apache-2.0
/* Neighbours, and the resolvers that routers told of. */
#include "kernel/net/netlink_priv.h"

static const uint16_t states[] = {
    [IP_INCOMPLETE] = ABI_NUD_INCOMPLETE, [IP_REACHABLE] = ABI_NUD_REACHABLE,
    [IP_STALE] = ABI_NUD_STALE,           [IP_DELAY] = ABI_NUD_DELAY,
    [IP_PROBE] = ABI_NUD_PROBE,           [IP_FAILED] = ABI_NUD_FAILED,
    [IP_PERMANENT] = ABI_NUD_PERMANENT,
};

static uint8_t family_of(const struct ip_addr *a)
{
    return ip_is_v4(a) ? ABI_AF_INET : ABI_AF_INET6;
}

static void describe(const struct ip_neighbour_info *n, struct netlink_neighbour *out)
{
    *out = (struct netlink_neighbour){
        .address = n->address,
        .netif = n->netif,
        .state = states[n->state],
        .family = family_of(&n->address),
        .is_router = n->is_router,
        .has_mac = n->state != IP_INCOMPLETE && n->state != IP_FAILED,
        .mac = n->mac,
    };
}

static status_t next_neighbour(struct netlink_dump *d, struct netlink_writer *w)
{
    struct ip_neighbour_info info;
    struct netlink_neighbour n;
    uint64_t cursor = d->cursor;
    status_t status;
    do {
        d->cursor = cursor;
        status = ip_neighbour_list(&cursor, &info);
    } while (status == OK && d->family != 0 && d->family != family_of(&info.address));
    if (status != OK) {
        return status;
    }
    describe(&info, &n);
    if (!netlink_neighbour_emit(w, &d->header, &n)) {
        return ERR_NOSPC;
    }
    d->cursor = cursor;
    return OK;
}

static status_t read(struct netlink_request *r, struct netlink_neighbour *n)
{
    status_t status = netlink_neighbour_parse(r->m->payload, n);
    if (status != OK || (n->family != ABI_AF_INET && n->family != ABI_AF_INET6) ||
        ip_is_unspecified(&n->address)) {
        return ERR_INVAL;
    }
    return netif_find(n->netif) != NULL ? OK : ERR_NODEV;
}

static status_t add(struct netlink_request *r)
{
    struct netlink_neighbour n;
    status_t status = read(r, &n);
    if (status != OK) {
        return status;
    }
    if (!n.has_mac) {
        return ERR_INVAL;
    }
    const struct ip_neighbour_info info = {
        .address = n.address,
        .netif = n.netif,
        .mac = n.mac,
        .state = (n.state & ABI_NUD_PERMANENT) != 0 || n.state == 0 ? IP_PERMANENT : IP_STALE,
        .is_router = n.is_router,
    };
    return netlink_added(r, ip_neighbour_add(&info));
}

static status_t del(struct netlink_request *r)
{
    struct netlink_neighbour n;
    status_t status = read(r, &n);
    return status == OK ? ip_neighbour_remove(n.netif, &n.address) : status;
}

static status_t next_resolver(struct netlink_dump *d, struct netlink_writer *w)
{
    struct ip_resolver_info info;
    uint64_t cursor = d->cursor;
    status_t status = ip_resolver_list(&cursor, &info);
    if (status != OK) {
        return status;
    }
    const struct netlink_resolver r = {.address = info.address,
                                       .netif = info.netif,
                                       .lifetime = netlink_seconds_left(info.valid_until)};
    if (!netlink_resolver_emit(w, &d->header, &r)) {
        return ERR_NOSPC;
    }
    d->cursor = cursor;
    return OK;
}

static const struct netlink_list neighbours = {.next = next_neighbour};
static const struct netlink_list resolvers = {.next = next_resolver};

const struct netlink_handler netlink_neighbour_handlers[] = {
    {.type = ABI_RTM_GETNEIGH, .answer = ABI_RTM_NEWNEIGH, .list = &neighbours},
    {.type = ABI_RTM_NEWNEIGH, .is_change = true, .handle = add},
    {.type = ABI_RTM_DELNEIGH, .is_change = true, .handle = del},
    {.type = ABI_RTM_GETNDUSEROPT, .answer = ABI_RTM_NEWNDUSEROPT, .list = &resolvers},
    {.type = 0},
};
