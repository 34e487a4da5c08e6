// SPDX-License-Identifier: Apache-2.0
/*
 * Datagrams that come in fragments (lib/net/reassembly.h): kept until they are whole, or their time is
 * over.  What fragments take is bounded, for all and for each sender: when it is too much for all, the
 * oldest datagram goes; when it is for one sender, its new fragment.
 *
 * Locking: one lock; a datagram that is taken out of the table belongs to who took it out.
 */
#include "lib/net/reassembly.h"

#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/net/ip_reassembly_priv.h"
#include "lib/base/string.h"
#include "lib/net/icmp4.h"
#include "lib/net/icmp6.h"
#include "lib/net/ip4.h"

enum {
    LIMIT_MIN = 512 << 10,
    LIMIT_MAX = 16 << 20,
    LIMIT_SHARE = 64, // of all memory
    SOURCE_SHARE = 4, // of the limit, for one sender
    SOURCE_DATAGRAMS = 64,
};

struct key {
    struct ip_addr source; // first: all of one sender lie side by side
    struct ip_addr destination;
    uint32_t netif;
    uint32_t id;
    uint32_t protocol; // of IPv4 only
};

struct datagram {
    struct rb_node node; // [l]
    struct list link;    // [l] of its version, oldest first
    struct key key;
    struct ip_meta meta; // of the first fragment, once it is there
    nsec_t deadline;
    uint32_t charge; // bytes that it takes
    uint32_t
        header_size; // of the first fragment: what stands before the fragment header, or payload
    uint32_t next_field; // IPv6: where in that the number of what follows stands
    uint8_t first_next;  // IPv6: what that is
    struct reassembly machine;
    struct reassembly_piece pieces[REASSEMBLY_PIECES_MAX];
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

static struct datagram *find(const struct key *k) REQUIRES(table.lock)
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

static void destroy(struct datagram *d)
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

static status_t create(const struct key *k, struct datagram **out) REQUIRES(table.lock)
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

struct arrival {
    struct key key;
    struct reassembly_fragment fragment;
    uint32_t header_size; // bytes from the network's header that are kept of the first one
    uint32_t next_field;
};

static void keep_first(struct datagram *d, const struct arrival *a, const struct ip_meta *m)
{
    if (a->fragment.offset == 0) {
        d->meta = *m;
        d->header_size = a->header_size;
        d->next_field = a->next_field;
        d->first_next = a->fragment.protocol;
    }
}

// What comes of a fragment; the packet is the machine's with KEPT and WHOLE.
static enum reassembly_end add(struct datagram *d, struct packet *p, const struct arrival *a,
                               const struct ip_meta *m) REQUIRES(table.lock)
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

static void put(struct packet *p, const struct arrival *a, const struct ip_meta *m,
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

// Gives what is whole now, or NULL.  Takes the packet.
static struct datagram *arrive(struct packet *p, const struct arrival *a, const struct ip_meta *m,
                               enum reassembly_end *end)
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
    destroy(r.gone);
    return r.whole;
}

/* ---- A whole one ---- */

struct stream {
    struct packet *packet;
    struct page *page; // NULL: none begun
    uint32_t used;     // bytes of it
    uint32_t front;    // bytes that still go into the packet's front
};

static status_t flush(struct stream *s)
{
    status_t status = OK;
    if (s->page != NULL) {
        status = packet_add_slice(s->packet, s->page, 0, (uint16_t)s->used);
        page_unref(s->page); // the slice has a reference of its own
        s->packet->charge += PAGE_SIZE;
        s->page = NULL;
    }
    return status;
}

static status_t append_some(struct stream *s, const struct packet *from, uint32_t at,
                            uint32_t *done)
{
    uint32_t left = from->total - at;
    if (s->front != 0) {
        *done = (uint32_t)u64_min(left, s->front);
        packet_copy_out(from, at, packet_put(s->packet, *done), *done);
        s->front -= *done;
        return OK;
    }
    if (s->page == NULL) {
        status_t status = page_alloc_one(PAGE_ANY, PAGE_KERNEL, &s->page);
        if (status != OK) {
            s->page = NULL;
            return status;
        }
        s->used = 0;
    }
    *done = (uint32_t)u64_min(left, PAGE_SIZE - s->used);
    packet_copy_out(from, at, (uint8_t *)page_virt(s->page) + s->used, *done);
    s->used += *done;
    return s->used == PAGE_SIZE ? flush(s) : OK;
}

static status_t append(struct stream *s, const struct packet *from)
{
    status_t status = OK;
    uint32_t done = 0;
    for (uint32_t at = 0; at < from->total && status == OK; at += done) {
        status = append_some(s, from, at, &done);
    }
    return status;
}

// The first fragment's headers, then all payloads.
static status_t join(const struct datagram *d, struct packet **out)
{
    const struct packet *first = d->machine.pieces[0].what;
    struct stream s = {};
    size_t size = u64_min(d->header_size + (uint64_t)d->machine.total, PACKET_LINEAR_MAX);
    status_t status = packet_alloc(size, &s.packet);
    if (status != OK) {
        return status;
    }
    memcpy(packet_put(s.packet, d->header_size), first->area + first->network, d->header_size);
    s.front = (uint32_t)size - d->header_size;
    for (uint16_t i = 0; i < d->machine.count && status == OK; i++) {
        status = append(&s, d->machine.pieces[i].what);
    }
    status_t last = flush(&s);
    if (status != OK || last != OK) {
        packet_free(s.packet);
        return status != OK ? status : last;
    }
    s.packet->netif = d->meta.netif;
    s.packet->network = (uint16_t)(s.packet->data - s.packet->area);
    *out = s.packet;
    return OK;
}

// NULL: no memory for it.
static struct packet *finish(struct datagram *d)
{
    struct packet *p = NULL;
    if (d->header_size > PACKET_LINEAR_MAX / 2 || join(d, &p) != OK) {
        ip_count(reassembly_fails);
        return NULL;
    }
    ip_count(reassembly_ok);
    d->meta.traffic_class = (uint8_t)((d->meta.traffic_class & ~3u) |
                                      reassembly_ecn(&d->machine, d->meta.traffic_class & 3));
    return p;
}

void ip4_reassemble(struct packet *p, const struct ip4_header *h, const struct ip_meta *m)
{
    enum reassembly_end end;
    struct arrival a = {
        .key = {m->source, m->destination, m->netif->index, h->id, h->protocol},
        .fragment = {.offset = h->fragment_offset,
                     .size = p->total,
                     .has_more = h->has_more,
                     .protocol = h->protocol,
                     .ecn = h->traffic_class & 3,
                     .header_size = h->header_size},
        .header_size = IP4_HEADER_MIN,
    };
    struct datagram *d = arrive(p, &a, m, &end);
    if (end != REASSEMBLY_KEPT && end != REASSEMBLY_WHOLE) {
        packet_free(p);
    }
    struct packet *whole = d == NULL ? NULL : finish(d);
    if (whole != NULL) {
        struct ip4_header made = {
            .source = d->meta.source,
            .destination = d->meta.destination,
            .total_size = (uint16_t)whole->total,
            .traffic_class = d->meta.traffic_class,
            .hop_limit = d->meta.hop_limit,
            .protocol = d->meta.protocol,
        };
        (void)ip4_emit(&made, whole->data);
        packet_pull(whole, IP4_HEADER_MIN);
        ip_deliver(whole, &d->meta);
    }
    destroy(d);
}

// What is wrong with the size of a fragment is told to who sent it (RFC 8200, 4.5).
static void tell_size(const struct packet *p, const struct ip_meta *m, enum reassembly_end end,
                      uint32_t fragment_offset_field)
{
    enum { PAYLOAD_SIZE_FIELD = 4 };
    if (end == REASSEMBLY_BAD_SIZE) {
        icmp6_send_error(p, m, ICMP6_PARAMETER_PROBLEM, IP6_PROBLEM_FIELD, PAYLOAD_SIZE_FIELD);
    } else if (end == REASSEMBLY_TOO_LONG) {
        icmp6_send_error(p, m, ICMP6_PARAMETER_PROBLEM, IP6_PROBLEM_FIELD, fragment_offset_field);
    }
}

// The header of the whole one: without the fragment header, and with a size of its own.
static void mend6(struct packet *p, const struct datagram *d)
{
    enum { PAYLOAD_SIZE_FIELD = 4 };
    p->data[d->next_field] = d->first_next;
    write_be16(p->data + PAYLOAD_SIZE_FIELD, (uint16_t)(p->total - IP6_HEADER_SIZE));
}

void ip6_reassemble(struct packet *p, const struct ip6_walk *w, const struct ip_meta *m)
{
    enum { NEXT_FIELD = 6, OFFSET_FIELD = 2 };
    enum reassembly_end end;
    struct arrival a = {
        .key = {m->source, m->destination, m->netif->index, w->fragment.id, 0},
        .fragment = {.offset = w->fragment.offset,
                     .size = p->total - w->offset,
                     .has_more = w->fragment.has_more,
                     .protocol = w->fragment.next,
                     .ecn = m->traffic_class & 3,
                     .header_size = (uint16_t)(w->offset - IP6_HEADER_SIZE - IP6_FRAGMENT_SIZE)},
        .header_size = w->offset - IP6_FRAGMENT_SIZE,
        .next_field = w->fragment_field,
    };
    packet_pull(p, w->offset);
    struct datagram *d = arrive(p, &a, m, &end);
    if (end != REASSEMBLY_KEPT && end != REASSEMBLY_WHOLE) {
        tell_size(p, m, end, w->offset - IP6_FRAGMENT_SIZE + OFFSET_FIELD);
        packet_free(p);
    }
    struct packet *whole = d == NULL ? NULL : finish(d);
    if (whole != NULL) {
        mend6(whole, d);
        d->meta.protocol = whole->data[NEXT_FIELD];
        ip6_take(whole, &d->meta);
    }
    destroy(d);
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
        destroy(d);
    }
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
