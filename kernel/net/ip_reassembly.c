// SPDX-License-Identifier: Apache-2.0
/* One packet of all fragments: the first one's headers, and the payloads in pages behind them. */
#include "kernel/mm/page.h"
#include "kernel/net/ip_reassembly_priv.h"
#include "lib/base/string.h"
#include "lib/net/icmp6.h"
#include "lib/net/ip4.h"

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
    struct fragment_arrival a = {
        .key = {m->source, m->destination, m->netif->index, h->id, h->protocol},
        .fragment = {.offset = h->fragment_offset,
                     .size = p->total,
                     .has_more = h->has_more,
                     .protocol = h->protocol,
                     .ecn = h->traffic_class & 3,
                     .header_size = h->header_size},
        .header_size = IP4_HEADER_MIN,
    };
    struct datagram *d = ip_fragment_arrive(p, &a, m, &end);
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
    ip_fragment_destroy(d);
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
    struct fragment_arrival a = {
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
    struct datagram *d = ip_fragment_arrive(p, &a, m, &end);
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
    ip_fragment_destroy(d);
}
