// SPDX-License-Identifier: Apache-2.0
/*
 * Datagrams that come in fragments (lib/net/reassembly.h): kept until they are whole, or their time is
 * over.  What fragments take is bounded, for all and for each sender: when it is too much for all, the
 * oldest datagram goes; when it is for one sender, its new fragment.
 *
 * Locking: one lock; a datagram that is taken out of the table belongs to who took it out.
 */
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/net/ip_reassembly_priv.h"
#include "lib/base/string.h"
#include "lib/net/icmp4.h"
#include "lib/net/icmp6.h"

enum {
    LIMIT_MIN = 512 << 10,
    LIMIT_MAX = 16 << 20,
    LIMIT_SHARE = 64, // of all memory
    SOURCE_SHARE = 4, // of the limit, for one sender
    SOURCE_DATAGRAMS = 64,
};

static struct {
    struct spinlock lock;  // RANK_NET_QUEUE
    struct rb_root tree;   // [l]
    struct list ages4;     // [l]
    struct list ages6;     // [l]
    size_t charge;         // [l] of all
    size_t limit;          // [I]
    struct ip_alarm alarm; // [l]
} table;

/* ---- The table ---- */

static struct datagram *of_node(struct rb_node *n)
{
    return container_of(n, struct datagram, node);
}

static struct datagram *find(const struct fragment_key *k) REQUIRES(table.lock)
{
    struct rb_node *at = table.tree.node;
    while (at != NULL) {
        int order = memcmp(k, &of_node(at)->key, sizeof(*k));
        if (order == 0) {
            return of_node(at);
        }
        at = order < 0 ? at->left : at->right;
    }
    return NULL;
}

static void insert(struct datagram *d) REQUIRES(table.lock)
{
    struct rb_node **link = &table.tree.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        bool is_left = memcmp(&d->key, &of_node(parent)->key, sizeof(d->key)) < 0;
        link = is_left ? &parent->left : &parent->right;
    }
    rb_insert(&table.tree, &d->node, parent, link);
    list_add_tail(ip_is_v4(&d->key.source) ? &table.ages4 : &table.ages6, &d->link);
    table.charge += d->charge;
    ip_alarm_set(&table.alarm, d->deadline);
}

static void take_out(struct datagram *d) REQUIRES(table.lock)
{
    rb_erase(&table.tree, &d->node);
    list_del(&d->link);
    table.charge -= d->charge;
}

static void drop_pieces(struct datagram *d)
{
    for (uint16_t i = 0; i < d->machine.count; i++) {
        packet_free(d->machine.pieces[i].what);
    }
    d->machine.count = 0;
}

void ip_fragment_destroy(struct datagram *d)
{
    if (d != NULL) {
        drop_pieces(d);
        heap_free(d);
    }
}

static bool is_of(const struct rb_node *n, const struct ip_addr *source)
{
    return n != NULL &&
           ip_is_equal(&container_of(n, const struct datagram, node)->key.source, source);
}

// Whether this sender has too much here.
static bool is_greedy(const struct datagram *d, uint32_t more) REQUIRES(table.lock)
{
    size_t charge = more;
    unsigned count = 0;
    const struct rb_node *first = &d->node;
    while (is_of(rb_prev(first), &d->key.source)) {
        first = rb_prev(first);
    }
    for (const struct rb_node *at = first; is_of(at, &d->key.source); at = rb_next(at)) {
        charge += container_of(at, const struct datagram, node)->charge;
        count++;
    }
    return charge > table.limit / SOURCE_SHARE || count > SOURCE_DATAGRAMS;
}

// The oldest, or NULL.
static struct datagram *oldest(void) REQUIRES(table.lock)
{
    struct list *four = list_first(&table.ages4);
    struct list *six = list_first(&table.ages6);
    struct datagram *a = four == NULL ? NULL : container_of(four, struct datagram, link);
    struct datagram *b = six == NULL ? NULL : container_of(six, struct datagram, link);
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    return a->deadline <= b->deadline ? a : b;
}

static status_t create(const struct fragment_key *k, struct datagram **out) REQUIRES(table.lock)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct datagram), &memory);
    if (status != OK) {
        return status;
    }
    struct datagram *d = memory;
    memset(d, 0, offsetof(struct datagram, pieces));
    reassembly_init(&d->machine, d->pieces, REASSEMBLY_PIECES_MAX);
    d->key = *k;
    d->charge = sizeof(*d);
    d->deadline = time_now() + (ip_is_v4(&k->source) ? REASSEMBLY_TIMEOUT4 : REASSEMBLY_TIMEOUT6);
    insert(d);
    *out = d;
    return OK;
}

/* ---- Fragments come ---- */

static void keep_first(struct datagram *d, const struct fragment_arrival *a,
                       const struct ip_meta *m)
{
    if (a->fragment.offset == 0) {
        d->meta = *m;
        d->header_size = a->header_size;
        d->next_field = a->next_field;
        d->first_next = a->fragment.protocol;
    }
}

// What comes of a fragment; the packet is the machine's with KEPT and WHOLE.
static enum reassembly_end add(struct datagram *d, struct packet *p,
                               const struct fragment_arrival *a, const struct ip_meta *m)
    REQUIRES(table.lock)
{
    enum reassembly_end end = reassembly_add(&d->machine, &a->fragment, p);
    if (end == REASSEMBLY_KEPT || end == REASSEMBLY_WHOLE) {
        keep_first(d, a, m);
        d->charge += p->charge;
        table.charge += p->charge;
    }
    return end;
}

struct result {
    enum reassembly_end end;
    struct datagram *whole; // out of the table
    struct datagram *gone;  // the same, and it made room
    struct list lost;       // packets of a dead one
};

static void bury(struct datagram *d, struct list *lost) REQUIRES(table.lock)
{
    for (uint16_t i = 0; i < d->machine.count; i++) {
        struct packet *p = d->machine.pieces[i].what;
        list_add_tail(lost, &p->link);
    }
    d->machine.count = 0;
    table.charge -= d->charge - sizeof(*d);
    d->charge = sizeof(*d);
}

static void put(struct packet *p, const struct fragment_arrival *a, const struct ip_meta *m,
                struct result *r) REQUIRES(table.lock)
{
    struct datagram *d = find(&a->key);
    r->end = REASSEMBLY_IGNORED;
    if (d == NULL && create(&a->key, &d) != OK) {
        return;
    }
    if (is_greedy(d, p->charge)) {
        if (d->machine.count == 0 && !d->machine.is_dead) {
            take_out(d);
            r->gone = d;
        }
        return;
    }
    r->end = add(d, p, a, m);
    if (r->end == REASSEMBLY_WHOLE) {
        take_out(d);
        r->whole = d;
    } else if (r->end == REASSEMBLY_DEAD) {
        bury(d, &r->lost);
    }
    if (table.charge > table.limit) {
        r->gone = oldest();
        if (r->gone != NULL) {
            take_out(r->gone);
        }
    }
}

struct datagram *ip_fragment_arrive(struct packet *p, const struct fragment_arrival *a,
                                    const struct ip_meta *m, enum reassembly_end *end)
{
    struct result r = {.lost = LIST_INIT(r.lost)};
    ip_count(reassembly_needed);
    packet_disown(p);
    spin_lock(&table.lock);
    put(p, a, m, &r);
    spin_unlock(&table.lock);
    *end = r.end;
    if (r.end == REASSEMBLY_DEAD || r.gone != NULL) {
        ip_count(reassembly_fails);
    }
    packet_free_all(&r.lost);
    ip_fragment_destroy(r.gone);
    return r.whole;
}

/* ---- Time is over ---- */

static struct datagram *take_expired(void)
{
    spin_lock(&table.lock);
    ip_alarm_begin(&table.alarm);
    struct datagram *d = oldest();
    if (d != NULL && d->deadline > time_now()) {
        ip_alarm_set(&table.alarm, d->deadline);
        d = NULL;
    }
    if (d != NULL) {
        take_out(d);
    }
    spin_unlock(&table.lock);
    return d;
}

static void tell_late(const struct datagram *d)
{
    if (!reassembly_has_first(&d->machine)) {
        return;
    }
    const struct packet *first = d->machine.pieces[0].what;
    if (ip_is_v4(&d->key.source)) {
        icmp4_send_error(first, &d->meta, ICMP4_TIME_EXCEEDED, ICMP4_TIME_REASSEMBLY);
    } else {
        icmp6_send_error(first, &d->meta, ICMP6_TIME_EXCEEDED, ICMP6_TIME_REASSEMBLY, 0);
    }
}

static void ring(void)
{
    struct datagram *d;
    while ((d = take_expired()) != NULL) {
        if (!d->machine.is_dead) {
            ip_count(reassembly_fails);
            tell_late(d);
        }
        ip_fragment_destroy(d);
    }
}

static struct datagram *take_one_of(struct list *ages, const struct netif *n) REQUIRES(table.lock)
{
    list_for_each (at, ages) {
        struct datagram *d = container_of(at, struct datagram, link);
        if (d->key.netif == n->index) {
            take_out(d);
            return d;
        }
    }
    return NULL;
}

void ip_reassembly_flush(const struct netif *n)
{
    struct datagram *d;
    do {
        spin_lock(&table.lock);
        d = take_one_of(&table.ages4, n);
        if (d == NULL) {
            d = take_one_of(&table.ages6, n);
        }
        spin_unlock(&table.lock);
        ip_fragment_destroy(d);
    } while (d != NULL);
}

void ip_reassembly_init(void)
{
    struct page_stats pages;
    page_stats(&pages);
    uint64_t share = (uint64_t)pages.total_pages * PAGE_SIZE / LIMIT_SHARE;
    table.limit = u64_min(u64_max(share, LIMIT_MIN), LIMIT_MAX);
    spin_init(&table.lock, "fragments", RANK_NET_QUEUE);
    list_init(&table.ages4);
    list_init(&table.ages6);
    ip_alarm_init(&table.alarm, ring);
}
