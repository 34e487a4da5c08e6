// SPDX-License-Identifier: Apache-2.0
/* What changed is told to the sockets that joined the group of it. */
#include "kernel/net/netlink_priv.h"

enum { NOTICE_MAX = 1024 }; // bytes of one message

static void link_changed(struct netif_listener *l, struct netif *n, enum netif_change what)
{
    alignas(8) uint8_t bytes[NOTICE_MAX];
    struct netlink_writer w;
    struct netlink_link link;
    const struct abi_nlmsghdr h = {.type = ABI_RTM_NEWLINK};
    (void)l;
    (void)what;
    if (!netlink_has_members(ABI_RTNLGRP_LINK)) {
        return;
    }
    netlink_describe_link(n, &link);
    link.change = UINT32_MAX;
    netlink_writer_init(&w, bytes, sizeof(bytes));
    if (netlink_link_emit(&w, &h, &link)) {
        netlink_multicast(ABI_RTNLGRP_LINK, bytes, w.used);
    }
}

static void address_changed(const struct ip_address_info *info, uint16_t type)
{
    alignas(8) uint8_t bytes[NOTICE_MAX];
    struct netlink_writer w;
    struct netlink_address a;
    const struct abi_nlmsghdr h = {.type = type};
    uint32_t group = ip_is_v4(&info->address) ? ABI_RTNLGRP_IPV4_IFADDR : ABI_RTNLGRP_IPV6_IFADDR;
    if (!netlink_has_members(group)) {
        return;
    }
    netlink_describe_address(info, &a);
    netlink_writer_init(&w, bytes, sizeof(bytes));
    if (netlink_address_emit(&w, &h, &a)) {
        netlink_multicast(group, bytes, w.used);
    }
}

static void route_changed(const struct ip_route_info *info, uint16_t type)
{
    alignas(8) uint8_t bytes[NOTICE_MAX];
    struct netlink_writer w;
    struct netlink_route r;
    const struct abi_nlmsghdr h = {.type = type};
    uint32_t group = info->is_v4 ? ABI_RTNLGRP_IPV4_ROUTE : ABI_RTNLGRP_IPV6_ROUTE;
    if (!netlink_has_members(group)) {
        return;
    }
    netlink_describe_route(info, &r);
    netlink_writer_init(&w, bytes, sizeof(bytes));
    if (netlink_route_emit(&w, &h, &r)) {
        netlink_multicast(group, bytes, w.used);
    }
}

static void resolver_heard(const struct ip_resolver_info *info)
{
    alignas(8) uint8_t bytes[NOTICE_MAX];
    struct netlink_writer w;
    const struct abi_nlmsghdr h = {.type = ABI_RTM_NEWNDUSEROPT};
    const struct netlink_resolver r = {.address = info->address,
                                       .netif = info->netif,
                                       .lifetime = netlink_seconds_left(info->valid_until)};
    netlink_writer_init(&w, bytes, sizeof(bytes));
    if (netlink_has_members(ABI_RTNLGRP_ND_USEROPT) && netlink_resolver_emit(&w, &h, &r)) {
        netlink_multicast(ABI_RTNLGRP_ND_USEROPT, bytes, w.used);
    }
}

static void changed(enum ip_change what, const void *info)
{
    switch (what) {
    case IP_ADDRESS_ADDED: address_changed(info, ABI_RTM_NEWADDR); break;
    case IP_ADDRESS_REMOVED: address_changed(info, ABI_RTM_DELADDR); break;
    case IP_ROUTE_ADDED: route_changed(info, ABI_RTM_NEWROUTE); break;
    case IP_ROUTE_REMOVED: route_changed(info, ABI_RTM_DELROUTE); break;
    case IP_RESOLVER_HEARD: resolver_heard(info); break;
    }
}

void netlink_notify_init(void)
{
    static struct netif_listener listener = {.changed = link_changed};
    ip_set_change_hook(changed);
    netif_add_listener(&listener);
}
