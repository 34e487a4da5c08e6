// SPDX-License-Identifier: Apache-2.0
/*
 * The neighbours of all links, for ARP and NDP: entries of lib/net/neighbour.h in a tree by address,
 * with the packets that wait for a link address.
 *
 *   ip_neighbour_resolve -> this CPU's memory of sure ones -> the tree -> (nobody knows)
 *   ip_neighbour_wait -> INCOMPLETE, asks -> ip_neighbour_answered -> what waited goes
 *
 * How many there are is bounded by memory: then the one goes that was longest not used, of those that
 * only made themselves known first, and of these at most a quarter is kept.  So somebody on the link
 * who makes up addresses cannot push out those that are talked to.
 *
 * Locking: one lock for all.  Packets, solicitations and errors go out after it is released.
 */
#include "kernel/core/random.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/net/ip_neighbour_priv.h"
#include "kernel/net/ndp_priv.h"
#include "lib/base/string.h"

enum { ENTRIES_MIN = 256, PAGES_PER_ENTRY = 16 }; // of all memory

struct neighbour_table ip_neighbours;

/* ---- What CPUs remember ---- */

_Atomic uint32_t *ip_neighbour_generation(const struct ip_addr *a)
{
    return &ip_neighbours.generations[ip_hash(a) % ARRAY_SIZE(ip_neighbours.generations)];
}

static void forget(const struct neighbour *e) REQUIRES(ip_neighbours.lock)
{
    (void)atomic_fetch_add_explicit(ip_neighbour_generation(&e->address), 1, memory_order_release);
}

/* ---- The tree ---- */

static int compare(const struct neighbour *e, const struct netif *n, const struct ip_addr *a)
{
    int order = memcmp(e->address.bytes, a->bytes, IP6_SIZE);
    return order != 0 ? order
                      : (int)(e->netif->index > n->index) - (int)(e->netif->index < n->index);
}

static struct rb_node **find_link(const struct netif *n, const struct ip_addr *a,
                                  struct rb_node **parent) REQUIRES(ip_neighbours.lock)
{
    struct rb_node **link = &ip_neighbours.tree.node;
    *parent = NULL;
    while (*link != NULL) {
        int order = compare(container_of(*link, struct neighbour, node), n, a);
        if (order == 0) {
            break;
        }
        *parent = *link;
        link = order > 0 ? &(*link)->left : &(*link)->right;
    }
    return link;
}

struct neighbour *ip_neighbour_find(const struct netif *n, const struct ip_addr *a)
{
    struct rb_node *parent;
    struct rb_node *found = *find_link(n, a, &parent);
    return found == NULL ? NULL : container_of(found, struct neighbour, node);
}

/* ---- Deadlines: a second tree, by time ---- */

// Comes before every change of the machine, since the deadline orders the tree.
void ip_neighbour_unplan(struct neighbour *e)
{
    if (e->is_planned) {
        rb_erase(&ip_neighbours.deadlines, &e->planned);
        e->is_planned = false;
    }
}

void ip_neighbour_plan(struct neighbour *e)
{
    if (e->machine.deadline == NSEC_NEVER) {
        return;
    }
    struct rb_node **link = &ip_neighbours.deadlines.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        const struct neighbour *there = container_of(parent, struct neighbour, planned);
        link = e->machine.deadline < there->machine.deadline ? &parent->left : &parent->right;
    }
    rb_insert(&ip_neighbours.deadlines, &e->planned, parent, link);
    e->is_planned = true;
    ip_alarm_set(&ip_neighbours.alarm, e->machine.deadline);
}

/* ---- Entries come and go ---- */

void ip_neighbour_touch(struct neighbour *e)
{
    if (!e->is_used) {
        e->is_used = true;
        ip_neighbours.heard_count--;
    }
    list_del(&e->link);
    list_add_tail(&ip_neighbours.used, &e->link);
}

void ip_neighbour_take_out(struct neighbour *e, struct neighbour_outcome *o)
{
    ip_neighbour_unplan(e);
    rb_erase(&ip_neighbours.tree, &e->node);
    series_remove(&ip_neighbours.series, &e->series);
    list_del(&e->link);
    ip_neighbours.count--;
    ip_neighbours.heard_count -= e->is_used ? 0 : 1;
    ip_neighbours.waiting_count -= e->waiting_count;
    forget(e);
    list_add_tail(&o->gone, &e->link);
}

static struct neighbour *first_evictable(struct list *from) REQUIRES(ip_neighbours.lock)
{
    list_for_each (at, from) {
        struct neighbour *e = container_of(at, struct neighbour, link);
        if (e->machine.state != NEIGHBOUR_PERMANENT) {
            return e;
        }
    }
    return NULL;
}

// Makes room for one more.
static void make_room(bool is_heard, struct neighbour_outcome *o) REQUIRES(ip_neighbours.lock)
{
    bool has_many = is_heard && ip_neighbours.heard_count >= ip_neighbours.limit / 4;
    if (!has_many && ip_neighbours.count < ip_neighbours.limit) {
        return;
    }
    struct neighbour *e = first_evictable(&ip_neighbours.heard);
    if (e == NULL) {
        e = first_evictable(&ip_neighbours.used);
    }
    if (e != NULL) {
        ip_neighbour_take_out(e, o);
        ip_count(neighbour_evicted);
    }
}

status_t ip_neighbour_create(struct netif *n, const struct ip_addr *a, enum ip_neighbour_use use,
                             struct neighbour_outcome *o, struct neighbour **out)
{
    void *memory;
    struct rb_node *parent;
    bool is_heard = use == IP_NEIGHBOUR_HEARD;
    status_t status = heap_zalloc(sizeof(struct neighbour), &memory);
    if (status != OK) {
        return status;
    }
    make_room(is_heard, o);
    struct neighbour *e = memory;
    e->netif = n;
    e->address = *a;
    e->machine.deadline = NSEC_NEVER;
    e->is_used = !is_heard;
    list_init(&e->waiting);
    struct rb_node **link = find_link(n, a, &parent);
    rb_insert(&ip_neighbours.tree, &e->node, parent, link);
    series_add(&ip_neighbours.series, &e->series);
    list_add_tail(is_heard ? &ip_neighbours.heard : &ip_neighbours.used, &e->link);
    ip_neighbours.count++;
    ip_neighbours.heard_count += is_heard ? 1 : 0;
    *out = e;
    return OK;
}

/* ---- What a step leads to, after the lock ---- */

void ip_neighbour_outcome_init(struct neighbour_outcome *o)
{
    list_init(&o->ready);
    list_init(&o->lost);
    list_init(&o->gone);
    o->step = NEIGHBOUR_NOTHING;
}

void ip_neighbour_note(struct neighbour *e, enum neighbour_step step, struct neighbour_outcome *o)
{
    o->step = step;
    o->netif = e->netif;
    o->address = e->address;
    o->mac = e->machine.mac;
    struct list *to = neighbour_has_mac(&e->machine) ? &o->ready : &o->lost;
    if (neighbour_has_mac(&e->machine) || step == NEIGHBOUR_GIVE_UP) {
        struct list *p;
        while ((p = list_pop(&e->waiting)) != NULL) {
            list_add_tail(to, p);
        }
        ip_neighbours.waiting_count -= e->waiting_count;
        e->waiting_count = 0;
    }
    if (!neighbour_is_sure(&e->machine) || step == NEIGHBOUR_KNOWN) {
        forget(e);
    }
    ip_neighbour_plan(e);
}

/*
 * Nobody is told of packets that had to make room: that happens while others are sent, perhaps under
 * locks of who sends them.  Only when time passed is nobody's lock held.
 */
static void lose(struct list *packets, bool is_told)
{
    struct list *at;
    while ((at = list_pop(packets)) != NULL) {
        struct packet *p = container_of(at, struct packet, link);
        ip_count(neighbour_dropped);
        if (is_told) {
            ip_report_failure(p, ERR_HOSTUNREACH);
        }
        packet_free(p);
    }
}

static void ask(const struct neighbour_outcome *o)
{
    const struct mac_addr *mac = o->step == NEIGHBOUR_ASK_IT ? &o->mac : NULL;
    ip_count(neighbour_solicits_out);
    if (ip_is_v4(&o->address)) {
        arp_solicit(o->netif, &o->address, mac);
    } else {
        ndp_solicit(o->netif, &o->address, mac);
    }
}

void ip_neighbour_finish(struct neighbour_outcome *o)
{
    struct list *at;
    if (o->step == NEIGHBOUR_ASK_ALL || o->step == NEIGHBOUR_ASK_IT) {
        ask(o);
    }
    while ((at = list_pop(&o->ready)) != NULL) {
        ip_link_send(o->netif, &o->address, container_of(at, struct packet, link));
    }
    lose(&o->lost, o->step == NEIGHBOUR_GIVE_UP);
    while ((at = list_pop(&o->gone)) != NULL) {
        struct neighbour *e = container_of(at, struct neighbour, link);
        lose(&e->waiting, false);
        heap_free(e);
    }
    if (o->step == NEIGHBOUR_GIVE_UP || o->step == NEIGHBOUR_KNOWN) {
        ip_route_gateway(o->netif, &o->address, o->step == NEIGHBOUR_KNOWN);
    }
    if (o->step == NEIGHBOUR_NO_ROUTER) {
        ndp_note_no_router(o->netif, &o->address);
    }
}

void ip_neighbour_init(void)
{
    struct page_stats pages;
    page_stats(&pages);
    spin_init(&ip_neighbours.lock, "neighbours", RANK_NET_NEIGHBOUR);
    list_init(&ip_neighbours.used);
    list_init(&ip_neighbours.heard);
    ip_neighbours.limit = (uint32_t)u64_max(pages.total_pages / PAGES_PER_ENTRY, ENTRIES_MIN);
    ip_alarm_init(&ip_neighbours.alarm, ip_neighbour_ring);
}
