// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a packet of IPv6, its chain of headers, and as what is inside of one. */
#include "lib/base/string.h"
#include "lib/dns/name.h"
#include "lib/net/icmp6.h"
#include "lib/net/mld.h"
#include "lib/net/ndp.h"
#include "tests/fuzz/fuzz.h"

static void check_walk(struct span s)
{
    struct ip6_walk w;
    enum ip6_walk_end end = ip6_walk(s, &w);
    require(w.offset >= IP6_HEADER_SIZE && w.offset <= IP6_HEADER_SIZE + IP6_CHAIN_SIZE_MAX);
    require(w.next_field < w.offset && w.count <= IP6_EXTENSIONS_MAX + 1);
    switch (end) {
    case IP6_WALK_TRANSPORT:
        require(!ip6_is_extension(w.next) && w.offset <= s.size);
        require(s.data[w.next_field] == w.next);
        break;
    case IP6_WALK_FRAGMENT:
        require(w.fragment.offset % 8 == 0 && (w.fragment.offset != 0 || w.fragment.has_more));
        require(w.offset <= s.size && s.data[w.fragment_field] == IP6_FRAGMENT);
        break;
    case IP6_WALK_PROBLEM: require(w.problem.pointer < s.size); break;
    default: break;
    }
}

static void check_header(struct span s)
{
    struct ip6_header h;
    struct quote q;
    uint8_t bytes[IP6_HEADER_SIZE];
    char text[64];
    if (ip6_parse(s, s.size, &h) == OK) {
        ip6_emit(&h, bytes);
        require(memcmp(bytes, s.data, sizeof(bytes)) == 0);
        ip6_print(&h, text, sizeof(text));
        check_walk(span_of(s.data, h.payload_size + (size_t)IP6_HEADER_SIZE));
    }
    if (quote_parse6(s, &q) == OK) {
        require(q.transport.size >= QUOTE_TRANSPORT_MIN);
        require(q.transport.data + q.transport.size <= s.data + s.size);
    }
}

static void check_options(struct span options)
{
    struct ndp_option o;
    struct ip_addr a;
    struct dns_name name;
    char text[DNS_NAME_TEXT_SIZE];
    while (ndp_option_next(&options, &o)) {
        if (o.type == NDP_PREFIX) {
            require(o.prefix.bits <= 128 && o.prefix.preferred_s <= o.prefix.valid_s);
        }
        while (o.type == NDP_RESOLVERS && ndp_resolver_next(&o.dns.list, &a)) {
            require(!ip_is_multicast(&a));
        }
        while (o.type == NDP_SEARCH && ndp_search_next(&o.dns.list, &name)) {
            require(dns_name_print(&name, text, sizeof(text)) < sizeof(text));
        }
    }
}

static void check_ndp(struct span s)
{
    static const struct ip_addr router = {.bytes = {0xfe, 0x80, [15] = 1}};
    static const struct ip_addr group = {.bytes = {0xff, 0x02, [11] = 1, [12] = 0xff}};
    struct ndp_message m;
    struct ndp_message back;
    uint8_t bytes[NDP_SIZE_MAX];
    if (ndp_parse(s, &router, &group, NDP_HOP_LIMIT, &m) != OK &&
        ndp_parse(s, &IP_ANY, &group, NDP_HOP_LIMIT, &m) != OK) {
        return;
    }
    check_options(m.options);
    if (m.type != ICMP6_ROUTER_ADVERTISEMENT && m.type != ICMP6_REDIRECT) {
        size_t size = ndp_emit(&m, bytes);
        require(size <= sizeof(bytes));
        require(ndp_parse(span_of(bytes, size), &router, &group, NDP_HOP_LIMIT, &back) == OK);
        require(back.has_mac == m.has_mac && ip_is_equal(&back.target, &m.target));
    }
}

static void check_mld(struct span s)
{
    struct group_query q;
    struct group_record r;
    struct span records;
    if (mld_query_parse(s, &q) == OK) {
        require(q.sources.size % IP6_SIZE == 0 && q.sources.size <= s.size);
    }
    if (mld_report_parse(s, &records) == OK) {
        while (mld_record_next(&records, &r)) {
            require(r.sources.data + r.sources.size <= s.data + s.size);
        }
        require(records.size == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span s = span_of(data, size);
    struct icmp6_message m;
    struct quote_error e;
    check_header(s);
    check_ndp(s);
    check_mld(s);
    if (icmp6_parse(s, &m) == OK && icmp6_error(&m, &e)) {
        require(icmp6_is_error(m.type) && (e.error != ERR_MSGSIZE || e.mtu >= IP6_MTU_MIN));
    }
    return 0;
}
