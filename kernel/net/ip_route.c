// SPDX-License-Identifier: Apache-2.0
/* The routing table: prefixes in a trie (lib/net/route.h), each with its routes, best first. */
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"
#include "kernel/net/ip_priv.h"

// A node of the trie.
struct route_set {
    struct route_node node; // first
    struct list routes;     // struct ip_route; of no meaning in a node that only joins
};

static struct route_set *set_of(struct route_node *n)
{
    return container_of(n, struct route_set, node);
}

static struct ip_addr key_of(const struct ip_route_info *r)
{
    // A default route's destination may be all zeros in either form.
    return r->prefix == 0 ? (r->is_v4 ? ip4(0) : IP_ANY) : r->destination;
}

/* ---- Looking up ---- */

static struct ip_route *best_of(struct route_node *node, const struct netif *n)
    REQUIRES(ip_tables.lock)
{
    struct ip_route *last_resort = NULL;
    list_for_each (at, &set_of(node)->routes) {
        struct ip_route *r = container_of(at, struct ip_route, link);
        if ((n != NULL && r->netif != n) || !netif_is_up(r->netif)) {
            continue;
        }
        if (!r->is_suspect) {
            return r;
        }
        last_resort = last_resort == NULL ? r : last_resort;
    }
    return last_resort;
}

struct ip_route *ip_route_find(const struct ip_addr *destination, const struct netif *n)
{
    struct ip_route *found = NULL;
    struct route_node *node = route_longest(&ip_tables.routes, destination);
    for (; node != NULL && found == NULL; node = route_shorter(node)) {
        found = best_of(node, n);
    }
    return found;
}

/* ---- Changes ---- */

static bool is_same(const struct ip_route *r, const struct ip_route_info *info)
{
    return r->info.netif == info->netif && r->info.metric == info->metric &&
           ip_is_equal(&r->info.gateway, &info->gateway);
}

// The set to which the routes of that prefix belong; NULL: there are none.
static struct route_set *find_set(const struct ip_route_info *info) REQUIRES(ip_tables.lock)
{
    struct ip_addr key = key_of(info);
    struct route_node *node = route_find(&ip_tables.routes, &key, route_bits(&key, info->prefix));
    return node == NULL ? NULL : set_of(node);
}

static struct ip_route *find_same(const struct ip_route_info *info) REQUIRES(ip_tables.lock)
{
    struct route_set *set = find_set(info);
    if (set == NULL) {
        return NULL;
    }
    list_for_each (at, &set->routes) {
        struct ip_route *r = container_of(at, struct ip_route, link);
        if (is_same(r, info)) {
            return r;
        }
    }
    return NULL;
}

static void note_time(struct ip_route *r) REQUIRES(ip_tables.lock)
{
    if (r->info.valid_until != NSEC_NEVER) {
        list_add_tail(&ip_tables.timed, &r->timed);
    }
}

static bool change_same(const struct ip_route_info *info) REQUIRES(ip_tables.config)
{
    spin_lock(&ip_tables.lock);
    struct ip_route *r = find_same(info);
    if (r != NULL) {
        r->info.valid_until = info->valid_until;
        r->info.source = info->source;
        list_del_init(&r->timed);
        note_time(r);
    }
    spin_unlock(&ip_tables.lock);
    return r != NULL;
}

static void link_route(struct route_set *set, struct ip_route *r) REQUIRES(ip_tables.lock)
{
    struct list *at = set->routes.next;
    while (at != &set->routes &&
           container_of(at, struct ip_route, link)->info.metric <= r->info.metric) {
        at = at->next;
    }
    list_add_tail(at, &r->link); // in front of it
    series_add(&ip_tables.route_series, &r->series);
    note_time(r);
}

// What a route may need: itself and two nodes of the trie.
struct parts {
    struct ip_route *route;
    struct route_node *spare[2];
};

static status_t make_parts(struct parts *out)
{
    static const size_t sizes[] = {sizeof(struct ip_route), sizeof(struct route_set),
                                   sizeof(struct route_set)};
    void *memory[3] = {};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        status_t status = heap_zalloc(sizes[i], &memory[i]);
        if (status != OK) {
            heap_free(memory[0]);
            heap_free(memory[1]);
            return status;
        }
    }
    out->route = memory[0];
    out->spare[0] = &((struct route_set *)memory[1])->node;
    out->spare[1] = &((struct route_set *)memory[2])->node;
    return OK;
}

static void insert(struct parts *p) REQUIRES(ip_tables.lock)
{
    struct ip_addr key = key_of(&p->route->info);
    struct route_set *set = find_set(&p->route->info);
    if (set == NULL) {
        set = set_of(route_insert(&ip_tables.routes, &key, route_bits(&key, p->route->info.prefix),
                                  p->spare));
        list_init(&set->routes);
    }
    link_route(set, p->route);
}

status_t ip_route_put(const struct ip_route_info *info, struct ip_changes *c)
{
    struct parts parts;
    if (change_same(info)) {
        ip_changed();
        ip_lifetimes_changed();
        return ERR_EXIST;
    }
    status_t status = make_parts(&parts);
    if (status != OK) {
        return status;
    }
    parts.route->info = *info;
    parts.route->info.destination = key_of(info);
    parts.route->netif = netif_find(info->netif);
    list_init(&parts.route->timed);
    spin_lock(&ip_tables.lock);
    insert(&parts);
    spin_unlock(&ip_tables.lock);
    heap_free(parts.spare[0]);
    heap_free(parts.spare[1]);
    ip_changed();
    ip_lifetimes_changed();
    c->has_route = true;
    c->route = parts.route->info;
    return OK;
}

void ip_route_take_out(struct ip_route *r, struct ip_changes *c)
{
    struct route_node *freed[2] = {};
    spin_lock(&ip_tables.lock);
    struct route_set *set = find_set(&r->info);
    list_del(&r->link);
    list_del_init(&r->timed);
    ip_tables.suspects -= r->is_suspect ? 1 : 0;
    series_remove(&ip_tables.route_series, &r->series);
    if (set != NULL && list_is_empty(&set->routes)) {
        route_remove(&ip_tables.routes, &set->node, freed);
    }
    spin_unlock(&ip_tables.lock);
    for (size_t i = 0; i < ARRAY_SIZE(freed); i++) {
        heap_free(freed[i] == NULL ? NULL : set_of(freed[i]));
    }
    list_add_tail(&c->routes, &r->link);
    ip_changed();
}

// What is not said (no interface, no gateway, metric 0) does not matter; one that fits in all is better.
static bool is_match(const struct ip_route *r, const struct ip_route_info *info)
{
    return (info->netif == 0 || r->info.netif == info->netif) &&
           (info->metric == 0 || r->info.metric == info->metric) &&
           (ip_is_unspecified(&info->gateway) || ip_is_equal(&r->info.gateway, &info->gateway));
}

static struct ip_route *find_match(const struct ip_route_info *info) REQUIRES(ip_tables.lock)
{
    struct ip_route *match = NULL;
    struct route_set *set = find_set(info);
    if (set == NULL) {
        return NULL;
    }
    list_for_each (at, &set->routes) {
        struct ip_route *r = container_of(at, struct ip_route, link);
        if (is_same(r, info)) {
            return r;
        }
        if (match == NULL && is_match(r, info)) {
            match = r;
        }
    }
    return match;
}

status_t ip_route_drop(const struct ip_route_info *info, struct ip_changes *c)
{
    spin_lock(&ip_tables.lock);
    struct ip_route *r = find_match(info);
    spin_unlock(&ip_tables.lock);
    if (r == NULL) {
        return ERR_NOENT;
    }
    ip_route_take_out(r, c);
    return OK;
}

// The version of a route is that of its addresses; all must be of one.
static bool is_consistent(const struct ip_route_info *r)
{
    bool has_gateway = !ip_is_unspecified(&r->gateway);
    bool has_source = !ip_is_unspecified(&r->source);
    return (!has_gateway || ip_is_v4(&r->gateway) == r->is_v4) &&
           (!has_source || ip_is_v4(&r->source) == r->is_v4) &&
           (r->prefix == 0 || ip_is_v4(&r->destination) == r->is_v4);
}

static status_t check(const struct ip_route_info *r)
{
    if (netif_find(r->netif) == NULL) {
        return ERR_NODEV;
    }
    if (r->prefix > (r->is_v4 ? 8 * IP4_SIZE : 8 * IP6_SIZE) || !is_consistent(r) ||
        ip_is_multicast(&r->gateway) || r->valid_until <= time_now()) {
        return ERR_INVAL;
    }
    struct ip_addr key = key_of(r);
    struct ip_addr network = ip_network(&key, r->prefix);
    return r->prefix == 0 || ip_is_equal(&network, &key) ? OK : ERR_INVAL;
}

// A route without a version of its own has its gateway's, and `0.0.0.0` is no gateway.
static struct ip_route_info completed(const struct ip_route_info *r)
{
    struct ip_route_info full = *r;
    full.is_v4 = r->is_v4 || ip_is_v4(&r->gateway) || ip_is_v4(&r->destination);
    if (ip_is_unspecified(&r->gateway)) {
        full.gateway = IP_ANY;
    }
    if (ip_is_unspecified(&r->source)) {
        full.source = IP_ANY;
    }
    return full;
}

status_t ip_route_add(const struct ip_route_info *r)
{
    struct ip_changes c;
    struct ip_route_info full = completed(r);
    status_t status = check(&full);
    if (status != OK) {
        return status;
    }
    ip_changes_init(&c);
    mutex_lock(&ip_tables.config);
    status = ip_route_put(&full, &c);
    mutex_unlock(&ip_tables.config);
    ip_changes_tell(&c);
    return status;
}

status_t ip_route_remove(const struct ip_route_info *r)
{
    struct ip_changes c;
    struct ip_route_info full = completed(r);
    ip_changes_init(&c);
    mutex_lock(&ip_tables.config);
    status_t status = ip_route_drop(&full, &c);
    mutex_unlock(&ip_tables.config);
    ip_changes_tell(&c);
    return status;
}

static void judge(struct ip_route *r, bool answers) REQUIRES(ip_tables.lock)
{
    if (r->is_suspect == answers) {
        r->is_suspect = !answers;
        ip_tables.suspects += answers ? -1u : 1;
        ip_changed();
    }
}

void ip_route_gateway(const struct netif *n, const struct ip_addr *gateway, bool answers)
{
    uint64_t cursor = 0;
    struct series_node *at;
    spin_lock(&ip_tables.lock);
    while ((!answers || ip_tables.suspects != 0) &&
           (at = series_next(&ip_tables.route_series, cursor)) != NULL) {
        struct ip_route *r = container_of(at, struct ip_route, series);
        cursor = at->number;
        if (r->netif == n && ip_is_equal(&r->info.gateway, gateway)) {
            judge(r, answers);
        }
    }
    spin_unlock(&ip_tables.lock);
}

bool ip_route_exists(const struct ip_route_info *r)
{
    struct ip_route_info full = completed(r);
    spin_lock(&ip_tables.lock);
    bool exists = find_same(&full) != NULL;
    spin_unlock(&ip_tables.lock);
    return exists;
}

static struct ip_route *find_over(const struct netif *n, const struct ip_addr *router, uint32_t but)
    REQUIRES(ip_tables.config)
{
    list_for_each (at, &ip_tables.timed) {
        struct ip_route *r = container_of(at, struct ip_route, timed);
        if (r->netif == n && r->info.prefix == 0 && r->info.origin == IP_AUTOCONF &&
            r->info.metric != but && ip_is_equal(&r->info.gateway, router)) {
            return r;
        }
    }
    return NULL;
}

void ip_route_forget_router(const struct netif *n, const struct ip_addr *router, uint32_t but)
{
    struct ip_changes c;
    struct ip_route *r;
    ip_changes_init(&c);
    mutex_lock(&ip_tables.config);
    while ((r = find_over(n, router, but)) != NULL) {
        ip_route_take_out(r, &c);
    }
    mutex_unlock(&ip_tables.config);
    ip_changes_tell(&c);
}

status_t ip_route_list(uint64_t *cursor, struct ip_route_info *out)
{
    spin_lock(&ip_tables.lock);
    struct series_node *next = series_next(&ip_tables.route_series, *cursor);
    if (next != NULL) {
        *out = container_of(next, struct ip_route, series)->info;
        *cursor = next->number;
    }
    spin_unlock(&ip_tables.lock);
    return next == NULL ? ERR_NOENT : OK;
}
