// SPDX-License-Identifier: Apache-2.0
/* The list of interfaces, what the administrator wants of them, and who is told. */
#include "kernel/net/netif.h"

#include "kernel/core/panic.h"
#include "kernel/mm/heap.h"
#include "kernel/net/ip.h"
#include "kernel/net/netif_priv.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

enum { MTU_MIN = 68 }; // RFC 791, 3.1

struct group {
    struct list link;
    struct mac_addr address;
    uint32_t count; // who wants it
};

static struct {
    struct list all;       // [I] after boot
    struct list listeners; // [I] after boot
    struct mutex lock;     // what drivers are told of comes one after another
    struct spinlock group_lock;
} interfaces = {
    .all = LIST_INIT(interfaces.all),
    .listeners = LIST_INIT(interfaces.listeners),
    .lock = MUTEX_INIT(interfaces.lock, "netif", RANK_NET_LINK),
    .group_lock = SPINLOCK_INIT("netif-groups", RANK_NET_QUEUE),
};

static struct netif *of_node(struct list *node)
{
    return container_of(node, struct netif, link);
}

static void tell(struct netif *n, enum netif_change what)
{
    list_for_each (node, &interfaces.listeners) {
        struct netif_listener *l = container_of(node, struct netif_listener, link);
        l->changed(l, n, what);
    }
}

void netif_add_listener(struct netif_listener *l)
{
    list_add_tail(&interfaces.listeners, &l->link);
    list_for_each (node, &interfaces.all) {
        l->changed(l, of_node(node), NETIF_ADDED);
    }
}

// ---- Which there are ----

struct netif *netif_next(const struct netif *n)
{
    struct list *node = n == NULL ? interfaces.all.next : n->link.next;
    return node == &interfaces.all ? NULL : of_node(node);
}

struct netif *netif_find(uint32_t index)
{
    struct netif *n = netif_next(NULL);
    while (n != NULL && n->index != index) {
        n = netif_next(n);
    }
    return n;
}

struct netif *netif_find_name(const char *name)
{
    struct netif *n = netif_next(NULL);
    while (n != NULL && strcmp(n->name, name) != 0) {
        n = netif_next(n);
    }
    return n;
}

static void choose_name(struct netif *n, const char *prefix)
{
    unsigned number = 0;
    do {
        fmt_print(n->name, sizeof(n->name), "%s%u", prefix, number++);
    } while (netif_find_name(n->name) != NULL);
}

// Loopback is the first one whenever it comes.
static void place(struct netif *n, const char *prefix)
{
    bool is_loopback = (atomic_load(&n->flags) & NETIF_LOOPBACK) != 0;
    uint32_t index = 2;
    list_for_each (node, &interfaces.all) {
        index = (uint32_t)u64_max(index, of_node(node)->index + 1);
    }
    if (is_loopback) {
        n->index = 1;
        fmt_print(n->name, sizeof(n->name), "%s", prefix);
        list_add_head(&interfaces.all, &n->link);
    } else {
        n->index = index;
        choose_name(n, prefix);
        list_add_tail(&interfaces.all, &n->link);
    }
}

void netif_init(struct netif *n)
{
    ip_netif_init(n);
    list_init(&n->groups);
    if ((n->features & NETIF_NO_QUEUE) == 0) {
        netif_set_queues(n, &n->queue, 1);
    }
}

status_t netif_register(struct netif *n, const char *prefix)
{
    netif_init(n);
    place(n, prefix);
    tell(n, NETIF_ADDED);
    return OK;
}

// ---- Up, down, MTU, link ----

// Sets and clears flags; whether that changed any.
static bool change_flags(struct netif *n, uint32_t set, uint32_t clear)
{
    uint32_t before = atomic_load_explicit(&n->flags, memory_order_relaxed);
    uint32_t after;
    do {
        after = (before & ~clear) | set;
    } while (!atomic_compare_exchange_weak(&n->flags, &before, after));
    return after != before;
}

static bool has_flag(const struct netif *n, uint32_t flag)
{
    return (atomic_load_explicit(&n->flags, memory_order_relaxed) & flag) != 0;
}

status_t netif_set_up(struct netif *n, bool is_up)
{
    status_t status = OK;
    bool is_changed = false;
    mutex_lock(&interfaces.lock);
    if (has_flag(n, NETIF_UP) != is_up) {
        status = n->ops->set_up != NULL ? n->ops->set_up(n, is_up) : OK;
        is_changed = status == OK && change_flags(n, is_up ? NETIF_UP : 0, NETIF_UP);
    }
    mutex_unlock(&interfaces.lock);
    if (is_changed) {
        tell(n, NETIF_CHANGED);
    }
    return status;
}

status_t netif_set_mtu(struct netif *n, uint32_t mtu)
{
    if (mtu < MTU_MIN || mtu > n->mtu_max) {
        return ERR_INVAL;
    }
    if (atomic_exchange(&n->mtu, mtu) != mtu) {
        tell(n, NETIF_CHANGED);
    }
    return OK;
}

void netif_set_running(struct netif *n, bool is_running)
{
    if (change_flags(n, is_running ? NETIF_RUNNING : 0, NETIF_RUNNING)) {
        tell(n, NETIF_CHANGED);
    }
}

// ---- What the link lets in ----

static void set_filter(struct netif *n)
{
    if (n->ops->set_filter != NULL) {
        mutex_lock(&interfaces.lock);
        n->ops->set_filter(n);
        mutex_unlock(&interfaces.lock);
    }
}

static struct group *find_group(struct netif *n, const struct mac_addr *address)
{
    list_for_each (node, &n->groups) {
        struct group *g = container_of(node, struct group, link);
        if (memcmp(&g->address, address, sizeof(*address)) == 0) {
            return g;
        }
    }
    return NULL;
}

status_t netif_group_add(struct netif *n, const struct mac_addr *group)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct group), &memory);
    if (status != OK) {
        return status;
    }
    struct group *fresh = memory;
    *fresh = (struct group){.address = *group, .count = 1};
    spin_lock(&interfaces.group_lock);
    struct group *known = find_group(n, group);
    if (known != NULL) {
        known->count++;
    } else {
        list_add_tail(&n->groups, &fresh->link);
    }
    spin_unlock(&interfaces.group_lock);
    if (known != NULL) {
        heap_free(fresh);
    } else {
        set_filter(n);
    }
    return OK;
}

void netif_group_remove(struct netif *n, const struct mac_addr *group)
{
    spin_lock(&interfaces.group_lock);
    struct group *g = find_group(n, group);
    assert(g != NULL);
    bool is_last = --g->count == 0;
    if (is_last) {
        list_del(&g->link);
    }
    spin_unlock(&interfaces.group_lock);
    if (is_last) {
        heap_free(g);
        set_filter(n);
    }
}

size_t netif_groups(struct netif *n, struct mac_addr *out, size_t max)
{
    size_t count = 0;
    spin_lock(&interfaces.group_lock);
    list_for_each (node, &n->groups) {
        if (count < max) {
            out[count] = container_of(node, struct group, link)->address;
        }
        count++;
    }
    spin_unlock(&interfaces.group_lock);
    return count;
}

void netif_set_promiscuous(struct netif *n, bool is_wanted)
{
    spin_lock(&interfaces.group_lock);
    assert(is_wanted || n->promiscuous != 0);
    n->promiscuous += is_wanted ? 1 : UINT32_MAX;
    uint32_t set = n->promiscuous != 0 ? NETIF_PROMISCUOUS : 0;
    bool is_changed = change_flags(n, set, NETIF_PROMISCUOUS);
    spin_unlock(&interfaces.group_lock);
    if (is_changed) {
        set_filter(n);
        tell(n, NETIF_CHANGED);
    }
}
