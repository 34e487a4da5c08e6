// SPDX-License-Identifier: Apache-2.0
/* What IP does as time passes; here, because simulated time passes at once. */
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/net/test/link.h"
#include "lib/base/bits.h"
#include "lib/net/arp.h"
#include "lib/net/checksum.h"
#include "lib/net/icmp4.h"
#include "lib/net/igmp.h"
#include "lib/net/ip4.h"
#include "lib/net/ip6.h"
#include "lib/net/mld.h"
#include "lib/net/ndp.h"
#include "tests/harness/test.h"

static struct link_frame frame;

static void sleep_for(nsec_t time)
{
    (void)thread_sleep_until(time_now() + time, WAIT_DEFAULT);
    worker_flush();
}

// The next ARP packet that asks for that address; false: none comes.
static bool takes_question(const char *target)
{
    struct ip_addr want = link_address(target);
    struct arp_packet a;
    do {
        link_take(ETHER_ARP, 10 * NSEC_PER_SEC, &frame);
        if (frame.size == 0 ||
            arp_parse(span_of(frame.bytes + ETHERNET_HEADER_SIZE, ARP_SIZE), &a) != OK) {
            return false;
        }
    } while (!ip_is_equal(&a.target, &want));
    return true;
}

enum { UNKNOWN = -1 };

static int state_of(const char *address)
{
    struct ip_neighbour_info info;
    struct ip_addr want = link_address(address);
    uint64_t cursor = 0;
    while (ip_neighbour_list(&cursor, &info) == OK) {
        if (ip_is_equal(&info.address, &want)) {
            return (int)info.state;
        }
    }
    return UNKNOWN;
}

TEST(who_does_not_answer_is_asked_three_times_and_the_sender_is_told)
{
    struct ip_path path;
    struct ip_addr to = link_address("192.0.2.9");
    (void)link_begin();
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    EXPECT_OK(link_send(&path, 100));
    nsec_t begin = time_now();
    EXPECT(takes_question("192.0.2.9") && takes_question("192.0.2.9") &&
           takes_question("192.0.2.9"));
    EXPECT(time_now() - begin >= 2 * NSEC_PER_SEC);
    EXPECT(link_hears(0, 1));
    EXPECT_STATUS(link_heard.error.error, ERR_HOSTUNREACH);
    EXPECT(ip_is_equal(&link_heard.error.destination, &to));
    EXPECT_EQ(state_of("192.0.2.9"), IP_FAILED);
    sleep_for(21 * NSEC_PER_SEC);
    EXPECT_EQ(state_of("192.0.2.9"), UNKNOWN);
    link_end();
}

TEST(packets_that_wait_are_bounded_and_only_those_left_are_told_of)
{
    enum { SENT = 100, KEPT = 32 };
    struct ip_path path;
    struct ip_addr to = link_address("192.0.2.9");
    (void)link_begin();
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    for (unsigned i = 0; i < SENT; i++) {
        EXPECT_OK(link_send(&path, 100));
    }
    EXPECT_EQ(link_heard.errors, 0);
    EXPECT(link_hears(0, KEPT));
    link_end();
}

TEST(a_neighbour_that_is_used_is_asked_now_and_then)
{
    struct ip_path path;
    struct ip_addr to = link_address("192.0.2.9");
    (void)link_begin();
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    EXPECT_OK(link_send(&path, 100));
    EXPECT(takes_question("192.0.2.9"));
    link_say_arp("192.0.2.9");
    EXPECT_EQ(state_of("192.0.2.9"), IP_REACHABLE);
    sleep_for(50 * NSEC_PER_SEC);
    EXPECT_EQ(state_of("192.0.2.9"), IP_STALE);
    EXPECT_OK(link_send(&path, 100));
    EXPECT_EQ(state_of("192.0.2.9"), IP_DELAY);
    link_take(0, 0, &frame);
    EXPECT(takes_question("192.0.2.9"));
    EXPECT_MEM(frame.bytes, LINK_THEIRS.bytes, MAC_SIZE); // it is asked itself
    EXPECT_EQ(state_of("192.0.2.9"), IP_PROBE);
    link_say_arp("192.0.2.9");
    EXPECT_EQ(state_of("192.0.2.9"), IP_REACHABLE);
    link_end();
}

static bool goes_over(const char *gateway)
{
    struct ip_path path;
    struct ip_addr want = link_address(gateway);
    struct ip_addr far = link_address("198.51.100.1");
    return ip_path_find(&far, &IP_ANY, NULL, false, &path) == OK &&
           ip_is_equal(&path.next_hop, &want);
}

TEST(a_gateway_that_does_not_answer_is_replaced_until_it_is_heard_of)
{
    struct ip_path path;
    struct ip_addr far = link_address("198.51.100.1");
    struct netif *n = link_begin();
    struct ip_route_info first = {.netif = n->index,
                                  .gateway = link_address("192.0.2.8"),
                                  .metric = 10,
                                  .valid_until = NSEC_NEVER};
    struct ip_route_info second = first;
    second.gateway = link_address("192.0.2.9");
    second.metric = 20;
    EXPECT_OK(ip_route_add(&first));
    EXPECT_OK(ip_route_add(&second));
    EXPECT(goes_over("192.0.2.8"));
    EXPECT_OK(ip_path_find(&far, &IP_ANY, NULL, false, &path));
    EXPECT_OK(link_send(&path, 100));
    sleep_for(5 * NSEC_PER_SEC);
    EXPECT(!ip_path_is_current(&path));
    EXPECT(goes_over("192.0.2.9"));
    sleep_for(30 * NSEC_PER_SEC);
    EXPECT(goes_over("192.0.2.9"));
    uint8_t bytes[ARP_SIZE];
    struct arp_packet a = {
        .operation = ARP_REQUEST,
        .sender_mac = LINK_THEIRS,
        .sender = first.gateway,
        .target = link_address("192.0.2.1"),
    };
    arp_emit(&a, bytes);
    link_put(&MAC_BROADCAST, ETHER_ARP, bytes, ARP_SIZE);
    EXPECT(goes_over("192.0.2.8"));
    link_end();
}

TEST(a_piece_that_is_missing_is_told_when_time_is_over)
{
    struct icmp4_message m;
    uint8_t bytes[IP4_HEADER_MIN + 64] = {};
    struct ip4_header h = {
        .source = link_address("192.0.2.9"),
        .destination = link_address("192.0.2.1"),
        .total_size = sizeof(bytes),
        .id = 9,
        .has_more = true,
        .hop_limit = 64,
        .protocol = LINK_TRANSPORT,
    };
    (void)link_begin();
    (void)ip4_emit(&h, bytes);
    link_put(&LINK_OURS, ETHER_IP4, bytes, sizeof(bytes));
    sleep_for(29 * NSEC_PER_SEC);
    link_take(0, 0, &frame);
    EXPECT(takes_question("192.0.2.9"));
    link_say_arp("192.0.2.9");
    link_take(ETHER_IP4, NSEC_PER_SEC, &frame);
    EXPECT(frame.size > ETHERNET_HEADER_SIZE + IP4_HEADER_MIN);
    const uint8_t *message = frame.bytes + ETHERNET_HEADER_SIZE + IP4_HEADER_MIN;
    EXPECT_OK(icmp4_parse(span_of(message, ICMP4_HEADER_SIZE), &m));
    EXPECT_EQ(m.type, ICMP4_TIME_EXCEEDED);
    EXPECT_EQ(m.code, ICMP4_TIME_REASSEMBLY);
    link_end();
}

TEST(what_is_known_of_a_paths_mtu_is_forgotten)
{
    uint8_t bytes[ICMP4_HEADER_SIZE + IP4_HEADER_MIN + 8];
    struct icmp4_message m = {.type = ICMP4_UNREACHABLE, .code = ICMP4_TOO_BIG, .mtu = 1200};
    struct ip4_header quoted = {
        .source = link_address("192.0.2.1"),
        .destination = link_address("192.0.2.9"),
        .total_size = 1400,
        .hop_limit = 64,
        .protocol = LINK_TRANSPORT,
    };
    struct ip_path path;
    (void)link_begin();
    link_heard.believes = true;
    icmp4_emit(&m, bytes);
    (void)ip4_emit(&quoted, bytes + ICMP4_HEADER_SIZE);
    write_be16(bytes + ICMP4_CHECKSUM_OFFSET,
               checksum_finish(checksum_add(0, bytes, sizeof(bytes))));
    link_put_ip4("192.0.2.9", "192.0.2.1", IP_PROTOCOL_ICMP, bytes, sizeof(bytes));
    EXPECT_OK(ip_path_find(&quoted.destination, &IP_ANY, NULL, false, &path));
    EXPECT_EQ(path.mtu, 1200);
    sleep_for(601 * NSEC_PER_SEC);
    EXPECT(!ip_path_is_current(&path));
    EXPECT_OK(ip_path_find(&quoted.destination, &IP_ANY, NULL, false, &path));
    EXPECT_EQ(path.mtu, ETHERNET_MTU);
    link_end();
}

/* ---- Groups ---- */

// Whether the frame is a report of IGMPv3 about that group.
static bool is_report(const struct link_frame *f, const struct ip_addr *group,
                      struct group_record *out)
{
    enum { AT = ETHERNET_HEADER_SIZE + IP4_HEADER_MIN + 4 }; // with a router alert
    struct span records;
    if (f->size <= AT || igmp_report_parse(span_of(f->bytes + AT, f->size - AT), &records) != OK) {
        return false;
    }
    while (igmp_record_next(&records, out)) {
        if (ip_is_equal(&out->group, group)) {
            return true;
        }
    }
    return false;
}

// The next one; false: none comes.
static bool takes_report(const struct ip_addr *group, nsec_t wait, struct group_record *out)
{
    do {
        link_take(ETHER_IP4, wait, &frame);
    } while (frame.size != 0 && !is_report(&frame, group, out));
    return frame.size != 0;
}

TEST(routers_are_told_twice_who_joins_and_who_leaves)
{
    struct group_record r;
    struct ip_addr group = link_address("224.0.0.251");
    struct netif *n = link_begin();
    EXPECT_OK(ip_group_join(n, &group));
    EXPECT(takes_report(&group, 2 * NSEC_PER_SEC, &r));
    EXPECT_EQ(r.type, GROUP_TO_EXCLUDE);
    EXPECT(takes_report(&group, 2 * NSEC_PER_SEC, &r));
    EXPECT(!takes_report(&group, 5 * NSEC_PER_SEC, &r));
    EXPECT_OK(ip_group_join(n, &group)); // a second user: nothing new for routers
    ip_group_leave(n, &group);
    link_put_ip4("192.0.2.9", "224.0.0.251", LINK_TRANSPORT, "all", 3);
    EXPECT(link_hears(1, 0));
    EXPECT(link_heard.meta.is_multicast);
    ip_group_leave(n, &group);
    EXPECT(takes_report(&group, 2 * NSEC_PER_SEC, &r));
    EXPECT_EQ(r.type, GROUP_TO_INCLUDE);
    EXPECT(takes_report(&group, 2 * NSEC_PER_SEC, &r));
    link_put_ip4("192.0.2.9", "224.0.0.251", LINK_TRANSPORT, "all", 3);
    EXPECT(link_hears(1, 0));
    sleep_for(2 * NSEC_PER_SEC);
    link_end();
}

TEST(a_routers_question_for_groups_is_answered_within_its_time)
{
    struct group_record r;
    uint8_t query[12] = {0x11, 100}; // within 10 s; version 3, all groups
    struct ip_addr group = link_address("224.0.0.251");
    struct netif *n = link_begin();
    EXPECT_OK(ip_group_join(n, &group));
    sleep_for(5 * NSEC_PER_SEC);
    link_take(0, 0, &frame);
    write_be16(query + 2, checksum_finish(checksum_add(0, query, sizeof(query))));
    link_put_ip4("192.0.2.8", "224.0.0.1", IP_PROTOCOL_IGMP, query, sizeof(query));
    EXPECT(takes_report(&group, 10 * NSEC_PER_SEC, &r));
    EXPECT_EQ(r.type, GROUP_IS_EXCLUDE);
    ip_group_leave(n, &group);
    sleep_for(5 * NSEC_PER_SEC);
    link_end();
}

TEST(routers_are_told_of_the_groups_of_neighbour_discovery)
{
    enum { AT = ETHERNET_HEADER_SIZE + IP6_HEADER_SIZE + MLD_HOP_BY_HOP_SIZE };
    struct span records;
    struct group_record r;
    struct ip_addr group = link_address("ff02::1:ff00:1");
    (void)link_begin();
    do {
        link_take(ETHER_IP6, 2 * NSEC_PER_SEC, &frame);
    } while (frame.size != 0 && (frame.size <= AT || frame.bytes[AT] != ICMP6_MLD2_REPORT));
    EXPECT(frame.size > AT);
    struct ip_addr source = ip6_read(frame.bytes + ETHERNET_HEADER_SIZE + 8);
    uint32_t size = (uint32_t)frame.size - AT;
    uint32_t sum = ip_pseudo_sum(&source, &MLD_ROUTERS, IP_PROTOCOL_ICMP6, size);
    EXPECT(checksum_is_right(checksum_add(sum, frame.bytes + AT, size)));
    EXPECT_OK(mld_report_parse(span_of(frame.bytes + AT, size), &records));
    EXPECT(mld_record_next(&records, &r));
    EXPECT(ip_is_equal(&r.group, &group));
    link_end();
}

/* ---- Lifetimes ---- */

static bool has_state(const struct ip_addr *a, enum ip_address_state state)
{
    struct ip_address_info info;
    uint64_t cursor = 0;
    while (ip_address_list(&cursor, &info) == OK) {
        if (ip_is_equal(&info.address, a)) {
            return info.state == state;
        }
    }
    return false;
}

TEST(addresses_and_routes_end_with_their_time)
{
    struct netif *n = link_begin();
    struct ip_address_info a = {
        .address = link_address("2001:db8::7"),
        .netif = n->index,
        .prefix = 64,
        .preferred_until = time_now() + 10 * NSEC_PER_SEC,
        .valid_until = time_now() + 20 * NSEC_PER_SEC,
    };
    struct ip_route_info r = {
        .destination = link_address("2001:db8:5::"),
        .prefix = 48,
        .netif = n->index,
        .gateway = link_address("2001:db8::1"),
        .valid_until = time_now() + 15 * NSEC_PER_SEC,
    };
    struct ip_path path;
    struct ip_addr far = link_address("2001:db8:5::1");
    EXPECT_OK(ip_address_add(&a));
    EXPECT_OK(ip_route_add(&r));
    EXPECT(has_state(&a.address, IP_TENTATIVE));
    sleep_for(2 * NSEC_PER_SEC);
    EXPECT(has_state(&a.address, IP_PREFERRED));
    EXPECT_OK(ip_path_find(&far, &IP_ANY, NULL, false, &path));
    sleep_for(10 * NSEC_PER_SEC);
    EXPECT(has_state(&a.address, IP_DEPRECATED));
    sleep_for(4 * NSEC_PER_SEC);
    EXPECT_STATUS(ip_path_find(&far, &IP_ANY, NULL, false, &path), ERR_NETUNREACH);
    sleep_for(5 * NSEC_PER_SEC);
    EXPECT(!ip_is_local(&a.address));
    EXPECT(!has_state(&a.address, IP_DEPRECATED));
    link_end();
}
