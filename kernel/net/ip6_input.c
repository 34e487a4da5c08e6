// SPDX-License-Identifier: Apache-2.0
/* IPv6 packets from links, and the headers between IPv6's and the transport's. */
#include "kernel/net/ip_priv.h"
#include "kernel/net/ip_reassembly_priv.h"
#include "lib/base/bits.h"
#include "lib/net/icmp6.h"
#include "lib/net/ip6.h"

// How much of the packet a walk wants in one piece.
enum { WALK_SIZE = IP6_HEADER_SIZE + IP6_CHAIN_SIZE_MAX + IP6_FRAGMENT_SIZE };

static bool is_source_possible(const struct netif *n, const struct ip_addr *source)
{
    return !ip_is_multicast(source) && (!ip_is_loopback(source) || n == netif_loopback());
}

static bool parse(struct packet *p, struct ip6_header *h)
{
    if (packet_need(p, IP6_HEADER_SIZE) != OK ||
        ip6_parse(span_of(p->data, p->size), p->total, h) != OK) {
        return false;
    }
    packet_trim(p, IP6_HEADER_SIZE + h->payload_size);
    return true;
}

static void tell_problem(struct packet *p, const struct ip6_walk *w, const struct ip_meta *m)
{
    struct ip_meta to_one = *m;
    if (m->is_multicast && w->problem.is_for_groups) {
        to_one.is_multicast = false;
    }
    icmp6_send_error(p, &to_one, ICMP6_PARAMETER_PROBLEM, w->problem.code, w->problem.pointer);
}

// Extension headers: `p` begins with the IPv6 header.  They are walked in a copy, since they may lie in
// slices that are longer than what the front has room for.
static enum ip6_walk_end look_at_headers(struct packet *p, struct ip6_walk *out)
{
    uint8_t headers[WALK_SIZE];
    size_t size = u64_min(p->total, WALK_SIZE);
    packet_copy_out(p, 0, headers, size);
    enum ip6_walk_end end = ip6_walk(span_of(headers, size), out);
    bool goes_on = end == IP6_WALK_TRANSPORT || end == IP6_WALK_FRAGMENT;
    // What was walked over is in one piece for those who quote it.
    return goes_on && packet_need(p, out->offset) != OK ? IP6_WALK_DROP : end;
}

static void walk(struct packet *p, struct ip_meta *m)
{
    struct ip6_walk w;
    switch (look_at_headers(p, &w)) {
    case IP6_WALK_TRANSPORT:
        packet_pull(p, w.offset);
        m->protocol = w.next;
        m->has_router_alert = w.has_router_alert;
        ip_deliver(p, m);
        return;
    case IP6_WALK_FRAGMENT: ip6_reassemble(p, &w, m); return;
    case IP6_WALK_PROBLEM:
        ip_count(in_header_errors);
        tell_problem(p, &w, m);
        break;
    case IP6_WALK_NOTHING: break;
    case IP6_WALK_DROP: ip_count(in_header_errors); break;
    }
    packet_free(p);
}

void ip6_take(struct packet *p, struct ip_meta *m)
{
    if (UNLIKELY(ip6_is_extension(m->protocol))) {
        walk(p, m);
        return;
    }
    packet_pull(p, IP6_HEADER_SIZE);
    ip_deliver(p, m);
}

void ip6_receive(struct netif *n, struct packet *p, const struct mac_addr *from)
{
    (void)from;
    struct ip6_header h;
    ip_count(in_receives);
    if (UNLIKELY(!parse(p, &h))) {
        ip_count(in_header_errors);
        packet_free(p);
        return;
    }
    enum ip_kind kind = ip_classify(n, &h.destination);
    if (UNLIKELY(kind == IP_KIND_NONE || !is_source_possible(n, &h.source))) {
        ip_count(in_address_errors);
        packet_free(p);
        return;
    }
    struct ip_meta m = {
        .source = h.source,
        .destination = h.destination,
        .netif = n,
        .protocol = h.next,
        .hop_limit = h.hop_limit,
        .traffic_class = h.traffic_class,
        .is_multicast = kind == IP_KIND_GROUP,
    };
    ip6_take(p, &m);
}
