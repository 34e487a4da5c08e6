// SPDX-License-Identifier: Apache-2.0
/* Multicast groups that sockets have joined.  The interface counts its members (ip_group_join). */
#include "kernel/mm/heap.h"
#include "kernel/net/inet_priv.h"

static struct inet_group *find(const struct inet_socket *s, const struct ip_addr *group,
                               const struct netif *netif) REQUIRES(s -> lock)
{
    list_for_each (node, &s->groups) {
        struct inet_group *g = container_of(node, struct inet_group, link);
        if (ip_is_equal(&g->group, group) && (netif == NULL || g->netif == netif)) {
            return g;
        }
    }
    return NULL;
}

// Where packets to the group leave; without a route to it the first interface that could carry them.
static struct netif *choose_netif(const struct ip_addr *group)
{
    struct ip_path path;
    if (ip_path_find(group, &IP_ANY, NULL, true, &path) == OK) {
        return path.netif;
    }
    for (struct netif *n = NULL; (n = netif_next(n)) != NULL;) {
        if ((atomic_load_explicit(&n->flags, memory_order_relaxed) & NETIF_MULTICAST) != 0) {
            return n;
        }
    }
    return netif_loopback();
}

static status_t enter(struct inet_socket *s, struct inet_group *g)
{
    status_t status = OK;
    spin_lock(&s->lock);
    if (find(s, &g->group, g->netif) != NULL) {
        status = ERR_ADDRINUSE;
    } else if (s->group_count == INET_GROUPS_MAX) {
        status = ERR_NOBUFS;
    } else {
        s->group_count++;
        list_add_tail(&s->groups, &g->link);
    }
    spin_unlock(&s->lock);
    return status;
}

status_t inet_group_join(struct inet_socket *s, const struct ip_addr *group, struct netif *netif)
{
    void *memory;
    if (!ip_is_multicast(group)) {
        return ERR_INVAL;
    }
    netif = netif == NULL ? choose_netif(group) : netif;
    if (netif == NULL) {
        return ERR_NODEV;
    }
    status_t status = heap_alloc(sizeof(struct inet_group), &memory);
    if (status != OK) {
        return status;
    }
    // The interface first: who is on the socket's list has been counted there.
    struct inet_group *g = memory;
    *g = (struct inet_group){.group = *group, .netif = netif};
    status = ip_group_join(netif, group);
    if (status != OK) {
        heap_free(g);
        return status;
    }
    status = enter(s, g);
    if (status != OK) {
        inet_group_drop(g);
    }
    return status;
}

void inet_group_drop(struct inet_group *g)
{
    ip_group_leave(g->netif, &g->group);
    heap_free(g);
}

status_t inet_group_leave(struct inet_socket *s, const struct ip_addr *group, struct netif *netif)
{
    spin_lock(&s->lock);
    struct inet_group *g = find(s, group, netif);
    if (g != NULL) {
        list_del(&g->link);
        s->group_count--;
    }
    spin_unlock(&s->lock);
    if (g == NULL) {
        return ERR_ADDRNOTAVAIL;
    }
    inet_group_drop(g);
    return OK;
}

// What every host is a member of (RFC 1112, 4; RFC 4291, 2.7.1).
static bool is_of_all(const struct ip_addr *group)
{
    enum { ALL_HOSTS = 0xe0000001, SCOPE = 0xf };
    if (ip_is_v4(group)) {
        return ip4_value(group) == ALL_HOSTS;
    }
    const struct ip_addr all_nodes = {.bytes = {0xff, 0x02, [15] = 1}};
    struct ip_addr any_scope = *group;
    any_scope.bytes[1] = (uint8_t)((group->bytes[1] & ~SCOPE) | 2);
    return ip_is_equal(&any_scope, &all_nodes);
}

bool inet_has_group(struct inet_socket *s, const struct ip_addr *group, uint32_t netif)
{
    if (is_of_all(group)) {
        return true;
    }
    bool has = false;
    spin_lock(&s->lock);
    list_for_each (node, &s->groups) {
        const struct inet_group *g = container_of(node, struct inet_group, link);
        has = has || (ip_is_equal(&g->group, group) && g->netif->index == netif);
    }
    spin_unlock(&s->lock);
    return has;
}
