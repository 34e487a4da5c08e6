// SPDX-License-Identifier: Apache-2.0
/* Groups that this machine is a member of, by interface. */
#include "kernel/mm/heap.h"
#include "kernel/net/ip_group_priv.h"

static constexpr struct ip_addr ALL_HOSTS4 = {.bytes = {[10] = 0xff, 0xff, 224, 0, 0, 1}};

// Everybody is a member of these, and nobody tells (RFC 3376, 4; RFC 4291, 2.7.1).
bool ip_group_is_everybody(const struct ip_addr *a)
{
    bool is_all_nodes = a->bytes[0] == 0xff && (a->bytes[1] == 1 || a->bytes[1] == 2) &&
                        a->bytes[15] == 1 && (a->halves[0] & ~(uint64_t)0xffff) == 0 &&
                        read_be64(a->bytes + 8) == 1;
    return is_all_nodes || ip_is_equal(a, &ALL_HOSTS4);
}

static struct ip_group *find(const struct netif *n, const struct ip_addr *group)
    REQUIRES(ip_tables.lock)
{
    list_for_each (at, &n->ip.groups) {
        struct ip_group *g = container_of(at, struct ip_group, link);
        if (ip_is_equal(&g->address, group)) {
            return g;
        }
    }
    return NULL;
}

bool ip_group_is_joined(const struct netif *n, const struct ip_addr *group)
{
    const struct ip_group *g = ip_group_is_everybody(group) ? NULL : find(n, group);
    return g != NULL ? g->users != 0 : ip_group_is_everybody(group);
}

static status_t create(struct netif *n, const struct ip_addr *group, struct ip_group **out)
{
    void *memory;
    struct mac_addr mac = ip_multicast_mac(group);
    status_t status = heap_zalloc(sizeof(struct ip_group), &memory);
    if (status != OK) {
        return status;
    }
    status = netif_group_add(n, &mac);
    if (status != OK) {
        heap_free(memory);
        return status;
    }
    struct ip_group *g = memory;
    g->address = *group;
    g->users = 1;
    g->due = NSEC_NEVER;
    *out = g;
    return OK;
}

void ip_group_destroy(struct netif *n, struct ip_group *g)
{
    struct mac_addr mac = ip_multicast_mac(&g->address);
    netif_group_remove(n, &mac);
    heap_free(g);
}

status_t ip_group_join(struct netif *n, const struct ip_addr *group)
{
    struct ip_group *fresh;
    if (!ip_is_multicast(group)) {
        return ERR_INVAL;
    }
    status_t status = create(n, group, &fresh);
    if (status != OK) {
        return status;
    }
    spin_lock(&ip_tables.lock);
    struct ip_group *there = find(n, group);
    if (there == NULL) {
        list_add_tail(&n->ip.groups, &fresh->link);
        ip_group_changed(fresh);
    } else if (there->users++ == 0) { // it was about to go
        ip_group_changed(there);
    }
    spin_unlock(&ip_tables.lock);
    if (there != NULL) {
        ip_group_destroy(n, fresh);
    }
    ip_path_changed(group);
    return OK;
}

void ip_group_leave(struct netif *n, const struct ip_addr *group)
{
    spin_lock(&ip_tables.lock);
    struct ip_group *g = find(n, group);
    if (g != NULL && g->users != 0) {
        g->users--;
        if (g->users == 0) {
            ip_group_changed(g);
        }
    }
    spin_unlock(&ip_tables.lock);
    ip_path_changed(group);
}
