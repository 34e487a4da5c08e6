// SPDX-License-Identifier: Apache-2.0
/* ARP and the neighbours of IPv4, as seen from the link. */
#include "kernel/core/time.h"
#include "kernel/mm/page.h"
#include "kernel/net/test/link.h"
#include "lib/net/arp.h"
#include "lib/net/ip4.h"
#include "tests/harness/test.h"

static struct link_frame frame;

static void expect_arp(enum arp_operation operation, const char *sender, const char *target)
{
    struct arp_packet a;
    struct ip_addr from = link_address(sender);
    struct ip_addr to = link_address(target);
    link_take(ETHER_ARP, 3 * NSEC_PER_SEC, &frame);
    EXPECT(frame.size >= ETHERNET_HEADER_SIZE + ARP_SIZE);
    EXPECT_OK(arp_parse(span_of(frame.bytes + ETHERNET_HEADER_SIZE, ARP_SIZE), &a));
    EXPECT_EQ(a.operation, operation);
    EXPECT(ip_is_equal(&a.sender, &from));
    EXPECT(ip_is_equal(&a.target, &to));
    EXPECT_MEM(a.sender_mac.bytes, LINK_OURS.bytes, MAC_SIZE);
}

static void ask(const char *sender, const char *target)
{
    uint8_t bytes[ARP_SIZE];
    struct arp_packet a = {
        .operation = ARP_REQUEST,
        .sender_mac = LINK_THEIRS,
        .sender = link_address(sender),
        .target = link_address(target),
    };
    arp_emit(&a, bytes);
    link_put(&MAC_BROADCAST, ETHER_ARP, bytes, ARP_SIZE);
}

// Those of the link; `first` may be NULL.
static unsigned count_neighbours(struct netif *n, struct ip_neighbour_info *first)
{
    struct ip_neighbour_info info;
    uint64_t cursor = 0;
    unsigned count = 0;
    while (ip_neighbour_list(&cursor, &info) == OK) {
        if (info.netif == n->index && ip_is_v4(&info.address)) {
            if (count++ == 0 && first != NULL) {
                *first = info;
            }
        }
    }
    return count;
}

TEST(a_new_address_is_announced)
{
    (void)link_begin();
    expect_arp(ARP_REQUEST, "192.0.2.1", "192.0.2.1");
    EXPECT_MEM(frame.bytes, MAC_BROADCAST.bytes, MAC_SIZE);
    link_end();
}

TEST(a_question_for_our_address_is_answered_and_who_asked_is_known)
{
    struct ip_neighbour_info info = {};
    struct netif *n = link_begin();
    expect_arp(ARP_REQUEST, "192.0.2.1", "192.0.2.1");
    ask("192.0.2.9", "192.0.2.1");
    expect_arp(ARP_REPLY, "192.0.2.1", "192.0.2.9");
    EXPECT_MEM(frame.bytes, LINK_THEIRS.bytes, MAC_SIZE);
    EXPECT_EQ(count_neighbours(n, &info), 1);
    EXPECT_EQ(info.state, IP_STALE);
    EXPECT_MEM(info.mac.bytes, LINK_THEIRS.bytes, MAC_SIZE);
    link_end();
}

TEST(nobody_becomes_known_by_telling_of_itself)
{
    struct netif *n = link_begin();
    expect_arp(ARP_REQUEST, "192.0.2.1", "192.0.2.1");
    ask("192.0.2.9", "192.0.2.9");
    ask("192.0.2.9", "192.0.2.77");
    link_say_arp("192.0.2.9");
    EXPECT_EQ(count_neighbours(n, NULL), 0);
    link_take(ETHER_ARP, 0, &frame);
    EXPECT_EQ(frame.size, 0);
    link_end();
}

TEST(a_packet_waits_for_the_link_address_and_goes_when_it_is_told)
{
    struct ip_path path;
    struct ip_addr to = link_address("192.0.2.9");
    struct netif *n = link_begin();
    expect_arp(ARP_REQUEST, "192.0.2.1", "192.0.2.1");
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    EXPECT(path.netif == n && !path.is_local && path.mtu == ETHERNET_MTU);
    EXPECT_OK(link_send(&path, 100));
    expect_arp(ARP_REQUEST, "192.0.2.1", "192.0.2.9");
    link_say_arp("192.0.2.9");
    link_take(ETHER_IP4, NSEC_PER_SEC, &frame);
    EXPECT_EQ(frame.size, ETHERNET_HEADER_SIZE + IP4_HEADER_MIN + 100);
    EXPECT_MEM(frame.bytes, LINK_THEIRS.bytes, MAC_SIZE);
    struct ip_neighbour_info info = {};
    EXPECT_EQ(count_neighbours(n, &info), 1);
    EXPECT_EQ(info.state, IP_REACHABLE);
    link_end();
}

TEST(who_makes_up_neighbours_does_not_push_out_those_that_are_talked_to)
{
    enum { MADE_UP = 3000 };
    struct page_stats pages;
    struct ip_path path;
    struct ip_addr to = link_address("192.0.2.9");
    struct netif *n = link_begin();
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    EXPECT_OK(link_send(&path, 100));
    link_say_arp("192.0.2.9");
    for (uint32_t i = 0; i < MADE_UP; i++) {
        char text[IP_TEXT_SIZE];
        struct ip_addr a = ip4(0x0a000000 + i);
        ip_print(&a, text);
        ask(text, "192.0.2.1");
        link_take(ETHER_ARP, 0, &frame);
    }
    page_stats(&pages);
    EXPECT(count_neighbours(n, NULL) <= pages.total_pages / 16 / 4 + 64);
    struct ip_neighbour_info info = {};
    EXPECT(count_neighbours(n, &info) > 1);
    EXPECT(ip_is_equal(&info.address, &to)); // the oldest
    EXPECT_EQ(info.state, IP_REACHABLE);
    link_end();
}
