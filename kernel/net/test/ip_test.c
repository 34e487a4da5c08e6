// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/ip.h"

#include "kernel/core/time.h"
#include "kernel/net/test/link.h"
#include "lib/base/bits.h"
#include "lib/net/checksum.h"
#include "lib/net/icmp4.h"
#include "lib/net/ip4.h"
#include "tests/harness/test.h"

static struct link_frame frame;

static void expect_delivery(const char *address, size_t size)
{
    struct ip_path path;
    struct ip_addr to = link_address(address);
    unsigned before = link_heard.packets;
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    EXPECT(path.is_local);
    EXPECT_OK(link_send(&path, size));
    EXPECT(link_hears(before + 1, 0));
    EXPECT_EQ(link_heard.size, size);
    EXPECT(ip_is_equal(&link_heard.meta.destination, &to));
    EXPECT(ip_is_equal(&link_heard.meta.source, &to));
    EXPECT_EQ(link_heard.bytes[3], 21);
}

TEST(packets_to_this_machine_come_back_by_loopback)
{
    (void)link_begin();
    expect_delivery("127.0.0.1", 200);
    expect_delivery("127.9.9.9", 200);
    expect_delivery("::1", 200);
    expect_delivery("192.0.2.1", 200);
    link_end();
}

TEST(packets_from_the_link_reach_their_transport)
{
    (void)link_begin();
    link_put_ip4("192.0.2.9", "192.0.2.1", LINK_TRANSPORT, "hello", 5);
    EXPECT(link_hears(1, 0));
    EXPECT_EQ(link_heard.size, 5);
    EXPECT_MEM(link_heard.bytes, "hello", 5);
    EXPECT_EQ(link_heard.meta.hop_limit, 64);
    EXPECT(!link_heard.meta.is_broadcast);
    link_put_ip4("192.0.2.9", "192.0.2.255", LINK_TRANSPORT, "all", 3);
    EXPECT(link_hears(2, 0));
    EXPECT(link_heard.meta.is_broadcast);
    link_end();
}

TEST(packets_that_are_for_others_or_come_from_nobody_are_dropped)
{
    (void)link_begin();
    link_put_ip4("192.0.2.9", "192.0.2.2", LINK_TRANSPORT, "hello", 5);
    link_put_ip4("192.0.2.9", "127.0.0.1", LINK_TRANSPORT, "hello", 5);
    link_put_ip4("127.0.0.1", "192.0.2.1", LINK_TRANSPORT, "hello", 5);
    link_put_ip4("224.0.0.5", "192.0.2.1", LINK_TRANSPORT, "hello", 5);
    link_put_ip4("255.255.255.255", "192.0.2.1", LINK_TRANSPORT, "hello", 5);
    link_put_ip4("192.0.2.9", "224.0.0.251", LINK_TRANSPORT, "hello", 5);
    EXPECT(link_hears(0, 0));
    link_end();
}

TEST(a_ping_is_answered_with_what_it_carried)
{
    uint8_t ping[ICMP4_HEADER_SIZE + 32] = {};
    struct icmp4_message m = {.type = ICMP4_ECHO, .id = 77, .sequence = 3};
    (void)link_begin();
    icmp4_emit(&m, ping);
    memset(ping + ICMP4_HEADER_SIZE, 0x5a, 32);
    write_be16(ping + ICMP4_CHECKSUM_OFFSET, checksum_finish(checksum_add(0, ping, sizeof(ping))));
    link_put_ip4("192.0.2.9", "192.0.2.1", IP_PROTOCOL_ICMP, ping, sizeof(ping));
    link_take(ETHER_ARP, 0, &frame);
    link_say_arp("192.0.2.9");
    link_take(ETHER_IP4, NSEC_PER_SEC, &frame);
    EXPECT_EQ(frame.size, ETHERNET_HEADER_SIZE + IP4_HEADER_MIN + sizeof(ping));
    const uint8_t *reply = frame.bytes + ETHERNET_HEADER_SIZE + IP4_HEADER_MIN;
    EXPECT(checksum_is_right(checksum_add(0, reply, sizeof(ping))));
    EXPECT_OK(icmp4_parse(span_of(reply, sizeof(ping)), &m));
    EXPECT_EQ(m.type, ICMP4_ECHO_REPLY);
    EXPECT_EQ(m.id, 77);
    EXPECT_EQ(m.sequence, 3);
    EXPECT_EQ(reply[ICMP4_HEADER_SIZE + 31], 0x5a);
    link_end();
}

TEST(a_ping_with_a_wrong_checksum_or_to_all_is_not_answered)
{
    uint8_t ping[ICMP4_HEADER_SIZE] = {};
    struct icmp4_message m = {.type = ICMP4_ECHO};
    struct netif *n = link_begin();
    struct ip_neighbour_info them = {.address = link_address("192.0.2.9"),
                                     .netif = n->index,
                                     .mac = LINK_THEIRS,
                                     .state = IP_PERMANENT};
    EXPECT_OK(ip_neighbour_add(&them));
    icmp4_emit(&m, ping);
    link_take(0, 0, &frame);
    link_put_ip4("192.0.2.9", "192.0.2.1", IP_PROTOCOL_ICMP, ping, sizeof(ping));
    write_be16(ping + ICMP4_CHECKSUM_OFFSET, checksum_finish(checksum_add(0, ping, sizeof(ping))));
    link_put_ip4("192.0.2.9", "192.0.2.255", IP_PROTOCOL_ICMP, ping, sizeof(ping));
    link_take(ETHER_IP4, 0, &frame);
    EXPECT_EQ(frame.size, 0);
    link_put_ip4("192.0.2.9", "192.0.2.1", IP_PROTOCOL_ICMP, ping, sizeof(ping));
    link_take(ETHER_IP4, 0, &frame);
    EXPECT(frame.size != 0);
    EXPECT_OK(ip_neighbour_remove(n->index, &them.address));
    link_end();
}

static status_t send_to_group(const struct ip_path *path, size_t size, bool is_looped)
{
    struct packet *p;
    struct ip_meta m = {.protocol = LINK_TRANSPORT, .is_looped = is_looped};
    status_t status = packet_alloc(size, &p);
    if (status != OK) {
        return status;
    }
    memset(packet_put(p, size), 0x33, size);
    return ip_send(p, path, &m);
}

TEST(what_is_sent_to_a_group_comes_back_to_members_here_if_that_is_wanted)
{
    struct ip_path path;
    struct ip_addr group = link_address("224.0.0.251");
    struct netif *n = link_begin();
    EXPECT_OK(ip_path_find(&group, &IP_ANY, n, false, &path));
    EXPECT(!path.is_local && path.netif == n);
    EXPECT_OK(send_to_group(&path, 100, true));
    EXPECT(link_hears(0, 0)); // nobody is a member
    EXPECT_OK(ip_group_join(n, &group));
    link_take(0, 0, &frame);
    EXPECT_OK(send_to_group(&path, 100, false));
    EXPECT(link_hears(0, 0));
    EXPECT_OK(send_to_group(&path, 100, true));
    EXPECT(link_hears(1, 0));
    EXPECT(link_heard.meta.is_multicast && link_heard.meta.netif == n);
    EXPECT_EQ(link_heard.meta.hop_limit, 1);
    EXPECT_OK(send_to_group(&path, 2000, true)); // cut on the link, whole here
    EXPECT(link_hears(2, 0));
    EXPECT_EQ(link_heard.size, 2000);
    struct mac_addr mac = ip_multicast_mac(&group);
    do {
        link_take(ETHER_IP4, 0, &frame);
    } while (frame.size != 0 && frame.bytes[ETHERNET_HEADER_SIZE + 9] != LINK_TRANSPORT);
    EXPECT_MEM(frame.bytes, mac.bytes, MAC_SIZE);
    ip_group_leave(n, &group);
    link_end();
}
