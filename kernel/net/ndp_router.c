// SPDX-License-Identifier: Apache-2.0
/*
 * What routers say (RFC 4861, 6.3; RFC 4862, 5.5): default routes, prefixes that are on the link,
 * addresses formed from prefixes, the link's parameters, resolvers.  They are asked when a link-local
 * address is ready, up to three times.
 *
 * Anybody on the link can say such things, so what is kept of them is bounded.
 */
#include "kernel/core/log.h"
#include "kernel/mm/heap.h"
#include "kernel/net/ndp_priv.h"
#include "lib/base/string.h"

enum {
    SOLICITATIONS = 3,
    ROUTES_MAX = 32,    // of an interface, from routers
    ADDRESSES_MAX = 16, // the same
    RESOLVERS_MAX = 8,
    METRIC_PREFIX = 256,
    METRIC_ROUTER = 1024,
    METRIC_STEP = 512, // between preferences
    INTERFACE_BITS = 64,
};
constexpr nsec_t SOLICITATION_INTERVAL = 4 * NSEC_PER_SEC;
constexpr nsec_t TWO_HOURS = 7200 * NSEC_PER_SEC;
constexpr uint32_t REACHABLE_MAX_MS = 3600000; // RFC 4861, 6.2.1

static constexpr struct ip_addr ALL_ROUTERS = {.bytes = {0xff, 0x02, [15] = 2}};

struct resolver {
    struct list link; // [route lock] of its interface
    struct series_node series;
    struct ip_resolver_info info;
};

static struct series resolvers; // [route lock]

static nsec_t until(uint32_t seconds)
{
    return seconds == NDP_FOREVER ? NSEC_NEVER : time_now() + seconds * NSEC_PER_SEC;
}

/* ---- Asking ---- */

void ndp_address_ready(struct ip_address *a)
{
    if (a->info.origin == IP_LINK_LOCAL) {
        a->netif->ip.solicitations = 0;
        a->netif->ip.solicit_due = time_now();
    }
}

static void solicit(struct netif *n)
{
    struct ip_addr source;
    struct ndp_message m = {.type = ICMP6_ROUTER_SOLICITATION, .has_mac = true, .mac = n->mac};
    spin_lock(&ip_tables.lock);
    bool has_source = ip_source_find(&ALL_ROUTERS, n, &source);
    spin_unlock(&ip_tables.lock);
    if (has_source) {
        ndp_send(n, &source, &ALL_ROUTERS, &m, NULL);
    }
}

static struct resolver *take_expired_resolver(struct netif *n, nsec_t *next)
{
    struct resolver *found = NULL;
    spin_lock(&ip_tables.lock);
    list_for_each (at, &n->ip.resolvers) {
        struct resolver *r = container_of(at, struct resolver, link);
        if (r->info.valid_until <= time_now()) {
            found = r;
            break;
        }
        *next = u64_min(*next, r->info.valid_until);
    }
    if (found != NULL) {
        list_del(&found->link);
        series_remove(&resolvers, &found->series);
    }
    spin_unlock(&ip_tables.lock);
    return found;
}

nsec_t ndp_step(struct netif *n)
{
    struct ip_netif *i = &n->ip;
    struct resolver *r;
    nsec_t next = NSEC_NEVER;
    if (i->solicit_due <= time_now()) {
        bool is_last = ++i->solicitations >= SOLICITATIONS;
        i->solicit_due = is_last ? NSEC_NEVER : time_now() + SOLICITATION_INTERVAL;
        if (netif_is_up(n)) {
            solicit(n);
        }
    }
    while ((r = take_expired_resolver(n, &next)) != NULL) {
        heap_free(r);
    }
    return u64_min(next, i->solicit_due);
}

static void stop_asking(struct netif *n)
{
    mutex_lock(&ip_tables.config);
    n->ip.solicit_due = NSEC_NEVER;
    mutex_unlock(&ip_tables.config);
}

/* ---- Routes ---- */

static bool is_learned(const struct ip_route *r, const struct netif *n)
{
    return r->netif == n && r->info.origin == IP_AUTOCONF;
}

static unsigned count_routes(const struct netif *n)
{
    unsigned count = 0;
    spin_lock(&ip_tables.lock);
    list_for_each (at, &ip_tables.timed) {
        count += is_learned(container_of(at, struct ip_route, timed), n) ? 1 : 0;
    }
    spin_unlock(&ip_tables.lock);
    return count;
}

// Adds, renews, or with a lifetime of 0 removes a route.
static void set_route(struct netif *n, const struct ip_route_info *r, uint32_t lifetime_s)
{
    struct ip_route_info route = *r;
    status_t status = OK;
    route.netif = n->index;
    route.origin = IP_AUTOCONF;
    route.valid_until = until(lifetime_s);
    if (lifetime_s == 0) {
        status = ip_route_remove(&route);
    } else if (count_routes(n) < ROUTES_MAX || ip_route_exists(&route)) {
        status = ip_route_add(&route);
    }
    if (status == ERR_NOMEM) {
        log_warn("net", "%s: no memory for what a router said", n->name);
    }
}

static void set_default(struct netif *n, const struct ip_addr *router, const struct ndp_router *r)
{
    struct ip_route_info route = {
        .gateway = *router,
        .metric = (uint32_t)(METRIC_ROUTER - METRIC_STEP * r->preference),
    };
    ip_route_forget_router(n, router, route.metric); // its preference may have been another
    set_route(n, &route, r->lifetime_s);
}

static void set_on_link(struct netif *n, const struct ndp_prefix *p)
{
    struct ip_route_info route = {
        .destination = p->prefix, .prefix = p->bits, .metric = METRIC_PREFIX};
    set_route(n, &route, p->valid_s);
}

/* ---- Addresses ---- */

// When an address that is there ends: nobody may end it sooner than in two hours (RFC 4862, 5.5.3 e).
static nsec_t valid_of(nsec_t now_until, nsec_t said)
{
    nsec_t soon = time_now() + TWO_HOURS;
    if (said > soon || said > now_until) {
        return said;
    }
    return now_until <= soon ? now_until : soon;
}

static unsigned count_addresses(const struct netif *n) REQUIRES(ip_tables.lock)
{
    unsigned count = 0;
    list_for_each (at, &n->ip.addresses) {
        count += container_of(at, struct ip_address, link)->info.origin == IP_AUTOCONF ? 1 : 0;
    }
    return count;
}

static void form_address(struct netif *n, const struct ndp_prefix *p)
{
    struct ip_address_info a = {
        .address = ip6_link_local(&n->mac),
        .netif = n->index,
        .prefix = INTERFACE_BITS,
        .origin = IP_AUTOCONF,
        .valid_until = until(p->valid_s),
    };
    a.address.halves[0] = p->prefix.halves[0];
    spin_lock(&ip_tables.lock);
    const struct ip_address *there = ip_address_find(&a.address, n);
    bool is_known = there != NULL;
    bool is_learned_address = is_known && there->info.origin == IP_AUTOCONF;
    bool may_add = !is_known && p->valid_s != 0 && count_addresses(n) < ADDRESSES_MAX;
    if (is_learned_address) {
        a.valid_until = valid_of(there->info.valid_until, a.valid_until);
    }
    spin_unlock(&ip_tables.lock);
    a.preferred_until = u64_min(until(p->preferred_s), a.valid_until);
    if (may_add || is_learned_address) {
        status_t status = ip_address_add(&a);
        if (status == ERR_NOMEM) {
            log_warn("net", "%s: no memory for an address", n->name);
        }
    }
}

static void hear_prefix(struct netif *n, const struct ndp_prefix *p)
{
    if (ip_is_link_local(&p->prefix) || ip_is_multicast(&p->prefix) || p->bits == 0) {
        return;
    }
    if (p->is_on_link) {
        set_on_link(n, p);
    }
    if (p->is_autonomous && p->bits == INTERFACE_BITS) {
        form_address(n, p);
    }
}

/* ---- Resolvers ---- */

static struct resolver *find_resolver(const struct netif *n, const struct ip_addr *a)
    REQUIRES(ip_tables.lock)
{
    list_for_each (at, &n->ip.resolvers) {
        struct resolver *r = container_of(at, struct resolver, link);
        if (ip_is_equal(&r->info.address, a)) {
            return r;
        }
    }
    return NULL;
}

static unsigned count_resolvers(const struct netif *n) REQUIRES(ip_tables.lock)
{
    unsigned count = 0;
    list_for_each (at, &n->ip.resolvers) {
        count++;
    }
    return count;
}

static void hear_resolver(struct netif *n, const struct ip_addr *a, uint32_t lifetime_s)
{
    void *memory;
    if (heap_zalloc(sizeof(struct resolver), &memory) != OK) {
        return; // it is said again
    }
    struct resolver *fresh = memory;
    spin_lock(&ip_tables.lock);
    struct resolver *r = find_resolver(n, a);
    if (r == NULL && lifetime_s != 0 && count_resolvers(n) < RESOLVERS_MAX) {
        r = fresh;
        fresh = NULL;
        r->info = (struct ip_resolver_info){.address = *a, .netif = n->index};
        list_add_tail(&n->ip.resolvers, &r->link);
        series_add(&resolvers, &r->series);
    }
    struct ip_resolver_info info;
    bool is_known = r != NULL;
    if (is_known) {
        r->info.valid_until = until(lifetime_s);
        info = r->info;
    }
    spin_unlock(&ip_tables.lock);
    heap_free(fresh);
    if (is_known && ip_tables.changed != NULL) {
        ip_tables.changed(IP_RESOLVER_HEARD, &info);
    }
}

status_t ip_resolver_list(uint64_t *cursor, struct ip_resolver_info *out)
{
    spin_lock(&ip_tables.lock);
    struct series_node *next = series_next(&resolvers, *cursor);
    if (next != NULL) {
        *out = container_of(next, struct resolver, series)->info;
        *cursor = next->number;
    }
    spin_unlock(&ip_tables.lock);
    return next == NULL ? ERR_NOENT : OK;
}

/* ---- An advertisement ---- */

static void hear_parameters(struct netif *n, const struct ndp_router *r)
{
    if (r->hop_limit != 0) {
        atomic_store_explicit(&n->ip.hop_limit6, r->hop_limit, memory_order_relaxed);
    }
    if (r->reachable_ms != 0 && r->reachable_ms <= REACHABLE_MAX_MS) {
        atomic_store_explicit(&n->ip.reachable, r->reachable_ms * NSEC_PER_MSEC,
                              memory_order_relaxed);
    }
    if (r->retransmit_ms != 0) {
        // Not so often that the link has nothing else to do.
        uint64_t ms = u64_min(u64_max(r->retransmit_ms, 100), REACHABLE_MAX_MS);
        atomic_store_explicit(&n->ip.retrans, ms * NSEC_PER_MSEC, memory_order_relaxed);
    }
}

static void hear_option(struct netif *n, const struct ip_addr *router, struct ndp_option *o)
{
    struct ip_addr resolver;
    switch (o->type) {
    case NDP_SOURCE_MAC: ip_neighbour_heard(n, router, &o->mac, true); break;
    case NDP_PREFIX: hear_prefix(n, &o->prefix); break;
    case NDP_MTU:
        atomic_store_explicit(&n->ip.mtu6, o->mtu, memory_order_relaxed);
        ip_changed();
        break;
    case NDP_RESOLVERS:
        while (ndp_resolver_next(&o->dns.list, &resolver)) {
            hear_resolver(n, &resolver, o->dns.lifetime_s);
        }
        break;
    default: break;
    }
}

void ndp_hear_router(struct netif *n, const struct ip_addr *router, const struct ndp_message *said)
{
    struct ndp_option option;
    struct span options = said->options;
    if (!netif_is_up(n)) {
        return;
    }
    hear_parameters(n, &said->router);
    set_default(n, router, &said->router);
    while (ndp_option_next(&options, &option)) {
        hear_option(n, router, &option);
    }
    if (said->router.lifetime_s != 0) {
        stop_asking(n);
    }
    ip_lifetimes_look();
}

/* ---- The end ---- */

static bool take_one(struct netif *n, struct ip_changes *c) REQUIRES(ip_tables.config)
{
    list_for_each_safe (at, &n->ip.addresses) {
        struct ip_address *a = container_of(at, struct ip_address, link);
        if (a->info.origin == IP_AUTOCONF || a->info.origin == IP_LINK_LOCAL) {
            ip_address_take_out(a, c);
            return true;
        }
    }
    list_for_each_safe (at, &ip_tables.timed) {
        struct ip_route *r = container_of(at, struct ip_route, timed);
        if (is_learned(r, n)) {
            ip_route_take_out(r, c);
            return true;
        }
    }
    return false;
}

void ndp_link_gone(struct netif *n)
{
    struct ip_changes c;
    bool is_more = true;
    ip_changes_init(&c);
    mutex_lock(&ip_tables.config);
    while (is_more) {
        is_more = take_one(n, &c);
    }
    n->ip.solicit_due = NSEC_NEVER;
    atomic_store_explicit(&n->ip.mtu6, 0, memory_order_relaxed);
    spin_lock(&ip_tables.lock);
    list_for_each (at, &n->ip.resolvers) {
        container_of(at, struct resolver, link)->info.valid_until = 0;
    }
    spin_unlock(&ip_tables.lock);
    ip_lifetimes_changed();
    mutex_unlock(&ip_tables.config);
    ip_changes_tell(&c);
}

void ndp_forget_router(struct netif *n, const struct ip_addr *router)
{
    ip_route_forget_router(n, router, 0);
}
