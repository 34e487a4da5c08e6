// SPDX-License-Identifier: Apache-2.0
/* Packets that are too big, and those that come in pieces. */
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/inject.h"
#include "kernel/net/test/link.h"
#include "lib/base/bits.h"
#include "lib/net/checksum.h"
#include "lib/net/icmp4.h"
#include "lib/net/icmp6.h"
#include "lib/net/ip4.h"
#include "lib/net/ip6.h"
#include "tests/harness/test.h"

// More than the front of a packet holds comes in; what goes out fits there.
enum { SIZE = 9000, SENT = 2000, PIECE = 800, LAST = SIZE / PIECE };

static struct link_frame frame;
static uint8_t pattern[SIZE];

static void begin(void)
{
    for (size_t i = 0; i < SIZE; i++) {
        pattern[i] = (uint8_t)(i * 7);
    }
    (void)link_begin();
    link_say_arp("192.0.2.9");
    struct ip_neighbour_info them = {.address = link_address("192.0.2.9"),
                                     .netif = netif_find_name("link0")->index,
                                     .mac = LINK_THEIRS,
                                     .state = IP_PERMANENT};
    if (ip_neighbour_add(&them) != OK) {
        test_fail(__FILE__, __LINE__, "no neighbour");
    }
}

static void end(void)
{
    struct ip_addr them = link_address("192.0.2.9");
    EXPECT_OK(ip_neighbour_remove(netif_find_name("link0")->index, &them));
    link_end();
}

static void put_piece(uint16_t id, uint32_t offset, size_t size, bool has_more)
{
    uint8_t bytes[PACKET_LINEAR_MAX];
    struct ip4_header h = {
        .source = link_address("192.0.2.9"),
        .destination = link_address("192.0.2.1"),
        .total_size = (uint16_t)(IP4_HEADER_MIN + size),
        .id = id,
        .fragment_offset = (uint16_t)offset,
        .has_more = has_more,
        .hop_limit = 64,
        .protocol = LINK_TRANSPORT,
    };
    (void)ip4_emit(&h, bytes);
    memcpy(bytes + IP4_HEADER_MIN, pattern + offset, size);
    link_put(&LINK_OURS, ETHER_IP4, bytes, IP4_HEADER_MIN + size);
}

static void put_piece6(uint32_t id, uint32_t offset, size_t size, bool has_more)
{
    uint8_t bytes[PACKET_LINEAR_MAX];
    struct ip6_fragment f = {
        .id = id, .offset = (uint16_t)offset, .next = LINK_TRANSPORT, .has_more = has_more};
    ip6_fragment_emit(&f, bytes);
    memcpy(bytes + IP6_FRAGMENT_SIZE, pattern + offset, size);
    struct link_packet6 p = {"fe80::ff:fe00:2",       "fe80::ff:fe00:1", IP6_FRAGMENT, 64, bytes,
                             IP6_FRAGMENT_SIZE + size};
    link_put_ip6(&p);
}

// All but one, the last first.
static void put_others(uint16_t id, unsigned missing)
{
    for (unsigned i = LAST + 1; i-- > 0;) {
        if (i != missing) {
            put_piece(id, i * PIECE, i == LAST ? SIZE % PIECE : PIECE, i != LAST);
        }
    }
}

TEST(pieces_in_any_order_are_one_packet_again)
{
    begin();
    put_others(7, 3);
    EXPECT(link_hears(0, 0));
    put_piece(7, 3 * PIECE, PIECE, true);
    EXPECT(link_hears(1, 0));
    EXPECT_EQ(link_heard.size, SIZE);
    EXPECT_MEM(link_heard.bytes, pattern, SIZE);
    end();
}

TEST(pieces_of_ipv6_are_one_packet_again)
{
    begin();
    link_wait_for_ip6(netif_find_name("link0"));
    for (unsigned i = 1; i <= LAST; i++) {
        put_piece6(7, i * PIECE, i == LAST ? SIZE % PIECE : PIECE, i != LAST);
    }
    EXPECT(link_hears(0, 0));
    put_piece6(7, 0, PIECE, true);
    EXPECT(link_hears(1, 0));
    EXPECT_EQ(link_heard.size, SIZE);
    EXPECT_MEM(link_heard.bytes, pattern, SIZE);
    EXPECT_EQ(link_heard.meta.protocol, LINK_TRANSPORT);
    end();
}

TEST(pieces_that_overlap_make_no_packet)
{
    begin();
    put_piece(8, 0, PIECE, true);
    put_piece(8, PIECE - 8, PIECE + 8, true);
    put_others(8, 0);
    EXPECT(link_hears(0, 0));
    end();
}

TEST(a_flood_of_pieces_takes_bounded_memory)
{
    struct heap_stats before;
    struct heap_stats after;
    begin();
    heap_stats(&before);
    for (unsigned i = 0; i < 1000 && !test_has_failed(); i++) {
        put_piece((uint16_t)i, 0, PIECE, true);
    }
    EXPECT(link_hears(0, 0));
    heap_stats(&after);
    EXPECT(after.objects_in_use - before.objects_in_use < 200);
    end();
}

TEST(pieces_survive_that_there_is_no_memory)
{
    begin();
    for (size_t n = 0; n < 100 && inject_is_available(); n++) {
        inject_arm(n);
        put_others((uint16_t)(100 + n), LAST + 1);
        if (!inject_disarm()) {
            break;
        }
    }
    EXPECT(link_hears(inject_is_available() ? 1 : 0, 0) || link_heard.packets > 1);
    end();
}

static void expect_pieces(uint32_t mtu, size_t size)
{
    uint32_t at = 0;
    uint16_t id = 0;
    while (at < size && !test_has_failed()) {
        struct ip4_header h;
        link_take(ETHER_IP4, NSEC_PER_SEC, &frame);
        const uint8_t *packet = frame.bytes + ETHERNET_HEADER_SIZE;
        EXPECT(frame.size > ETHERNET_HEADER_SIZE);
        EXPECT(frame.size - ETHERNET_HEADER_SIZE <= mtu);
        EXPECT_OK(ip4_parse(span_of(packet, frame.size - ETHERNET_HEADER_SIZE),
                            frame.size - ETHERNET_HEADER_SIZE, &h));
        EXPECT_EQ(h.fragment_offset, at);
        EXPECT(at == 0 || h.id == id);
        id = h.id;
        size_t part = h.total_size - h.header_size;
        EXPECT_MEM(packet + h.header_size, pattern + at, part);
        at += (uint32_t)part;
        EXPECT_EQ(h.has_more, at < size);
    }
    EXPECT_EQ(at, size);
}

TEST(what_is_larger_than_the_mtu_goes_in_pieces)
{
    struct ip_path path;
    struct ip_addr to = link_address("192.0.2.9");
    begin();
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    EXPECT_OK(link_send(&path, SENT));
    expect_pieces(ETHERNET_MTU, SENT);
    end();
}

TEST(pieces_go_all_or_none)
{
    struct ip_path path;
    struct ip_addr to = link_address("192.0.2.9");
    begin();
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    link_take(0, 0, &frame);
    for (size_t n = 0; inject_is_available(); n++) {
        inject_arm(n);
        status_t status = link_send(&path, SENT);
        bool has_failed = inject_disarm();
        if (!has_failed) {
            EXPECT_OK(status);
            break;
        }
        // What found no memory may also have been a question about the neighbour: the pieces go then.
        link_take(ETHER_IP4, 0, &frame);
        EXPECT(status == OK || frame.size == 0);
        while (frame.size != 0) {
            link_take(ETHER_IP4, 0, &frame);
        }
    }
    end();
}

/* ---- What routers tell ---- */

// The packet that was sent last comes back in an error that says that only `mtu` bytes fit.
static void say_too_big(uint16_t mtu, const struct link_frame *sent)
{
    uint8_t bytes[ICMP4_HEADER_SIZE + IP4_HEADER_MIN + 8];
    struct icmp4_message m = {.type = ICMP4_UNREACHABLE, .code = ICMP4_TOO_BIG, .mtu = mtu};
    icmp4_emit(&m, bytes);
    memcpy(bytes + ICMP4_HEADER_SIZE, sent->bytes + ETHERNET_HEADER_SIZE, IP4_HEADER_MIN + 8);
    write_be16(bytes + ICMP4_CHECKSUM_OFFSET, 0);
    write_be16(bytes + ICMP4_CHECKSUM_OFFSET,
               checksum_finish(checksum_add(0, bytes, sizeof(bytes))));
    link_put_ip4("192.0.2.9", "192.0.2.1", IP_PROTOCOL_ICMP, bytes, sizeof(bytes));
}

TEST(a_smaller_mtu_of_the_path_is_believed_if_the_transport_believes_it)
{
    struct ip_path path;
    struct ip_addr to = link_address("192.0.2.9");
    begin();
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    EXPECT_OK(link_send(&path, 1400));
    link_take(ETHER_IP4, NSEC_PER_SEC, &frame);
    say_too_big(1200, &frame);
    EXPECT(link_hears(0, 1));
    EXPECT_STATUS(link_heard.error.error, ERR_MSGSIZE);
    EXPECT_EQ(link_heard.error.mtu, 1200);
    EXPECT(ip_path_is_current(&path));
    link_heard.believes = true;
    say_too_big(1200, &frame);
    EXPECT(link_hears(0, 2));
    EXPECT(!ip_path_is_current(&path));
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    EXPECT_EQ(path.mtu, 1200);
    say_too_big(1300, &frame);
    say_too_big(100, &frame); // nobody has so little
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    EXPECT_EQ(path.mtu, 552);
    EXPECT_OK(link_send(&path, SENT));
    expect_pieces(552, SENT);
    end();
}

TEST(an_error_about_what_we_cannot_have_sent_is_ignored)
{
    struct ip_path path;
    struct ip_addr to = link_address("192.0.2.9");
    begin();
    EXPECT_OK(ip_path_find(&to, &IP_ANY, NULL, false, &path));
    EXPECT_OK(link_send(&path, 1400));
    link_take(ETHER_IP4, NSEC_PER_SEC, &frame);
    frame.bytes[ETHERNET_HEADER_SIZE + 15] ^= 64; // another source
    link_heard.believes = true;
    say_too_big(1200, &frame);
    EXPECT(link_hears(0, 0));
    EXPECT(ip_path_is_current(&path));
    end();
}
