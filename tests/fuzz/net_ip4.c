// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a packet of IPv4 or ARP, and as what is inside of one. */
#include "lib/base/string.h"
#include "lib/net/arp.h"
#include "lib/net/icmp4.h"
#include "lib/net/igmp.h"
#include "lib/net/ip4.h"
#include "lib/net/udp.h"
#include "tests/fuzz/fuzz.h"

static void check_header(struct span s)
{
    struct ip4_header h;
    struct ip4_header back;
    uint8_t bytes[IP4_HEADER_MAX];
    char text[64];
    if (ip4_parse(s, s.size, &h) == OK) {
        require(h.header_size <= s.size && h.total_size <= s.size);
        require(h.fragment_offset + h.total_size - h.header_size <= IP4_PACKET_MAX);
        size_t size = ip4_emit(&h, bytes);
        require(ip4_parse(span_of(bytes, size), IP4_PACKET_MAX, &back) == OK ||
                h.total_size < size);
        ip4_print(&h, text, sizeof(text));
    }
}

static void check_icmp(struct span s)
{
    struct icmp4_message m;
    struct quote q;
    struct quote_error e;
    if (icmp4_parse(s, &m) != OK) {
        return;
    }
    struct span rest = span_of(s.data + ICMP4_HEADER_SIZE, s.size - ICMP4_HEADER_SIZE);
    if (quote_parse4(rest, &q) == OK) {
        require(q.transport.size >= QUOTE_TRANSPORT_MIN && q.transport.size < q.total_size);
        require(q.transport.data + q.transport.size <= s.data + s.size);
        if (icmp4_error(&m, &q, &e)) {
            require(icmp4_is_error(m.type) && e.error != OK);
            require(e.error != ERR_MSGSIZE || (e.mtu >= IP4_MTU_MIN && e.mtu < q.total_size));
        }
    }
}

static void check_igmp(struct span s)
{
    struct group_query q;
    struct group_record r;
    struct span records;
    if (igmp_query_parse(s, &q) == OK) {
        require(q.sources.size % IP4_SIZE == 0 && q.sources.size <= s.size);
    }
    if (igmp_report_parse(s, &records) == OK) {
        while (igmp_record_next(&records, &r)) {
            require(r.sources.data + r.sources.size <= s.data + s.size);
        }
        require(records.size == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span s = span_of(data, size);
    struct arp_packet arp;
    struct udp_header udp;
    uint8_t bytes[ARP_SIZE];
    check_header(s);
    check_icmp(s);
    check_igmp(s);
    if (arp_parse(s, &arp) == OK) {
        arp_emit(&arp, bytes);
        require(memcmp(bytes, data, ARP_SIZE) == 0);
    }
    if (udp_parse(s, size, &udp) == OK) {
        udp_emit(&udp, bytes);
        require(udp.size <= size && memcmp(bytes, data, UDP_HEADER_SIZE) == 0);
    }
    return 0;
}
