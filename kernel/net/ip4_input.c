// SPDX-License-Identifier: Apache-2.0
/* IPv4 packets from links. */
#include "kernel/net/ip_priv.h"
#include "kernel/net/ip_reassembly_priv.h"
#include "lib/net/ip4.h"

// What nobody can have sent: a group, everybody, or this machine from outside (RFC 1122, 3.2.1.3).
static bool is_source_possible(const struct netif *n, const struct ip_addr *source)
{
    if (ip_is_multicast(source) || ip4_is_broadcast(source)) {
        return false;
    }
    return !ip_is_loopback(source) || n == netif_loopback();
}

static bool has_right_size(struct packet *p, const struct ip4_header *h)
{
    if (h->total_size > p->total) {
        return false;
    }
    packet_trim(p, h->total_size);
    return packet_need(p, h->header_size) == OK;
}

static void drop(struct packet *p)
{
    packet_free(p);
}

// Behind the header: a fragment waits for the others.
static void take(struct packet *p, const struct ip4_header *h, const struct ip_meta *m)
{
    packet_pull(p, h->header_size);
    if (UNLIKELY(ip4_is_fragment(h))) {
        ip4_reassemble(p, h, m);
        return;
    }
    ip_deliver(p, m);
}

static bool parse(struct packet *p, struct ip4_header *h)
{
    // The whole header has to be in the front: options are rare.
    if (packet_need(p, IP4_HEADER_MIN) != OK ||
        packet_need(p, (size_t)(p->data[0] & 15) * 4) != OK) {
        return false;
    }
    return ip4_parse(span_of(p->data, p->size), p->total, h) == OK && has_right_size(p, h);
}

void ip4_receive(struct netif *n, struct packet *p, const struct mac_addr *from)
{
    (void)from;
    struct ip4_header h;
    ip_count(in_receives);
    if (UNLIKELY(!parse(p, &h))) {
        ip_count(in_header_errors);
        drop(p);
        return;
    }
    enum ip_kind kind = ip_classify(n, &h.destination);
    if (UNLIKELY(kind == IP_KIND_NONE || !is_source_possible(n, &h.source) || h.has_source_route)) {
        ip_count(in_address_errors);
        drop(p);
        return;
    }
    struct ip_meta m = {
        .source = h.source,
        .destination = h.destination,
        .netif = n,
        .protocol = h.protocol,
        .hop_limit = h.hop_limit,
        .traffic_class = h.traffic_class,
        .dont_fragment = h.dont_fragment,
        .is_multicast = kind == IP_KIND_GROUP,
        .is_broadcast = kind == IP_KIND_BROADCAST,
    };
    take(p, &h, &m);
}
