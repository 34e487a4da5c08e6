// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/authority.h"

#include "kernel/mm/heap.h"
#include "lib/base/string.h"

static void destroy(struct object *o)
{
    grant_fini(grant_of(o));
    heap_free(o);
}

static const struct object_ops net_grant_ops = {.name = "network grant", .destroy = destroy};

// NULL: without limits of its own.
static const struct net_grant *limited(const struct grant *g)
{
    return g->object.ops == &net_grant_ops ? (const struct net_grant *)(const void *)g : NULL;
}

static bool is_sound(const struct net_rule *r)
{
    enum { ALL = NET_CONNECT | NET_LISTEN | NET_CAPTURE | NET_CONFIGURE, V4_BITS = 32 };
    unsigned bits = ip_is_v4(&r->address) ? V4_BITS : IP6_SIZE * 8;
    return (r->acts & ~(unsigned)ALL) == 0 && r->acts != 0 && r->port_first <= r->port_last &&
           (r->is_any || r->prefix <= bits);
}

status_t net_grant_create(struct grant *parent, const struct net_rule *rules, size_t count,
                          struct grant **out)
{
    void *memory;
    if (parent->kind != SWOS_GRANT_NETWORK || count > NET_RULES_MAX) {
        return ERR_INVAL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_sound(&rules[i])) {
            return ERR_INVAL;
        }
    }
    status_t status = heap_zalloc(sizeof(struct net_grant), &memory);
    if (status != OK) {
        return status;
    }
    struct net_grant *g = memory;
    status = grant_init(&g->grant, parent, &net_grant_ops);
    if (status != OK) {
        heap_free(memory);
        return status;
    }
    g->count = (uint32_t)count;
    memcpy(g->rules, rules, count * sizeof(rules[0]));
    *out = &g->grant;
    return OK;
}

/* ---- Asking ---- */

struct question {
    enum net_act act;
    uint8_t protocol;
    const struct ip_addr *address;
    uint16_t port;
};

static bool has_ports(uint8_t protocol)
{
    return protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP;
}

static bool allows(const struct net_rule *r, const struct question *q)
{
    if ((r->acts & q->act) == 0 || (r->protocol != 0 && r->protocol != q->protocol)) {
        return false;
    }
    // Who is limited to some addresses sees no others either.
    bool is_place =
        r->is_any || (q->address != NULL && ip_has_prefix(q->address, &r->address, r->prefix));
    bool is_port = q->address == NULL || !has_ports(q->protocol) ||
                   (q->port >= r->port_first && q->port <= r->port_last);
    return is_place && is_port;
}

static bool one_allows(const struct net_grant *g, const struct question *q)
{
    for (uint32_t i = 0; i < g->count; i++) {
        if (allows(&g->rules[i], q)) {
            return true;
        }
    }
    return false;
}

status_t net_authority_check(const struct grant *g, enum net_act act, uint8_t protocol,
                             const struct ip_addr *address, uint16_t port)
{
    const struct question q = {.act = act, .protocol = protocol, .address = address, .port = port};
    if (!grant_is_valid(g)) {
        return ERR_PERM;
    }
    for (; g != NULL; g = g->parent) {
        const struct net_grant *limit = limited(g);
        if (limit != NULL && !one_allows(limit, &q)) {
            return ERR_ACCES;
        }
    }
    return OK;
}
