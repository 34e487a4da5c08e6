// SPDX-License-Identifier: Apache-2.0
#include "lib/dhcp/lease.h"

// The prefix of a network whose mask nobody says: that of its class.
static uint8_t class_prefix(const struct ip_addr *a)
{
    uint8_t first = (uint8_t)(ip4_value(a) >> 24);
    return first < 128 ? 8 : first < 192 ? 16 : 24;
}

static uint8_t prefix_of(const struct dhcp_message *m)
{
    return m->prefix != 0 ? m->prefix : class_prefix(&m->yours);
}

status_t dhcp_lease_check(const struct dhcp_message *m)
{
    const struct ip_addr *a = &m->yours;
    uint32_t value = ip4_value(a);
    uint8_t prefix = prefix_of(m);
    // Of a network of more than two addresses the first and the last are nobody's (RFC 3021).
    uint32_t host = prefix >= 31 ? 1 : value & ~(~0u << (32 - prefix));
    bool is_nobodys = prefix < 31 && (host == 0 || host == ~0u >> prefix);
    if (value >> 24 == 0 || ip_is_loopback(a) || value >= 0xe0000000 || is_nobodys) {
        return ERR_INVAL;
    }
    return m->lease_s == 0 || ip_is_unspecified(&m->server) ? ERR_INVAL : OK;
}

status_t dhcp_lease_from(const struct dhcp_message *m, nsec_t asked_at, struct dhcp_lease *out)
{
    status_t status = dhcp_lease_check(m);
    if (status != OK) {
        return status;
    }
    *out = (struct dhcp_lease){
        .said = *m, .renew_at = NSEC_NEVER, .rebind_at = NSEC_NEVER, .expires_at = NSEC_NEVER};
    out->said.prefix = prefix_of(m);
    if (m->lease_s == DHCP_FOREVER) {
        return OK;
    }
    // The server's times if they are in order, else RFC 2131's (4.4.5).
    nsec_t lease = m->lease_s * NSEC_PER_SEC;
    nsec_t renew = m->renew_s * NSEC_PER_SEC;
    nsec_t rebind = m->rebind_s * NSEC_PER_SEC;
    rebind = rebind > 0 && rebind < lease ? rebind : lease / 8 * 7;
    renew = renew > 0 && renew < rebind ? renew : lease / 2;
    renew = renew < rebind ? renew : rebind / 2;
    out->renew_at = asked_at + renew;
    out->rebind_at = asked_at + rebind;
    out->expires_at = asked_at + lease;
    return OK;
}

struct route_list {
    struct dhcp_route *routes;
    size_t count;
};

static void add(struct route_list *l, struct dhcp_route r)
{
    if (l->count < DHCP_LEASE_ROUTES_MAX) {
        l->routes[l->count++] = r;
    }
}

// Whether what is known so far leads to `a` without a gateway.
static bool is_on_link(const struct dhcp_lease *lease, const struct route_list *l,
                       const struct ip_addr *a)
{
    if (ip_has_prefix(a, &lease->said.yours, lease->said.prefix)) {
        return true;
    }
    for (size_t i = 0; i < l->count; i++) {
        const struct dhcp_route *r = &l->routes[i];
        if (ip_is_unspecified(&r->gateway) && ip_has_prefix(a, &r->destination, r->prefix)) {
            return true;
        }
    }
    return false;
}

static void add_with_gateway(const struct dhcp_lease *lease, struct route_list *l,
                             const struct dhcp_route *r)
{
    if (!ip_is_unspecified(&r->gateway) && !is_on_link(lease, l, &r->gateway)) {
        add(l, (struct dhcp_route){.destination = r->gateway, .prefix = 32, .gateway = ip4(0)});
    }
    add(l, *r);
}

size_t dhcp_lease_routes(const struct dhcp_lease *lease,
                         struct dhcp_route routes[static DHCP_LEASE_ROUTES_MAX])
{
    const struct dhcp_message *m = &lease->said;
    struct route_list l = {.routes = routes};
    if (!m->has_routes) {
        if (m->routers.count != 0) { // others would be for the time when this one is down
            add_with_gateway(
                lease, &l,
                &(struct dhcp_route){.destination = ip4(0), .gateway = m->routers.list[0]});
        }
        return l.count;
    }
    // What is on the link first, since gateways may lie there.
    for (size_t i = 0; i < m->routes.count; i++) {
        if (ip_is_unspecified(&m->routes.list[i].gateway)) {
            add(&l, m->routes.list[i]);
        }
    }
    for (size_t i = 0; i < m->routes.count; i++) {
        if (!ip_is_unspecified(&m->routes.list[i].gateway)) {
            add_with_gateway(lease, &l, &m->routes.list[i]);
        }
    }
    return l.count;
}
