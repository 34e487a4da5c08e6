// SPDX-License-Identifier: Apache-2.0
/* Ethernet's header and ARP. */
#include "lib/net/arp.h"
#include "lib/net/ethernet.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

static const uint8_t request[] = {
    0,    1,    8, 0,    6,    4,    0,  1,        // IPv4 on Ethernet, a request
    0x52, 0x54, 0, 0x12, 0x34, 0x56, 10, 0, 2, 15, // who asks
    0,    0,    0, 0,    0,    0,    10, 0, 2, 2,  // who is looked for
};

TEST(a_frame_header_reads_back_as_it_was_written)
{
    uint8_t bytes[ETHERNET_HEADER_SIZE];
    struct test_random r = {.state = 3};
    for (unsigned turn = 0; turn < 500; turn++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)test_random_next(&r);
        }
        struct ethernet_header h;
        uint8_t again[ETHERNET_HEADER_SIZE];
        EXPECT_OK(ethernet_parse(span_of(bytes, sizeof(bytes)), &h));
        ethernet_emit(&h, again);
        EXPECT_MEM(again, bytes, sizeof(bytes));
    }
    struct ethernet_header h;
    EXPECT_STATUS(ethernet_parse(span_of(bytes, 13), &h), ERR_INVAL);
}

TEST(addresses_of_links_are_a_hosts_a_groups_or_everybodys)
{
    struct mac_addr m = {{0x52, 0x54, 0, 0x12, 0x34, 0x56}};
    EXPECT(mac_is_unicast(&m) && !mac_is_multicast(&m));
    EXPECT(mac_is_multicast(&MAC_BROADCAST) && mac_is_broadcast(&MAC_BROADCAST));
    struct mac_addr none = {};
    EXPECT(!mac_is_unicast(&none));
    m.bytes[0] = 1;
    EXPECT(mac_is_multicast(&m) && !mac_is_broadcast(&m) && !mac_is_unicast(&m));
}

TEST(an_arp_request_says_who_asks_for_whom)
{
    struct arp_packet p;
    EXPECT_OK(arp_parse(span_of(request, sizeof(request)), &p));
    EXPECT_EQ(p.operation, ARP_REQUEST);
    EXPECT_EQ(p.sender_mac.bytes[5], 0x56);
    EXPECT_EQ(ip4_value(&p.sender), 0x0a00020f);
    EXPECT_EQ(ip4_value(&p.target), 0x0a000202);
    uint8_t again[ARP_SIZE];
    arp_emit(&p, again);
    EXPECT_MEM(again, request, ARP_SIZE);
}

static void expect_refused(size_t at, uint8_t value)
{
    uint8_t bytes[ARP_SIZE];
    struct arp_packet p;
    memcpy(bytes, request, ARP_SIZE);
    bytes[at] = value;
    EXPECT_STATUS(arp_parse(span_of(bytes, ARP_SIZE), &p), ERR_INVAL);
}

TEST(arp_of_other_links_other_protocols_or_impossible_senders_is_refused)
{
    expect_refused(1, 6);    // hardware
    expect_refused(2, 0x86); // protocol
    expect_refused(4, 8);    // sizes
    expect_refused(5, 16);
    expect_refused(7, 3);     // reverse ARP
    expect_refused(8, 0x53);  // a group's address as sender
    expect_refused(14, 0xe0); // an IPv4 group as sender
    struct arp_packet p;
    EXPECT_STATUS(arp_parse(span_of(request, ARP_SIZE - 1), &p), ERR_INVAL);
}
