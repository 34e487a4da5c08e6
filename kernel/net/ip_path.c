// SPDX-License-Identifier: Apache-2.0
/*
 * Paths: where packets to a destination go.  What was found is kept by each CPU for the next packet,
 * while its generation is current.
 */
#include "kernel/net/ip_priv.h"
#include "lib/base/bits.h"

enum { CACHED = 64 }; // paths a CPU remembers; a power of two

struct question {
    struct ip_addr destination;
    struct ip_addr source;
    struct netif *netif;
};

struct cached_path {
    struct question asked;
    struct ip_path path;
    bool is_valid;
    bool is_broadcast;
};

static PERCPU(struct cached_path, cached_paths[CACHED]);

static constexpr struct ip_addr LOOPBACK6 = {.bytes = {[15] = 1}};

uint32_t ip_netif_mtu(const struct netif *n, bool is_v4)
{
    uint32_t mtu = atomic_load_explicit(&n->mtu, memory_order_relaxed);
    uint32_t of_link = is_v4 ? 0 : atomic_load_explicit(&n->ip.mtu6, memory_order_relaxed);
    return of_link != 0 ? (uint32_t)u64_min(mtu, of_link) : mtu;
}

bool ip_path_is_current(const struct ip_path *p)
{
    return p->generation == ip_generation(&p->destination);
}

/* ---- Looking up ---- */

static status_t find_local(const struct question *q, struct ip_path *out)
{
    struct netif *loopback = ip_loopback();
    if (loopback == NULL || !netif_is_up(loopback)) {
        return ERR_NETUNREACH;
    }
    out->netif = loopback;
    out->next_hop = q->destination;
    out->source = ip_is_unspecified(&q->source) ? q->destination : q->source;
    out->mtu = ip_netif_mtu(loopback, ip_is_v4(&q->destination));
    out->is_local = true;
    return OK;
}

// The interface that has the address, or NULL.
static struct netif *owner_of(const struct ip_addr *source) REQUIRES(ip_tables.lock)
{
    struct ip_address *a = ip_is_unspecified(source) ? NULL : ip_address_find(source, NULL);
    return a == NULL || a->netif == ip_loopback() ? NULL : a->netif;
}

static bool speaks(const struct netif *n, bool is_v4) REQUIRES(ip_tables.lock)
{
    list_for_each (at, &n->ip.addresses) {
        if (ip_is_v4(&container_of(at, struct ip_address, link)->info.address) == is_v4) {
            return true;
        }
    }
    return false;
}

// Where packets to a group, or to all, go if nobody says it: the first link that speaks the version.
static struct netif *first_link(bool is_v4) REQUIRES(ip_tables.lock)
{
    for (struct netif *n = netif_next(NULL); n != NULL; n = netif_next(n)) {
        if (n != ip_loopback() && netif_is_up(n) && speaks(n, is_v4)) {
            return n;
        }
    }
    return NULL;
}

// To a group, or to 255.255.255.255: a link is all it needs.
static status_t find_link(const struct question *q, struct ip_path *out) REQUIRES(ip_tables.lock)
{
    struct netif *n = q->netif != NULL ? q->netif : owner_of(&q->source);
    if (n == NULL) {
        const struct ip_route *r = ip_route_find(&q->destination, NULL);
        n = r != NULL ? r->netif : first_link(ip_is_v4(&q->destination));
    }
    if (n == NULL || !netif_is_up(n)) {
        return ERR_NETUNREACH;
    }
    out->netif = n;
    out->next_hop = q->destination;
    return OK;
}

static status_t find_route(const struct question *q, struct ip_path *out) REQUIRES(ip_tables.lock)
{
    struct netif *owner = q->netif != NULL ? q->netif : owner_of(&q->source);
    struct ip_route *r = ip_route_find(&q->destination, owner);
    if (r == NULL && q->netif == NULL && owner != NULL) {
        r = ip_route_find(&q->destination, NULL);
    }
    if (r == NULL) {
        return ERR_NETUNREACH;
    }
    bool is_on_link = ip_is_unspecified(&r->info.gateway);
    out->netif = r->netif;
    out->next_hop = is_on_link ? q->destination : r->info.gateway;
    if (ip_is_unspecified(&q->source) && !ip_is_unspecified(&r->info.source) &&
        ip_is_local_on(NULL, &r->info.source)) {
        out->source = r->info.source;
    }
    return OK;
}

static status_t choose_source(const struct question *q, bool is_broadcast, struct ip_path *out)
    REQUIRES(ip_tables.lock)
{
    if (!ip_is_unspecified(&out->source)) {
        return OK;
    }
    if (ip_source_find(&q->destination, out->netif, &out->source)) {
        return OK;
    }
    // Who has no address yet asks for one that way (RFC 2131, 4.1).
    if (is_broadcast) {
        out->source = ip4(0);
        return OK;
    }
    return ERR_NETUNREACH;
}

static bool is_broadcast_of_any(const struct ip_addr *a) REQUIRES(ip_tables.lock)
{
    const struct ip_route *r = ip_is_v4(a) ? ip_route_find(a, NULL) : NULL;
    return r != NULL && ip_is_broadcast_of(r->netif, a);
}

static status_t find_remote(const struct question *q, bool *is_broadcast, struct ip_path *out)
    REQUIRES(ip_tables.lock)
{
    const struct ip_addr *to = &q->destination;
    bool is_limited = ip4_is_broadcast(to);
    *is_broadcast = is_limited ||
                    (q->netif != NULL ? ip_is_broadcast_of(q->netif, to) : is_broadcast_of_any(to));
    out->source = q->source;
    out->is_local = false;
    bool needs_link = is_limited || ip_is_multicast(to);
    status_t status = needs_link ? find_link(q, out) : find_route(q, out);
    if (status == OK) {
        status = choose_source(q, is_limited, out);
    }
    if (status == OK) {
        out->mtu = ip_netif_mtu(out->netif, ip_is_v4(to));
    }
    return status;
}

// What never leaves the machine has no path out of it, and what is of one version none to the other.
static status_t check(const struct question *q) REQUIRES(ip_tables.lock)
{
    if (ip_is_unspecified(&q->source)) {
        return OK;
    }
    if (ip_is_v4(&q->source) != ip_is_v4(&q->destination)) {
        return ERR_NETUNREACH;
    }
    return ip_is_local_on(NULL, &q->source) ? OK : ERR_ADDRNOTAVAIL;
}

static status_t find(const struct question *q, struct cached_path *out) REQUIRES(ip_tables.lock)
{
    status_t status = check(q);
    out->is_broadcast = false;
    if (status != OK) {
        return status;
    }
    if (ip_is_local_on(q->netif, &q->destination)) {
        return find_local(q, &out->path);
    }
    if (ip_is_loopback(&q->destination) || ip_is_loopback(&q->source)) {
        return ERR_NETUNREACH;
    }
    return find_remote(q, &out->is_broadcast, &out->path);
}

/* ---- Remembering ---- */

static struct cached_path *place_of(const struct question *q)
{
    unsigned hash = ip_hash(&q->destination) ^ ip_hash(&q->source) >> 7;
    return &(*this_cpu(cached_paths))[hash % CACHED];
}

static bool is_same(const struct question *a, const struct question *b)
{
    return ip_is_equal(&a->destination, &b->destination) && ip_is_equal(&a->source, &b->source) &&
           a->netif == b->netif;
}

static status_t look_up(const struct question *q, struct cached_path *c)
{
    uint32_t generation = ip_generation(&q->destination); // before anything is read
    c->is_valid = false;
    c->asked = *q;
    spin_lock(&ip_tables.lock);
    status_t status = find(q, c);
    spin_unlock(&ip_tables.lock);
    if (status != OK) {
        return status;
    }
    c->path.destination = q->destination;
    c->path.generation = generation;
    if (!c->path.is_local) {
        c->path.mtu = ip_pmtu_get(&q->destination, c->path.mtu);
    }
    c->is_valid = true;
    return OK;
}

status_t ip_path_find(const struct ip_addr *destination, const struct ip_addr *source,
                      struct netif *netif, bool may_broadcast, struct ip_path *out)
{
    struct question q = {.destination = *destination, .source = *source, .netif = netif};
    if (ip_is_unspecified(destination)) { // this machine, as everywhere
        q.destination = ip_is_v4(destination) ? ip4(0x7f000001) : LOOPBACK6;
    }
    struct cached_path *c = place_of(&q);
    if (!c->is_valid || !is_same(&c->asked, &q) || !ip_path_is_current(&c->path)) {
        status_t status = look_up(&q, c);
        if (status != OK) {
            return status;
        }
    }
    if (c->is_broadcast && !may_broadcast) {
        return ERR_ACCES;
    }
    *out = c->path;
    return OK;
}
