// SPDX-License-Identifier: Apache-2.0
/* IGMP: routers ask for members of IPv4's groups, and are told. */
#include "lib/net/igmp.h"

#include "kernel/net/ip_group_priv.h"
#include "lib/net/ip4.h"

static constexpr struct ip_addr ALL_ROUTERS = {.bytes = {[10] = 0xff, 0xff, 224, 0, 0, 2}};

void igmp_receive(struct packet *p, const struct ip_meta *m)
{
    struct group_query q;
    if (ip_is_v4(&m->source) && m->netif->header_size != 0 && ip_make_linear(&p) == OK &&
        igmp_query_parse(span_of(p->data, p->size), &q) == OK) {
        ip_group_asked(m->netif, &q);
    }
    packet_free(p);
}

static void send(struct netif *n, struct packet *p, const struct ip_addr *to)
{
    struct ip4_header h = {
        .destination = *to,
        .id = ip_random_id(),
        .traffic_class = 0xc0, // RFC 3376, 4
        .hop_limit = 1,
        .protocol = IP_PROTOCOL_IGMP,
        .has_router_alert = true,
    };
    spin_lock(&ip_tables.lock);
    if (!ip_source_find(to, n, &h.source)) {
        h.source = ip4(0);
    }
    spin_unlock(&ip_tables.lock);
    size_t size = ip4_header_size(&h);
    h.total_size = (uint16_t)(p->total + size);
    (void)ip4_emit(&h, packet_push(p, size));
    ip_link_send(n, to, p);
}

void igmp_report(struct netif *n, const struct group_record *r, bool is_old)
{
    struct packet *p;
    bool is_leaving = r->type == GROUP_TO_INCLUDE;
    size_t size = is_old ? IGMP_SIZE : IGMP_REPORT_HEADER_SIZE + IGMP_RECORD_SIZE;
    if (packet_alloc(size, &p) != OK) {
        ip_count(out_discards);
        return;
    }
    uint8_t *to = packet_put(p, size);
    if (is_old) {
        igmp2_emit(is_leaving ? IGMP2_LEAVE : IGMP2_REPORT, &r->group, to);
        send(n, p, is_leaving ? &ALL_ROUTERS : &r->group);
    } else {
        (void)igmp_report_emit(r, 1, to);
        send(n, p, &IGMP_ROUTERS);
    }
}
