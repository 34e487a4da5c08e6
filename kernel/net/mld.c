// SPDX-License-Identifier: Apache-2.0
/* MLD: routers ask for listeners of IPv6's groups, and are told. */
#include "lib/net/mld.h"

#include "kernel/net/ip_group_priv.h"

static constexpr struct ip_addr ALL_ROUTERS = {.bytes = {0xff, 0x02, [15] = 2}};

void mld_receive(struct packet *p, const struct ip_meta *m)
{
    struct group_query q;
    bool may_ask = m->hop_limit == 1 && m->has_router_alert && ip_is_link_local(&m->source) &&
                   m->netif->header_size != 0;
    if (may_ask && mld_query_parse(span_of(p->data, p->size), &q) == OK) {
        ip_group_asked(m->netif, &q);
    }
}

// Who has no link-local address yet says so with `::` (RFC 3590, 4).
static struct ip_addr source_of(const struct netif *n, const struct ip_addr *to)
{
    struct ip_addr source;
    spin_lock(&ip_tables.lock);
    if (!ip_source_find(to, n, &source) || !ip_is_link_local(&source)) {
        source = IP_ANY;
    }
    spin_unlock(&ip_tables.lock);
    return source;
}

static void send(struct netif *n, struct packet *p, const struct ip_addr *to)
{
    struct ip6_header h = {
        .source = source_of(n, to), .destination = *to, .next = IP6_HOP_BY_HOP, .hop_limit = 1};
    icmp_finish(p, ip_pseudo_sum(&h.source, to, IP_PROTOCOL_ICMP6, p->total));
    mld_hop_by_hop_emit(packet_push(p, MLD_HOP_BY_HOP_SIZE));
    h.payload_size = (uint16_t)p->total;
    ip6_emit(&h, packet_push(p, IP6_HEADER_SIZE));
    ip_link_send(n, to, p);
}

void mld_report(struct netif *n, const struct group_record *r, bool is_old)
{
    struct packet *p;
    bool is_leaving = r->type == GROUP_TO_INCLUDE;
    size_t size = is_old ? MLD1_SIZE : MLD_REPORT_HEADER_SIZE + MLD_RECORD_SIZE;
    if (packet_alloc(size, &p) != OK) {
        ip_count(out_discards);
        return;
    }
    uint8_t *to = packet_put(p, size);
    if (is_old) {
        mld1_emit(is_leaving ? ICMP6_MLD1_DONE : ICMP6_MLD1_REPORT, &r->group, to);
        send(n, p, is_leaving ? &ALL_ROUTERS : &r->group);
    } else {
        (void)mld_report_emit(r, 1, to);
        send(n, p, &MLD_ROUTERS);
    }
}
