// SPDX-License-Identifier: Apache-2.0
/* Addresses of this machine: by interface in a list each, and all in one tree. */
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"
#include "kernel/net/ip_priv.h"
#include "lib/base/string.h"

struct ip_tables ip_tables = {
    .config = MUTEX_INIT(ip_tables.config, "network configuration", RANK_NET_CONFIG),
    .lock = SPINLOCK_INIT("routes", RANK_NET_ROUTE),
    .timed = LIST_INIT(ip_tables.timed),
};

/* ---- What changes lead to ---- */

void ip_changes_init(struct ip_changes *c)
{
    list_init(&c->addresses);
    list_init(&c->routes);
    c->has_address = false;
    c->has_route = false;
}

static void tell(enum ip_change what, const void *info)
{
    if (ip_tables.changed != NULL) {
        ip_tables.changed(what, info);
    }
}

void ip_changes_tell(struct ip_changes *c)
{
    list_for_each_safe (at, &c->routes) {
        struct ip_route *r = container_of(at, struct ip_route, link);
        tell(IP_ROUTE_REMOVED, &r->info);
        heap_free(r);
    }
    list_for_each_safe (at, &c->addresses) {
        struct ip_address *a = container_of(at, struct ip_address, link);
        tell(IP_ADDRESS_REMOVED, &a->info);
        heap_free(a);
    }
    if (c->has_address) {
        tell(IP_ADDRESS_ADDED, &c->address);
    }
    if (c->has_route) {
        tell(IP_ROUTE_ADDED, &c->route);
    }
    ip_changes_init(c);
}

void ip_set_change_hook(void (*changed)(enum ip_change what, const void *info))
{
    ip_tables.changed = changed;
}

/* ---- The tree ---- */

static int compare(const struct ip_address *a, const struct ip_addr *address, uint32_t netif)
{
    int order = memcmp(a->info.address.bytes, address->bytes, IP6_SIZE);
    return order != 0 ? order : (int)(a->info.netif > netif) - (int)(a->info.netif < netif);
}

// The first entry of that address on an interface with that index or a higher one.
static struct ip_address *first_of(const struct ip_addr *address, uint32_t netif)
    REQUIRES(ip_tables.lock)
{
    struct ip_address *best = NULL;
    struct rb_node *at = ip_tables.addresses.node;
    while (at != NULL) {
        struct ip_address *a = container_of(at, struct ip_address, node);
        bool is_before = compare(a, address, netif) < 0;
        best = is_before ? best : a;
        at = is_before ? at->right : at->left;
    }
    return best != NULL && ip_is_equal(&best->info.address, address) ? best : NULL;
}

struct ip_address *ip_address_find(const struct ip_addr *a, const struct netif *n)
{
    struct ip_address *found = first_of(a, n == NULL ? 0 : n->index);
    return found == NULL || n == NULL || found->netif == n ? found : NULL;
}

static void insert(struct ip_address *a) REQUIRES(ip_tables.lock)
{
    struct rb_node **link = &ip_tables.addresses.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        struct ip_address *there = container_of(parent, struct ip_address, node);
        bool is_left = compare(there, &a->info.address, a->info.netif) > 0;
        link = is_left ? &parent->left : &parent->right;
    }
    rb_insert(&ip_tables.addresses, &a->node, parent, link);
    series_add(&ip_tables.address_series, &a->series);
    list_add_tail(&a->netif->ip.addresses, &a->link);
}

// One that packets may be sent to, on any interface.
static bool is_usable_anywhere(const struct ip_addr *a) REQUIRES(ip_tables.lock)
{
    const struct ip_address *at = first_of(a, 0);
    while (at != NULL && ip_is_equal(&at->info.address, a) && !ip_address_is_usable(at)) {
        struct rb_node *next = rb_next(&at->node);
        at = next == NULL ? NULL : container_of(next, struct ip_address, node);
    }
    return at != NULL && ip_is_equal(&at->info.address, a);
}

// All of 127.0.0.0/8 is this machine.
static bool is_loopback4(const struct ip_addr *a)
{
    return ip_is_v4(a) && ip_is_loopback(a);
}

bool ip_is_local_on(const struct netif *n, const struct ip_addr *a)
{
    const struct netif *loopback = ip_loopback();
    if (n == NULL || n == loopback) {
        return is_loopback4(a) || is_usable_anywhere(a);
    }
    // The loopback interface keeps what belongs to the machine and to no link; but nothing from
    // outside is for 127.0.0.1.
    const struct ip_address *own = ip_address_find(a, n);
    if (own == NULL && loopback != NULL && !ip_is_loopback(a)) {
        own = ip_address_find(a, loopback);
    }
    return own != NULL && ip_address_is_usable(own);
}

bool ip_is_local(const struct ip_addr *a)
{
    spin_lock(&ip_tables.lock);
    bool is_local = ip_is_local_on(NULL, a);
    spin_unlock(&ip_tables.lock);
    return is_local;
}

bool ip_is_broadcast_of(const struct netif *n, const struct ip_addr *a)
{
    if (!ip_is_v4(a)) {
        return false;
    }
    list_for_each (at, &n->ip.addresses) {
        const struct ip_address_info *own = &container_of(at, struct ip_address, link)->info;
        uint32_t host = own->prefix >= 31 ? 0 : UINT32_MAX >> own->prefix;
        if (host != 0 && ip_is_v4(&own->address) &&
            ip4_value(a) == (ip4_value(&own->address) | host)) {
            return true;
        }
    }
    return false;
}

/* ---- Changes ---- */

static uint8_t bits_of(const struct ip_addr *a)
{
    return ip_is_v4(a) ? 8 * IP4_SIZE : 8 * IP6_SIZE;
}

// The route to the neighbours that an address has.  False: it has none.
static bool route_of(const struct ip_address_info *a, struct ip_route_info *out)
{
    const struct netif *n = netif_find(a->netif);
    bool has_route = a->prefix < bits_of(&a->address) && a->origin != IP_AUTOCONF && n != NULL &&
                     n != ip_loopback();
    *out = (struct ip_route_info){
        .destination = ip_network(&a->address, a->prefix),
        .prefix = a->prefix,
        .netif = a->netif,
        .origin = a->origin,
        .is_v4 = ip_is_v4(&a->address),
        .valid_until = NSEC_NEVER,
    };
    return has_route;
}

static bool is_route_shared(const struct ip_address *a) REQUIRES(ip_tables.lock)
{
    list_for_each (at, &a->netif->ip.addresses) {
        const struct ip_address *other = container_of(at, struct ip_address, link);
        if (other != a && other->info.prefix == a->info.prefix &&
            other->info.origin != IP_AUTOCONF &&
            ip_has_prefix(&other->info.address, &a->info.address, a->info.prefix)) {
            return true;
        }
    }
    return false;
}

static void forget_source(const struct ip_addr *a) REQUIRES(ip_tables.config)
{
    uint64_t cursor = 0;
    spin_lock(&ip_tables.lock);
    struct series_node *at;
    while ((at = series_next(&ip_tables.route_series, cursor)) != NULL) {
        struct ip_route *r = container_of(at, struct ip_route, series);
        cursor = at->number;
        if (ip_is_equal(&r->info.source, a)) {
            r->info.source = IP_ANY;
        }
    }
    spin_unlock(&ip_tables.lock);
}

static bool has_solicited_node(const struct ip_address *a)
{
    return !ip_is_v4(&a->info.address) && a->netif != ip_loopback();
}

void ip_address_take_out(struct ip_address *a, struct ip_changes *c)
{
    struct ip_route_info route;
    spin_lock(&ip_tables.lock);
    bool drops_route = route_of(&a->info, &route) && !is_route_shared(a);
    rb_erase(&ip_tables.addresses, &a->node);
    series_remove(&ip_tables.address_series, &a->series);
    list_del(&a->link);
    spin_unlock(&ip_tables.lock);
    list_add_tail(&c->addresses, &a->link);
    if (drops_route) {
        (void)(ip_route_drop(&route, c) == OK); // unless the administrator was faster
    }
    forget_source(&a->info.address);
    if (has_solicited_node(a)) {
        struct ip_addr group = ip6_solicited_node(&a->info.address);
        ip_group_leave(a->netif, &group);
    }
    ip_changed();
}

void ip_address_set_state(struct ip_address *a, enum ip_address_state state)
{
    spin_lock(&ip_tables.lock);
    a->info.state = state;
    spin_unlock(&ip_tables.lock);
    ip_changed();
}

static status_t check(const struct ip_address_info *a)
{
    const struct netif *n = netif_find(a->netif);
    if (n == NULL) {
        return ERR_NODEV;
    }
    bool is_fit = a->prefix <= bits_of(&a->address) && !ip_is_unspecified(&a->address) &&
                  !ip_is_multicast(&a->address) && !ip4_is_broadcast(&a->address) &&
                  ip_is_loopback(&a->address) <= (n == ip_loopback()) &&
                  a->valid_until > time_now() && a->preferred_until <= a->valid_until;
    return is_fit ? OK : ERR_INVAL;
}

static enum ip_address_state first_state(const struct ip_address_info *a)
{
    bool is_deprecated = a->preferred_until <= time_now();
    enum ip_address_state settled = is_deprecated ? IP_DEPRECATED : IP_PREFERRED;
    bool has_doubts =
        a->state == IP_TENTATIVE && !ip_is_v4(&a->address) && netif_find(a->netif) != ip_loopback();
    return has_doubts ? IP_TENTATIVE : settled;
}

static void change_lifetimes(struct ip_address *a, const struct ip_address_info *info)
    REQUIRES(ip_tables.config)
{
    spin_lock(&ip_tables.lock);
    a->info.preferred_until = info->preferred_until;
    a->info.valid_until = info->valid_until;
    if (ip_address_is_usable(a)) {
        a->info.state = info->preferred_until <= time_now() ? IP_DEPRECATED : IP_PREFERRED;
    }
    spin_unlock(&ip_tables.lock);
    ip_changed();
    ip_lifetimes_changed();
}

static status_t create(const struct ip_address_info *info, struct ip_address **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct ip_address), &memory);
    if (status != OK) {
        return status;
    }
    struct ip_address *a = memory;
    a->netif = netif_find(info->netif);
    a->info = *info;
    a->info.state = first_state(info);
    a->due = NSEC_NEVER;
    if (has_solicited_node(a)) {
        struct ip_addr group = ip6_solicited_node(&info->address);
        status = ip_group_join(a->netif, &group);
    }
    if (status != OK) {
        heap_free(a);
        return status;
    }
    *out = a;
    return OK;
}

// The route of an address that is there already belongs to both.
static status_t add_route(const struct ip_address_info *info, struct ip_changes *c)
    REQUIRES(ip_tables.config)
{
    struct ip_route_info route;
    if (!route_of(info, &route)) {
        return OK;
    }
    status_t status = ip_route_put(&route, c);
    return status == ERR_EXIST ? OK : status;
}

status_t ip_address_put(const struct ip_address_info *info, struct ip_changes *c)
{
    struct netif *n = netif_find(info->netif);
    spin_lock(&ip_tables.lock);
    struct ip_address *there = ip_address_find(&info->address, n);
    spin_unlock(&ip_tables.lock);
    if (there != NULL) {
        change_lifetimes(there, info);
        c->has_address = true;
        c->address = there->info;
        return ERR_EXIST;
    }
    struct ip_address *a;
    status_t status = create(info, &a);
    if (status != OK) {
        return status;
    }
    spin_lock(&ip_tables.lock);
    insert(a);
    spin_unlock(&ip_tables.lock);
    status = add_route(info, c);
    if (status != OK) {
        struct ip_changes undone;
        ip_changes_init(&undone);
        ip_address_take_out(a, &undone);
        heap_free(a);
        return status;
    }
    // No failure below.
    ip_changed();
    c->has_address = true;
    c->address = a->info;
    ip_address_begin(a);
    return OK;
}

status_t ip_address_add(const struct ip_address_info *a)
{
    struct ip_changes c;
    status_t status = check(a);
    if (status != OK) {
        return status;
    }
    ip_changes_init(&c);
    mutex_lock(&ip_tables.config);
    status = ip_address_put(a, &c);
    mutex_unlock(&ip_tables.config);
    ip_changes_tell(&c);
    return status;
}

status_t ip_address_remove(uint32_t netif, const struct ip_addr *a, uint8_t prefix)
{
    struct ip_changes c;
    const struct netif *n = netif_find(netif);
    if (n == NULL) {
        return ERR_NODEV;
    }
    ip_changes_init(&c);
    mutex_lock(&ip_tables.config);
    spin_lock(&ip_tables.lock);
    struct ip_address *there = ip_address_find(a, n);
    spin_unlock(&ip_tables.lock);
    bool is_it = there != NULL && there->info.prefix == prefix;
    if (is_it) {
        ip_address_take_out(there, &c);
    }
    mutex_unlock(&ip_tables.config);
    ip_changes_tell(&c);
    return is_it ? OK : ERR_NOENT;
}

status_t ip_address_list(uint64_t *cursor, struct ip_address_info *out)
{
    spin_lock(&ip_tables.lock);
    struct series_node *next = series_next(&ip_tables.address_series, *cursor);
    if (next != NULL) {
        *out = container_of(next, struct ip_address, series)->info;
        *cursor = next->number;
    }
    spin_unlock(&ip_tables.lock);
    return next == NULL ? ERR_NOENT : OK;
}
