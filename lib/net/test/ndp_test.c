// SPDX-License-Identifier: Apache-2.0
#include "lib/net/ndp.h"

#include "lib/dns/name.h"
#include "lib/net/ethernet.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

static const struct ip_addr router = {.bytes = {0xfe, 0x80, [15] = 1}};
static const struct ip_addr host = {.bytes = {0x20, 0x01, [15] = 2}};
static const struct ip_addr all_nodes = {.bytes = {0xff, 0x02, [15] = 1}};
static const struct mac_addr mac = {{0x52, 0x54, 0, 1, 2, 3}};

static uint8_t bytes[256];
static size_t used;

static void begin(uint8_t type, size_t size)
{
    memset(bytes, 0, sizeof(bytes));
    bytes[0] = type;
    used = size;
}

// An option; gives its place.
static uint8_t *add(uint8_t type, uint8_t units)
{
    uint8_t *o = bytes + used;
    o[0] = type;
    o[1] = units;
    used += units * (size_t)8;
    return o;
}

static status_t parse(const struct ip_addr *source, const struct ip_addr *destination,
                      struct ndp_message *m)
{
    return ndp_parse(span_of(bytes, used), source, destination, NDP_HOP_LIMIT, m);
}

static void begin_target(uint8_t type)
{
    begin(type, 24);
    memcpy(bytes + 8, host.bytes, IP6_SIZE);
}

static void expect_back(const struct ndp_message *m)
{
    uint8_t sent[NDP_SIZE_MAX];
    struct ndp_message back;
    size_t size = ndp_emit(m, sent);
    EXPECT(size <= sizeof(sent));
    EXPECT_OK(ndp_parse(span_of(sent, size), &host, &router, NDP_HOP_LIMIT, &back));
    EXPECT(back.type == m->type && back.has_mac == m->has_mac && back.has_nonce == m->has_nonce);
    EXPECT(back.is_router == m->is_router && back.is_override == m->is_override);
    EXPECT_EQ(back.is_solicited, m->is_solicited);
    EXPECT_MEM(back.mac.bytes, m->mac.bytes, MAC_SIZE);
    EXPECT_MEM(back.nonce, m->nonce, NDP_NONCE_SIZE);
    EXPECT(ip_is_equal(&back.target, &m->target));
}

TEST(what_a_host_sends_reads_back)
{
    struct test_random r = {.state = 12};
    for (unsigned turn = 0; turn < 300 && !test_has_failed(); turn++) {
        uint64_t bits = test_random_next(&r);
        bool has_mac = (bits & 1) != 0;
        struct mac_addr m = has_mac ? mac : (struct mac_addr){};
        expect_back(
            &(struct ndp_message){.type = ICMP6_ROUTER_SOLICITATION, .has_mac = has_mac, .mac = m});
        expect_back(&(struct ndp_message){.type = ICMP6_NEIGHBOUR_SOLICITATION,
                                          .has_mac = has_mac,
                                          .mac = m,
                                          .target = host,
                                          .has_nonce = true,
                                          .nonce = {(uint8_t)bits, [5] = (uint8_t)(bits >> 8)}});
        expect_back(&(struct ndp_message){.type = ICMP6_NEIGHBOUR_ADVERTISEMENT,
                                          .has_mac = has_mac,
                                          .mac = m,
                                          .target = host,
                                          .is_router = (bits & 2) != 0,
                                          .is_solicited = (bits & 4) != 0,
                                          .is_override = (bits & 8) != 0});
    }
}

TEST(a_message_that_came_through_a_router_is_refused)
{
    struct ndp_message m;
    begin_target(ICMP6_NEIGHBOUR_ADVERTISEMENT);
    EXPECT_OK(parse(&router, &host, &m));
    EXPECT_STATUS(ndp_parse(span_of(bytes, used), &router, &host, 254, &m), ERR_INVAL);
    bytes[1] = 1;
    EXPECT_STATUS(parse(&router, &host, &m), ERR_INVAL);
}

TEST(options_without_size_or_room_spoil_the_message)
{
    struct ndp_message m;
    begin_target(ICMP6_NEIGHBOUR_SOLICITATION);
    add(200, 1); // unknown: passed over
    EXPECT_OK(parse(&router, &host, &m));
    add(201, 0);
    used += 8;
    EXPECT_STATUS(parse(&router, &host, &m), ERR_INVAL);
    begin_target(ICMP6_NEIGHBOUR_SOLICITATION);
    add(200, 2);
    used -= 8;
    EXPECT_STATUS(parse(&router, &host, &m), ERR_INVAL);
    for (size_t size = 0; size < 24; size++) {
        EXPECT_STATUS(ndp_parse(span_of(bytes, size), &router, &host, 255, &m), ERR_INVAL);
    }
}

TEST(a_probe_for_duplicates_goes_to_the_solicited_group_and_names_no_link)
{
    struct ndp_message m;
    struct ip_addr group = ip6_solicited_node(&host);
    begin_target(ICMP6_NEIGHBOUR_SOLICITATION);
    EXPECT_OK(parse(&IP_ANY, &group, &m));
    EXPECT_STATUS(parse(&IP_ANY, &host, &m), ERR_INVAL);
    mac_write(add(NDP_SOURCE_MAC, 1) + 2, &mac);
    EXPECT_STATUS(parse(&IP_ANY, &group, &m), ERR_INVAL);
    EXPECT_OK(parse(&router, &group, &m));
    EXPECT(m.has_mac && mac_is_equal(&m.mac, &mac));
}

TEST(a_target_is_one_hosts_address)
{
    struct ndp_message m;
    struct ip_addr v4 = ip4(0x0a000001);
    begin_target(ICMP6_NEIGHBOUR_ADVERTISEMENT);
    memcpy(bytes + 8, all_nodes.bytes, IP6_SIZE);
    EXPECT_STATUS(parse(&router, &host, &m), ERR_INVAL);
    memcpy(bytes + 8, v4.bytes, IP6_SIZE);
    EXPECT_STATUS(parse(&router, &host, &m), ERR_INVAL);
    begin_target(ICMP6_NEIGHBOUR_ADVERTISEMENT);
    bytes[4] = 0x40; // solicited, yet to a group
    EXPECT_STATUS(parse(&router, &all_nodes, &m), ERR_INVAL);
}

TEST(a_mac_of_a_group_is_none)
{
    struct ndp_message m;
    begin_target(ICMP6_NEIGHBOUR_ADVERTISEMENT);
    mac_write(add(NDP_TARGET_MAC, 1) + 2, &MAC_BROADCAST);
    EXPECT_OK(parse(&router, &host, &m));
    EXPECT(!m.has_mac);
}

static void begin_router(void)
{
    begin(ICMP6_ROUTER_ADVERTISEMENT, 16);
    bytes[4] = 64;
    bytes[5] = 0x48; // other things by DHCP, high preference
    write_be16(bytes + 6, 1800);
    write_be32(bytes + 8, 30000);
    write_be32(bytes + 12, 1000);
}

TEST(a_router_says_what_it_is)
{
    struct ndp_message m;
    begin_router();
    mac_write(add(NDP_SOURCE_MAC, 1) + 2, &mac);
    EXPECT_OK(parse(&router, &all_nodes, &m));
    EXPECT(m.router.hop_limit == 64 && m.router.lifetime_s == 1800 && m.has_mac);
    EXPECT(m.router.has_other && !m.router.is_managed && m.router.preference == NDP_HIGH);
    EXPECT(m.router.reachable_ms == 30000 && m.router.retransmit_ms == 1000);
    EXPECT_STATUS(parse(&host, &all_nodes, &m), ERR_INVAL); // not from its link-local address
}

static void write_prefix(uint8_t *o, uint8_t bits, uint32_t valid, uint32_t preferred)
{
    o[2] = bits;
    o[3] = 0xc0;
    write_be32(o + 4, valid);
    write_be32(o + 8, preferred);
    memcpy(o + 16, host.bytes, IP6_SIZE);
}

TEST(prefixes_are_read_and_senseless_ones_passed_over)
{
    struct ndp_message m;
    struct ndp_option o;
    begin_router();
    write_prefix(add(NDP_PREFIX, 4), 129, 10, 10);
    write_prefix(add(NDP_PREFIX, 4), 64, 10, 11);
    write_prefix(add(NDP_PREFIX, 4), 64, 100, 50);
    EXPECT_OK(parse(&router, &all_nodes, &m));
    EXPECT(ndp_option_next(&m.options, &o) && o.type == NDP_PREFIX);
    EXPECT(o.prefix.bits == 64 && o.prefix.is_on_link && o.prefix.is_autonomous);
    EXPECT(o.prefix.valid_s == 100 && o.prefix.preferred_s == 50);
    EXPECT(o.prefix.prefix.bytes[0] == 0x20 && o.prefix.prefix.bytes[15] == 0);
    EXPECT(!ndp_option_next(&m.options, &o));
}

static void expect_prefix_passed_over(const struct ip_addr *prefix)
{
    struct ndp_message m;
    struct ndp_option o;
    begin_router();
    write_prefix(add(NDP_PREFIX, 4), 64, 10, 10);
    memcpy(bytes + used - 16, prefix->bytes, IP6_SIZE);
    uint8_t *route = add(NDP_ROUTE, 3);
    route[2] = 64;
    memcpy(route + 8, prefix->bytes, IP6_SIZE);
    EXPECT_OK(parse(&router, &all_nodes, &m));
    // A route to the link's own prefix is nobody's business either, but does no harm.
    EXPECT(!ndp_option_next(&m.options, &o) || (o.type == NDP_ROUTE && prefix == &router));
}

TEST(prefixes_of_groups_of_the_link_itself_and_of_ipv4_are_passed_over)
{
    struct ip_addr v4 = ip4(0x0a000000);
    expect_prefix_passed_over(&all_nodes);
    expect_prefix_passed_over(&router);
    expect_prefix_passed_over(&v4);
}

TEST(a_route_may_be_to_one_host)
{
    struct ndp_message m;
    struct ndp_option o;
    begin_router();
    uint8_t *route = add(NDP_ROUTE, 3);
    route[2] = 128;
    route[3] = 0x10; // a preference that is none
    memcpy(route + 8, host.bytes, IP6_SIZE);
    EXPECT_OK(parse(&router, &all_nodes, &m));
    EXPECT(!ndp_option_next(&m.options, &o));
    route[3] = 0;
    EXPECT_OK(parse(&router, &all_nodes, &m));
    EXPECT(ndp_option_next(&m.options, &o) && o.route.preference == NDP_MEDIUM);
    EXPECT(ip_is_equal(&o.route.prefix, &host));
}

TEST(mtu_and_routes_are_read)
{
    struct ndp_message m;
    struct ndp_option o;
    begin_router();
    write_be32(add(NDP_MTU, 1) + 4, 1279);
    write_be32(add(NDP_MTU, 1) + 4, 1400);
    uint8_t *route = add(NDP_ROUTE, 2);
    route[2] = 48;
    route[3] = 0x18; // low
    write_be32(route + 4, 600);
    memcpy(route + 8, host.bytes, 8);
    EXPECT_OK(parse(&router, &all_nodes, &m));
    EXPECT(ndp_option_next(&m.options, &o) && o.type == NDP_MTU && o.mtu == 1400);
    EXPECT(ndp_option_next(&m.options, &o) && o.type == NDP_ROUTE && o.route.bits == 48);
    EXPECT(o.route.preference == NDP_LOW && o.route.lifetime_s == 600);
    route[2] = 65; // more than the bytes that are there
    EXPECT_OK(parse(&router, &all_nodes, &m));
    EXPECT(ndp_option_next(&m.options, &o) && !ndp_option_next(&m.options, &o));
}

TEST(resolvers_and_search_names_are_read)
{
    struct ndp_message m;
    struct ndp_option o;
    struct ip_addr a;
    struct dns_name name;
    begin_router();
    uint8_t *dns = add(NDP_RESOLVERS, 5);
    write_be32(dns + 4, 300);
    memcpy(dns + 8, all_nodes.bytes, IP6_SIZE); // a group is no resolver
    memcpy(dns + 24, host.bytes, IP6_SIZE);
    uint8_t *search = add(NDP_SEARCH, 3);
    static const uint8_t names[] = {3, 'l', 'a', 'n', 0, 2, 'a', 'b', 1, 'c'};
    memcpy(search + 8, names, sizeof(names));
    EXPECT_OK(parse(&router, &all_nodes, &m));
    EXPECT(ndp_option_next(&m.options, &o) && o.type == NDP_RESOLVERS && o.dns.lifetime_s == 300);
    EXPECT(ndp_resolver_next(&o.dns.list, &a) && ip_is_equal(&a, &host));
    EXPECT(!ndp_resolver_next(&o.dns.list, &a));
    char text[DNS_NAME_TEXT_SIZE];
    EXPECT(ndp_option_next(&m.options, &o) && o.type == NDP_SEARCH);
    EXPECT(ndp_search_next(&o.dns.list, &name));
    (void)dns_name_print(&name, text, sizeof(text));
    EXPECT_STR(text, "lan");
    EXPECT(ndp_search_next(&o.dns.list, &name));
    (void)dns_name_print(&name, text, sizeof(text));
    EXPECT_STR(text, "ab.c");
    EXPECT(!ndp_search_next(&o.dns.list, &name));
}

TEST(a_redirect_leads_to_a_router_or_to_the_host_itself)
{
    struct ndp_message m;
    begin(ICMP6_REDIRECT, 40);
    memcpy(bytes + 8, router.bytes, IP6_SIZE);
    memcpy(bytes + 24, host.bytes, IP6_SIZE);
    EXPECT_OK(parse(&router, &host, &m));
    EXPECT(ip_is_equal(&m.target, &router) && ip_is_equal(&m.destination, &host));
    EXPECT_STATUS(parse(&host, &host, &m), ERR_INVAL);
    memcpy(bytes + 8, host.bytes, IP6_SIZE);
    EXPECT_OK(parse(&router, &host, &m));
    bytes[8 + 15] = 9;
    EXPECT_STATUS(parse(&router, &host, &m), ERR_INVAL);
    memcpy(bytes + 24, all_nodes.bytes, IP6_SIZE);
    EXPECT_STATUS(parse(&router, &host, &m), ERR_INVAL);
}
