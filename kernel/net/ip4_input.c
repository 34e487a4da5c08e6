// SPDX-License-Identifier: Apache-2.0
/* IPv4 packets from links. */
#include "kernel/net/ip_priv.h"
#include "kernel/net/ip_reassembly_priv.h"
#include "lib/net/ip4_plain.h"

// What nobody can have sent: a group, everybody, or this machine from outside (RFC 1122, 3.2.1.3).
static bool is_source_possible(const struct netif *n, const struct ip_addr *source)
{
    enum { GROUPS = 0xe, LOOPBACK = 127 };
    uint32_t value = ip4_value(source);
    return value >> 28 != GROUPS && value != UINT32_MAX &&
           (value >> 24 != LOOPBACK || n == netif_loopback());
}

// Says what the packet is to us; false: nothing.
static bool accept(struct netif *n, struct ip_meta *m)
{
    enum ip_kind kind = ip_classify(n, &m->destination);
    m->is_multicast = kind == IP_KIND_GROUP;
    m->is_broadcast = kind == IP_KIND_BROADCAST;
    bool is_accepted = kind != IP_KIND_NONE && is_source_possible(n, &m->source);
    if (UNLIKELY(!is_accepted)) {
        ip_count(in_address_errors);
    }
    return is_accepted;
}

/* ---- The usual kind ---- */

static void receive_plain(struct netif *n, struct packet *p)
{
    const uint8_t *h = p->data;
    uint32_t size = read_be16(h + 2);
    struct ip_meta m = {
        .source = ip4_read(h + 12),
        .destination = ip4_read(h + 16),
        .netif = n,
        .protocol = h[9],
        .hop_limit = h[8],
        .traffic_class = h[1],
        .dont_fragment = (h[6] & 0x40) != 0,
    };
    if (UNLIKELY(!accept(n, &m))) {
        packet_free(p);
        return;
    }
    if (size != p->total) { // Ethernet's padding
        packet_trim(p, size);
    }
    p->data += IP4_HEADER_MIN; // all of it is in the front
    p->size -= IP4_HEADER_MIN;
    p->total -= IP4_HEADER_MIN;
    ip_deliver(p, &m);
}

/* ---- All others ---- */

static bool parse(struct packet *p, struct ip4_header *h)
{
    // The whole header has to be in the front: options are rare.
    if (packet_need(p, IP4_HEADER_MIN) != OK ||
        packet_need(p, (size_t)(p->data[0] & 15) * 4) != OK ||
        ip4_parse(span_of(p->data, p->size), p->total, h) != OK) {
        return false;
    }
    packet_trim(p, h->total_size);
    return true;
}

static void receive_odd(struct netif *n, struct packet *p)
{
    struct ip4_header h;
    if (!parse(p, &h)) {
        ip_count(in_header_errors);
        packet_free(p);
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
        .has_router_alert = h.has_router_alert,
    };
    if (h.has_source_route || !accept(n, &m)) {
        packet_free(p);
        return;
    }
    packet_pull(p, h.header_size);
    if (ip4_is_fragment(&h)) {
        ip4_reassemble(p, &h, &m);
    } else {
        ip_deliver(p, &m);
    }
}

void ip4_receive(struct netif *n, struct packet *p, const struct mac_addr *from)
{
    (void)from;
    ip_count(in_receives);
    if (LIKELY(ip4_is_plain(p->data, p->size, p->total))) {
        receive_plain(n, p);
    } else {
        receive_odd(n, p);
    }
}
