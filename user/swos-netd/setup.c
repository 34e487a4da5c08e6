// SPDX-License-Identifier: Apache-2.0
#include "user/swos-netd/setup.h"

#include <errno.h>
#include <string.h>

// What the administrator says comes before what routers and servers say; each interface has its own.
enum { METRIC_STATIC = 512, METRIC_DHCP = 1024 };

// What QEMU's network always has.
static const uint32_t fallback_address = 0x0a00020f; // 10.0.2.15
static const uint32_t fallback_gateway = 0x0a000202;
static const uint8_t fallback_prefix = 24;

// ---- Addresses and routes ----

static void complain(const struct netd *n, const struct interface *i, const char *what,
                     const struct ip_addr *a)
{
    char text[IP_TEXT_SIZE];
    int why = errno;
    ip_print(a, text);
    netd_say(n, "net: %s: %s %s: %s", i->state.name, what, text, strerror(why));
}

static void change_address(struct netd *n, const struct interface *i, enum rtnl_change what,
                           const struct netlink_address *wanted)
{
    struct netlink_address a = *wanted;
    a.netif = i->state.index;
    a.family = ip_is_v4(&a.address) ? ABI_AF_INET : ABI_AF_INET6;
    if (!rtnl_address(&n->rtnl, what, &a) && what == RTNL_ADD) {
        complain(n, i, "address", &a.address);
    }
}

static void change_route(struct netd *n, const struct interface *i, enum rtnl_change what,
                         const struct netlink_route *wanted)
{
    struct netlink_route r = *wanted;
    r.netif = i->state.index;
    r.metric = (r.protocol == ABI_RTPROT_STATIC ? METRIC_STATIC : METRIC_DHCP) + i->state.index;
    r.type = ABI_RTN_UNICAST;
    r.table = ABI_RT_TABLE_MAIN;
    if (!rtnl_route(&n->rtnl, what, &r) && what == RTNL_ADD) {
        complain(n, i, "route by", &r.gateway);
    }
}

static void change_default(struct netd *n, const struct interface *i, enum rtnl_change what,
                           const struct ip_addr *gateway)
{
    bool is_v4 = ip_is_v4(gateway);
    change_route(n, i, what,
                 &(struct netlink_route){.destination = is_v4 ? ip4(0) : IP_ANY,
                                         .gateway = *gateway,
                                         .family = is_v4 ? ABI_AF_INET : ABI_AF_INET6,
                                         .protocol = ABI_RTPROT_STATIC});
}

static struct netlink_address lasting(const struct ip_addr *a, uint8_t prefix)
{
    return (struct netlink_address){.address = *a,
                                    .prefix = prefix,
                                    .preferred = ABI_LIFETIME_FOREVER,
                                    .valid = ABI_LIFETIME_FOREVER,
                                    .flags = ABI_IFA_F_PERMANENT};
}

// ---- Static addresses ----

void setup_policy6(struct netd *n, const struct interface *i, enum rtnl_change what)
{
    char address[IP_TEXT_SIZE];
    char gateway[IP_TEXT_SIZE];
    const struct policy6 *p = &n->policy6;
    const struct netlink_address a = lasting(&p->address, 64);
    change_address(n, i, what, &a);
    change_default(n, i, what, &p->gateway);
    if (what == RTNL_ADD) {
        ip_print(&p->address, address);
        ip_print(&p->gateway, gateway);
        netd_say(n, "net-hc23 OK: static IPv6 %s/64 gateway %s", address, gateway);
    }
}

static void change_wanted(struct netd *n, const struct interface *i, enum rtnl_change what,
                          const struct policy_address *p)
{
    const struct netlink_address a = lasting(&p->address, p->prefix);
    if (p->is_gateway) {
        change_default(n, i, what, &p->address);
    } else {
        change_address(n, i, what, &a);
    }
}

void setup_static(struct netd *n, const struct interface *i)
{
    const struct policy_address *p = NULL;
    while ((p = policy_address_next(&n->policy, i->state.name, p)) != NULL) {
        change_wanted(n, i, RTNL_ADD, p);
    }
}

void interface_forget(struct netd *n, struct interface *i, const struct policy *old)
{
    const struct policy_address *p = NULL;
    while ((p = policy_address_next(old, i->state.name, p)) != NULL) {
        if (!policy_has(&n->policy, i->state.name, p)) {
            change_wanted(n, i, RTNL_REMOVE, p);
        }
    }
}

void interface_forget6(struct netd *n, struct interface *i)
{
    if (i->has_policy6) {
        setup_policy6(n, i, RTNL_REMOVE);
        i->has_policy6 = false;
    }
}

// ---- The fallback ----

void setup_fallback(struct netd *n, struct interface *i, enum rtnl_change what)
{
    const struct ip_addr address = ip4(fallback_address);
    const struct ip_addr gateway = ip4(fallback_gateway);
    const struct netlink_address a = lasting(&address, fallback_prefix);
    if (what == RTNL_REMOVE) {
        change_default(n, i, what, &gateway);
    }
    change_address(n, i, what, &a);
    if (what == RTNL_ADD) {
        change_default(n, i, what, &gateway);
    }
    i->is_fallback = what == RTNL_ADD;
}

// ---- Leases ----

static uint32_t seconds_until(nsec_t until)
{
    nsec_t now = netd_now();
    if (until == NSEC_NEVER) {
        return ABI_LIFETIME_FOREVER;
    }
    return until > now ? (uint32_t)((until - now) / 1000000000) : 0;
}

void setup_lease(struct netd *n, struct interface *i, enum rtnl_change what)
{
    struct dhcp_route routes[DHCP_LEASE_ROUTES_MAX];
    const struct dhcp_lease *l = &i->lease;
    size_t count = dhcp_lease_routes(l, routes);
    const struct netlink_address a = {.address = l->said.yours,
                                      .prefix = l->said.prefix,
                                      .origin = ABI_IFAPROT_DHCP,
                                      .preferred = seconds_until(l->expires_at),
                                      .valid = seconds_until(l->expires_at)};
    if (what == RTNL_ADD) {
        change_address(n, i, what, &a);
    }
    for (size_t at = 0; at < count; at++) {
        // Taken away in the reverse order, for some lead to the gateways of others.
        const struct dhcp_route *r = &routes[what == RTNL_ADD ? at : count - 1 - at];
        change_route(
            n, i, what,
            &(struct netlink_route){.destination = r->destination,
                                    .prefix = r->prefix,
                                    .gateway = ip_is_unspecified(&r->gateway) ? IP_ANY : r->gateway,
                                    .source = l->said.yours,
                                    .family = ABI_AF_INET,
                                    .protocol = ABI_RTPROT_DHCP});
    }
    if (what == RTNL_REMOVE) {
        change_address(n, i, what, &a);
    } else if (l->said.mtu != 0 && l->said.mtu < i->state.mtu) {
        (void)rtnl_link(&n->rtnl,
                        &(struct netlink_link){.index = i->state.index, .mtu = l->said.mtu});
    }
}
