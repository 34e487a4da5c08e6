// SPDX-License-Identifier: Apache-2.0
/*
 * What the network told about the MTU of paths (RFC 1191, RFC 8201): by destination, for ten minutes,
 * then larger packets are tried again.  The oldest makes room when there are too many.
 */
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"
#include "kernel/net/ip_priv.h"
#include "lib/base/string.h"

enum { ENTRIES_MAX = 1024 };
constexpr nsec_t LIFETIME = 600 * NSEC_PER_SEC;

struct pmtu {
    struct rb_node node;
    struct list link; // oldest first
    struct ip_addr destination;
    uint32_t mtu;
    nsec_t valid_until;
};

static struct {
    struct spinlock lock; // RANK_NET_ROUTE
    struct rb_root tree;  // [l]
    struct list ages;     // [l]
    uint32_t count;       // [l]
    struct ip_alarm alarm;
} cache;

static struct rb_node **find_link(const struct ip_addr *a, struct rb_node **parent)
    REQUIRES(cache.lock)
{
    struct rb_node **link = &cache.tree.node;
    *parent = NULL;
    while (*link != NULL) {
        int order =
            memcmp(container_of(*link, struct pmtu, node)->destination.bytes, a->bytes, IP6_SIZE);
        if (order == 0) {
            break;
        }
        *parent = *link;
        link = order > 0 ? &(*link)->left : &(*link)->right;
    }
    return link;
}

uint32_t ip_pmtu_get(const struct ip_addr *destination, uint32_t mtu)
{
    struct rb_node *parent;
    spin_lock(&cache.lock);
    struct rb_node *found = *find_link(destination, &parent);
    if (found != NULL) {
        mtu = (uint32_t)u64_min(mtu, container_of(found, struct pmtu, node)->mtu);
    }
    spin_unlock(&cache.lock);
    return mtu;
}

static struct pmtu *take_oldest(void) REQUIRES(cache.lock)
{
    struct pmtu *p = container_of(list_first(&cache.ages), struct pmtu, link);
    list_del(&p->link);
    rb_erase(&cache.tree, &p->node);
    cache.count--;
    ip_path_changed(&p->destination);
    return p;
}

// Gives what is not needed: `fresh` or one that had to make room.
static struct pmtu *note(struct pmtu *fresh) REQUIRES(cache.lock)
{
    struct rb_node *parent;
    struct rb_node **link = find_link(&fresh->destination, &parent);
    struct pmtu *unneeded = NULL;
    struct pmtu *p = fresh;
    if (*link != NULL) {
        p = container_of(*link, struct pmtu, node);
        p->mtu = (uint32_t)u64_min(p->mtu, fresh->mtu);
        p->valid_until = fresh->valid_until;
        list_del(&p->link);
        unneeded = fresh;
    } else {
        rb_insert(&cache.tree, &p->node, parent, link);
        cache.count++;
    }
    list_add_tail(&cache.ages, &p->link);
    return cache.count > ENTRIES_MAX ? take_oldest() : unneeded;
}

void ip_pmtu_learn(const struct ip_addr *destination, uint32_t mtu)
{
    void *memory;
    if (heap_zalloc(sizeof(struct pmtu), &memory) != OK) {
        return; // it will be told again
    }
    struct pmtu *fresh = memory;
    fresh->destination = *destination;
    fresh->mtu = mtu;
    fresh->valid_until = time_now() + LIFETIME;
    spin_lock(&cache.lock);
    ip_alarm_set(&cache.alarm, fresh->valid_until);
    struct pmtu *unneeded = note(fresh);
    ip_path_changed(destination);
    spin_unlock(&cache.lock);
    heap_free(unneeded);
}

// The oldest, if it ends by that time.
static struct pmtu *take_old(nsec_t by)
{
    struct pmtu *p = NULL;
    spin_lock(&cache.lock);
    ip_alarm_begin(&cache.alarm);
    struct list *first = list_first(&cache.ages);
    if (first != NULL) {
        nsec_t end = container_of(first, struct pmtu, link)->valid_until;
        ip_alarm_set(&cache.alarm, end);
        p = end <= by ? take_oldest() : NULL;
    }
    spin_unlock(&cache.lock);
    return p;
}

static void expire(void)
{
    struct pmtu *p;
    while ((p = take_old(time_now())) != NULL) {
        heap_free(p);
    }
}

void ip_pmtu_flush(void)
{
    struct pmtu *p;
    while ((p = take_old(NSEC_NEVER)) != NULL) {
        heap_free(p);
    }
}

void ip_pmtu_init(void)
{
    spin_init(&cache.lock, "MTUs of paths", RANK_NET_ROUTE);
    list_init(&cache.ages);
    ip_alarm_init(&cache.alarm, expire);
}
