// SPDX-License-Identifier: Apache-2.0
/* Neighbours as the administrator sees and sets them. */
#include "kernel/net/ip_neighbour_priv.h"

static_assert((int)IP_INCOMPLETE == (int)NEIGHBOUR_INCOMPLETE &&
              (int)IP_REACHABLE == (int)NEIGHBOUR_REACHABLE &&
              (int)IP_STALE == (int)NEIGHBOUR_STALE && (int)IP_DELAY == (int)NEIGHBOUR_DELAY &&
              (int)IP_PROBE == (int)NEIGHBOUR_PROBE && (int)IP_FAILED == (int)NEIGHBOUR_FAILED &&
              (int)IP_PERMANENT == (int)NEIGHBOUR_PERMANENT);

// What the administrator may say of a neighbour: that it is so for ever, or until it is found wrong.
static enum neighbour_state state_of(const struct ip_neighbour_info *n)
{
    return n->state == IP_PERMANENT ? NEIGHBOUR_PERMANENT : NEIGHBOUR_STALE;
}

static bool is_fit(const struct ip_neighbour_info *n, const struct netif *on)
{
    return on->header_size != 0 && neighbour_is_mac_valid(&n->mac) &&
           !ip_is_unspecified(&n->address) && !ip_is_multicast(&n->address);
}

status_t ip_neighbour_add(const struct ip_neighbour_info *n)
{
    struct neighbour_outcome o;
    struct netif *on = netif_find(n->netif);
    status_t status = OK;
    if (on == NULL || !is_fit(n, on)) {
        return on == NULL ? ERR_NODEV : ERR_INVAL;
    }
    ip_neighbour_outcome_init(&o);
    spin_lock(&ip_neighbours.lock);
    struct neighbour *e = ip_neighbour_find(on, &n->address);
    bool is_there = e != NULL;
    if (!is_there) {
        status = ip_neighbour_create(on, &n->address, IP_NEIGHBOUR_USED, &o, &e);
    }
    if (status == OK) {
        ip_neighbour_unplan(e);
        neighbour_set(&e->machine, &n->mac, state_of(n));
        e->machine.is_router = n->is_router;
        ip_neighbour_note(e, NEIGHBOUR_KNOWN, &o);
    }
    spin_unlock(&ip_neighbours.lock);
    ip_neighbour_finish(&o);
    return status != OK ? status : (is_there ? ERR_EXIST : OK);
}

status_t ip_neighbour_remove(uint32_t netif, const struct ip_addr *a)
{
    struct neighbour_outcome o;
    const struct netif *n = netif_find(netif);
    if (n == NULL) {
        return ERR_NODEV;
    }
    ip_neighbour_outcome_init(&o);
    spin_lock(&ip_neighbours.lock);
    struct neighbour *e = ip_neighbour_find(n, a);
    if (e != NULL) {
        ip_neighbour_take_out(e, &o);
    }
    spin_unlock(&ip_neighbours.lock);
    ip_neighbour_finish(&o);
    return e == NULL ? ERR_NOENT : OK;
}

status_t ip_neighbour_list(uint64_t *cursor, struct ip_neighbour_info *out)
{
    spin_lock(&ip_neighbours.lock);
    struct series_node *next = series_next(&ip_neighbours.series, *cursor);
    if (next != NULL) {
        const struct neighbour *e = container_of(next, struct neighbour, series);
        *cursor = next->number;
        *out = (struct ip_neighbour_info){
            .address = e->address,
            .netif = e->netif->index,
            .mac = e->machine.mac,
            .state = (enum ip_neighbour_state)e->machine.state,
            .is_router = e->machine.is_router,
        };
    }
    spin_unlock(&ip_neighbours.lock);
    return next == NULL ? ERR_NOENT : OK;
}

static void flush_list(struct list *from, const struct netif *n, struct neighbour_outcome *o)
    REQUIRES(ip_neighbours.lock)
{
    list_for_each_safe (at, from) {
        struct neighbour *e = container_of(at, struct neighbour, link);
        if (e->netif == n && e->machine.state != NEIGHBOUR_PERMANENT) {
            ip_neighbour_take_out(e, o);
        }
    }
}

void ip_neighbour_flush(const struct netif *n)
{
    struct neighbour_outcome o;
    ip_neighbour_outcome_init(&o);
    spin_lock(&ip_neighbours.lock);
    flush_list(&ip_neighbours.used, n, &o);
    flush_list(&ip_neighbours.heard, n, &o);
    spin_unlock(&ip_neighbours.lock);
    ip_neighbour_finish(&o);
}
