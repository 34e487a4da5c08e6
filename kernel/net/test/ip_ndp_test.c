// SPDX-License-Identifier: Apache-2.0
/* Neighbour discovery and addresses without anybody's configuration, as seen from the link. */
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/net/test/link.h"
#include "lib/net/icmp6.h"
#include "lib/net/ip6.h"
#include "lib/net/ndp.h"
#include "tests/harness/test.h"

#define OURS   "fe80::ff:fe00:1"
#define THEIRS "fe80::ff:fe00:2"
#define FORMED "2001:db8:1::ff:fe00:1"

static struct link_frame frame;

static struct ip_addr source_of(const struct link_frame *f)
{
    return ip6_read(f->bytes + ETHERNET_HEADER_SIZE + 8);
}

static struct ip_addr destination_of(const struct link_frame *f)
{
    return ip6_read(f->bytes + ETHERNET_HEADER_SIZE + 24);
}

static bool parse(const struct link_frame *f, struct ndp_message *out)
{
    struct ip_addr source = source_of(f);
    struct ip_addr destination = destination_of(f);
    return ndp_parse(link_icmp6(f), &source, &destination, f->bytes[ETHERNET_HEADER_SIZE + 7],
                     out) == OK;
}

static void expect_address(const struct ip_addr *a, const char *text)
{
    struct ip_addr want = link_address(text);
    EXPECT(ip_is_equal(a, &want));
}

// False: there is none.
static bool find_address(const char *text, struct ip_address_info *out)
{
    uint64_t cursor = 0;
    struct ip_addr want = link_address(text);
    while (ip_address_list(&cursor, out) == OK) {
        if (ip_is_equal(&out->address, &want)) {
            return true;
        }
    }
    return false;
}

static bool comes_to_state(const char *text, enum ip_address_state state)
{
    struct ip_address_info a = {};
    nsec_t give_up = time_now() + 10 * NSEC_PER_SEC;
    while ((!find_address(text, &a) || a.state != state) && time_now() < give_up) {
        (void)thread_sleep_until(time_now() + 10 * NSEC_PER_MSEC, WAIT_DEFAULT);
    }
    return a.state == state;
}

static void put(const char *source, const char *destination, void *message, size_t size)
{
    struct link_packet6 p = {.source = source,
                             .destination = destination,
                             .next = IP_PROTOCOL_ICMP6,
                             .hop_limit = NDP_HOP_LIMIT,
                             .payload = message,
                             .size = size};
    link_put_ip6(&p);
}

static void put_neighbour(uint8_t type, const char *source, const char *destination,
                          const char *target)
{
    uint8_t bytes[NDP_SIZE_MAX];
    struct ndp_message m = {
        .type = type,
        .has_mac = strcmp(source, "::") != 0,
        .mac = LINK_THEIRS,
        .is_override = type == ICMP6_NEIGHBOUR_ADVERTISEMENT,
        .is_solicited = type == ICMP6_NEIGHBOUR_ADVERTISEMENT && strcmp(destination, OURS) == 0,
        .target = link_address(target),
    };
    put(source, destination, bytes, ndp_emit(&m, bytes));
}

TEST(an_address_is_looked_for_before_it_is_used_and_then_routers_are_asked)
{
    struct ndp_message m;
    (void)link_begin();
    link_take_icmp6(ICMP6_NEIGHBOUR_SOLICITATION, NSEC_PER_SEC, &frame);
    EXPECT(parse(&frame, &m));
    struct ip_addr from = source_of(&frame);
    EXPECT(ip_is_equal(&from, &IP_ANY));
    expect_address(&m.target, OURS);
    struct ip_addr to = destination_of(&frame);
    expect_address(&to, "ff02::1:ff00:1");
    struct ip_addr own = link_address(OURS);
    EXPECT(!ip_is_local(&own));
    EXPECT(comes_to_state(OURS, IP_PREFERRED));
    EXPECT(ip_is_local(&own));
    link_take_icmp6(ICMP6_ROUTER_SOLICITATION, 2 * NSEC_PER_SEC, &frame);
    EXPECT(parse(&frame, &m));
    from = source_of(&frame);
    expect_address(&from, OURS);
    link_end();
}

TEST(an_address_that_somebody_has_is_not_used)
{
    struct ip_addr own = link_address(OURS);
    (void)link_begin();
    link_take_icmp6(ICMP6_NEIGHBOUR_SOLICITATION, NSEC_PER_SEC, &frame);
    put_neighbour(ICMP6_NEIGHBOUR_ADVERTISEMENT, OURS, "ff02::1", OURS);
    EXPECT(comes_to_state(OURS, IP_DUPLICATE));
    (void)thread_sleep_until(time_now() + 1500 * NSEC_PER_MSEC, WAIT_DEFAULT);
    EXPECT(!ip_is_local(&own));
    link_end();
}

TEST(an_address_that_somebody_looks_for_as_well_is_not_used)
{
    (void)link_begin();
    link_take_icmp6(ICMP6_NEIGHBOUR_SOLICITATION, NSEC_PER_SEC, &frame);
    put_neighbour(ICMP6_NEIGHBOUR_SOLICITATION, "::", "ff02::1:ff00:1", OURS);
    EXPECT(comes_to_state(OURS, IP_DUPLICATE));
    link_end();
}

TEST(a_question_for_our_address_of_ipv6_is_answered)
{
    struct ndp_message m;
    struct netif *n = link_begin();
    link_wait_for_ip6(n);
    put_neighbour(ICMP6_NEIGHBOUR_SOLICITATION, THEIRS, "ff02::1:ff00:1", OURS);
    do {
        link_take_icmp6(ICMP6_NEIGHBOUR_ADVERTISEMENT, NSEC_PER_SEC, &frame);
        EXPECT(parse(&frame, &m));
    } while (!m.is_solicited);
    struct ip_addr to = destination_of(&frame);
    expect_address(&to, THEIRS);
    expect_address(&m.target, OURS);
    EXPECT(m.has_mac && m.is_override && !m.is_router);
    EXPECT_MEM(m.mac.bytes, LINK_OURS.bytes, MAC_SIZE);
    EXPECT_MEM(frame.bytes, LINK_THEIRS.bytes, MAC_SIZE);
    link_end();
}

TEST(a_packet_waits_for_the_neighbour_of_ipv6)
{
    struct ip_path path;
    struct ip_addr to = link_address(THEIRS);
    struct netif *n = link_begin();
    link_wait_for_ip6(n);
    EXPECT_OK(ip_path_find(&to, &IP_ANY, n, false, &path));
    link_take(0, 0, &frame); // all that was sent before
    EXPECT_OK(link_send(&path, 50));
    link_take_icmp6(ICMP6_NEIGHBOUR_SOLICITATION, NSEC_PER_SEC, &frame);
    struct ndp_message m;
    EXPECT(parse(&frame, &m));
    expect_address(&m.target, THEIRS);
    put_neighbour(ICMP6_NEIGHBOUR_ADVERTISEMENT, THEIRS, OURS, THEIRS);
    do {
        link_take(ETHER_IP6, NSEC_PER_SEC, &frame);
    } while (frame.size != 0 && frame.bytes[ETHERNET_HEADER_SIZE + 6] != LINK_TRANSPORT);
    EXPECT_EQ(frame.size, ETHERNET_HEADER_SIZE + IP6_HEADER_SIZE + 50);
    EXPECT_MEM(frame.bytes, LINK_THEIRS.bytes, MAC_SIZE);
    link_end();
}

/* ---- Routers ---- */

struct advertisement {
    uint16_t lifetime_s;
    uint32_t valid_s; // of 2001:db8:1::/64
    uint32_t preferred_s;
    uint32_t mtu; // 0: not said
};

static void advertise(const struct advertisement *a)
{
    enum { SIZE = 16 + 8 + 32 + 8 + 24 };
    uint8_t bytes[SIZE] = {ICMP6_ROUTER_ADVERTISEMENT, 0, 0, 0, 63};
    uint8_t *at = bytes + 16;
    struct ip_addr prefix = link_address("2001:db8:1::");
    struct ip_addr resolver = link_address("2001:db8:1::53");
    write_be16(bytes + 6, a->lifetime_s);
    at[0] = NDP_SOURCE_MAC;
    at[1] = 1;
    memcpy(at + 2, LINK_THEIRS.bytes, MAC_SIZE);
    at += 8;
    at[0] = NDP_PREFIX;
    at[1] = 4;
    at[2] = 64;
    at[3] = 0xc0;
    write_be32(at + 4, a->valid_s);
    write_be32(at + 8, a->preferred_s);
    memcpy(at + 16, prefix.bytes, IP6_SIZE);
    at += 32;
    at[0] = NDP_RESOLVERS;
    at[1] = 3;
    write_be32(at + 4, 600);
    memcpy(at + 8, resolver.bytes, IP6_SIZE);
    at += 24;
    size_t size = SIZE - 8;
    if (a->mtu != 0) {
        at[0] = NDP_MTU;
        at[1] = 1;
        write_be32(at + 4, a->mtu);
        size = SIZE;
    }
    put(THEIRS, "ff02::1", bytes, size);
    worker_flush();
}

TEST(a_router_gives_an_address_a_way_out_and_resolvers)
{
    struct ip_path path;
    struct ip_resolver_info resolver;
    struct ip_addr far = link_address("2001:db8:ffff::1");
    struct netif *n = link_begin();
    link_wait_for_ip6(n);
    EXPECT_STATUS(ip_path_find(&far, &IP_ANY, NULL, false, &path), ERR_NETUNREACH);
    struct advertisement a = {1800, 86400, 14400, 1400};
    advertise(&a);
    EXPECT(comes_to_state(FORMED, IP_PREFERRED));
    EXPECT_OK(ip_path_find(&far, &IP_ANY, NULL, false, &path));
    expect_address(&path.next_hop, THEIRS);
    expect_address(&path.source, FORMED);
    EXPECT_EQ(path.mtu, 1400);
    struct ip_addr near = link_address("2001:db8:1::99");
    EXPECT_OK(ip_path_find(&near, &IP_ANY, NULL, false, &path));
    expect_address(&path.next_hop, "2001:db8:1::99");
    uint64_t cursor = 0;
    EXPECT_OK(ip_resolver_list(&cursor, &resolver));
    expect_address(&resolver.address, "2001:db8:1::53");
    a.lifetime_s = 0;
    advertise(&a);
    EXPECT_STATUS(ip_path_find(&far, &IP_ANY, NULL, false, &path), ERR_NETUNREACH);
    EXPECT_OK(ip_path_find(&near, &IP_ANY, NULL, false, &path));
    link_end();
    cursor = 0;
    EXPECT_STATUS(ip_resolver_list(&cursor, &resolver), ERR_NOENT);
    struct ip_address_info gone;
    EXPECT(!find_address(FORMED, &gone));
}

TEST(nobody_ends_an_address_sooner_than_in_two_hours)
{
    struct ip_address_info info;
    constexpr nsec_t HOUR = 3600 * NSEC_PER_SEC;
    struct netif *n = link_begin();
    link_wait_for_ip6(n);
    struct advertisement a = {1800, 86400, 14400, 0};
    advertise(&a);
    a.valid_s = 5;
    a.preferred_s = 5;
    advertise(&a);
    EXPECT(find_address(FORMED, &info));
    EXPECT(info.valid_until > time_now() + HOUR && info.valid_until <= time_now() + 2 * HOUR);
    EXPECT(info.preferred_until <= time_now() + 5 * NSEC_PER_SEC);
    a.valid_s = 3 * 3600;
    advertise(&a);
    EXPECT(find_address(FORMED, &info));
    EXPECT(info.valid_until > time_now() + 2 * HOUR);
    link_end();
}

TEST(what_does_not_come_from_the_link_is_not_believed)
{
    uint8_t bytes[16] = {ICMP6_ROUTER_ADVERTISEMENT, 0, 0, 0, 64, 0, 7, 8};
    struct ip_path path;
    struct ip_addr far = link_address("2001:db8:ffff::1");
    struct netif *n = link_begin();
    link_wait_for_ip6(n);
    struct link_packet6 p = {THEIRS, "ff02::1", IP_PROTOCOL_ICMP6, 254, bytes, sizeof(bytes)};
    link_put_ip6(&p);
    p.hop_limit = 255;
    p.source = "2001:db8:1::99";
    link_put_ip6(&p);
    worker_flush();
    EXPECT_STATUS(ip_path_find(&far, &IP_ANY, NULL, false, &path), ERR_NETUNREACH);
    link_end();
}

/* ---- Errors ---- */

// A packet whose destination options have one that nobody knows and that must be told of, before an
// ICMPv6 message of that type.
static void put_unknown_option(uint8_t type)
{
    enum { DESTINATION_OPTIONS = 60, TELL = 0x9e, OPTIONS = 8, MESSAGE = 64 };
    uint8_t payload[OPTIONS + MESSAGE] = {IP_PROTOCOL_ICMP6, 0, TELL, 4};
    payload[OPTIONS] = type;
    const struct link_packet6 p = {.source = THEIRS,
                                   .destination = OURS,
                                   .next = DESTINATION_OPTIONS,
                                   .hop_limit = 64,
                                   .payload = payload,
                                   .size = sizeof(payload)};
    link_put_ip6(&p);
}

static bool is_told_of(uint8_t type)
{
    put_unknown_option(type);
    link_take_icmp6(ICMP6_PARAMETER_PROBLEM, 300 * NSEC_PER_MSEC, &frame);
    return frame.size != 0;
}

TEST(no_error_is_told_about_an_error)
{
    enum { ECHO_REQUEST = 128, UNREACHABLE = 1 };
    struct netif *n = link_begin();
    link_wait_for_ip6(n);
    put_neighbour(ICMP6_NEIGHBOUR_SOLICITATION, THEIRS, "ff02::1:ff00:1", OURS); // so it is known
    EXPECT(is_told_of(ECHO_REQUEST));
    EXPECT(!is_told_of(UNREACHABLE));
    link_end();
}
