// SPDX-License-Identifier: Apache-2.0
#include "lib/net/ip6.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

static uint8_t packet[IP6_HEADER_SIZE + 1024];
static size_t used;
static size_t link_at; // the field that names the next header

// An IPv6 header, to which `add` appends.
static void begin(uint8_t next)
{
    struct ip6_header h = {.source.bytes = {0x20, 1, [15] = 1},
                           .destination.bytes = {0x20, 1, [15] = 2},
                           .next = next,
                           .hop_limit = 64};
    ip6_emit(&h, packet);
    used = IP6_HEADER_SIZE;
    link_at = 6;
}

// An extension header of that kind, of 8 bytes at least, with these bytes behind the first two.
static size_t add(uint8_t kind, const char *bytes, size_t size)
{
    size_t at = used;
    size_t whole = (size + 2 + 7) / 8 * 8;
    packet[link_at] = kind;
    memset(packet + at, 0, whole);
    packet[at] = IP_PROTOCOL_UDP;
    packet[at + 1] = kind == IP6_FRAGMENT ? 0 : (uint8_t)(whole / 8 - 1);
    memcpy(packet + at + 2, bytes, size);
    link_at = at;
    used += whole;
    return at;
}

static enum ip6_walk_end walk(struct ip6_walk *w)
{
    return ip6_walk(span_of(packet, used), w);
}

// UDP's eight bytes.
static void add_transport(void)
{
    memset(packet + used, 0x11, 8);
    used += 8;
}

TEST(a_header_reads_back_as_it_was_written)
{
    struct test_random r = {.state = 8};
    for (unsigned turn = 0; turn < 2000; turn++) {
        uint8_t bytes[IP6_HEADER_SIZE];
        uint8_t again[IP6_HEADER_SIZE];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)test_random_next(&r);
        }
        bytes[0] = (uint8_t)(0x60 | (bytes[0] & 15));
        bytes[8] = 0x20;
        struct ip6_header h;
        EXPECT_OK(ip6_parse(span_of(bytes, sizeof(bytes)), (size_t)IP6_HEADER_SIZE + 65535, &h));
        ip6_emit(&h, again);
        EXPECT_MEM(again, bytes, sizeof(bytes));
    }
}

TEST(a_header_is_printed_in_a_line)
{
    char text[100];
    struct ip6_header h;
    begin(IP_PROTOCOL_TCP);
    EXPECT_OK(ip6_parse(span_of(packet, 40), 40, &h));
    ip6_print(&h, text, sizeof(text));
    EXPECT_STR(text, "2001::1 > 2001::2: next 6, 0 bytes, hop limit 64");
}

TEST(a_header_that_cannot_be_is_refused)
{
    struct ip6_header h;
    begin(IP_PROTOCOL_UDP);
    struct span front = span_of(packet, IP6_HEADER_SIZE);
    EXPECT_OK(ip6_parse(front, IP6_HEADER_SIZE, &h));
    EXPECT_STATUS(ip6_parse(span_of(packet, 39), IP6_HEADER_SIZE, &h), ERR_INVAL);
    packet[5] = 1; // a payload that is not there
    EXPECT_STATUS(ip6_parse(front, IP6_HEADER_SIZE, &h), ERR_INVAL);
    EXPECT_OK(ip6_parse(front, IP6_HEADER_SIZE + 1, &h));
    EXPECT_OK(ip6_parse_quoted(front, &h));
    begin(0);
    packet[8] = 0xff; // from a group
    EXPECT_STATUS(ip6_parse(front, IP6_HEADER_SIZE, &h), ERR_INVAL);
    begin(0);
    packet[0] = 0x45;
    EXPECT_STATUS(ip6_parse(front, IP6_HEADER_SIZE, &h), ERR_INVAL);
}

TEST(addresses_of_ipv4_in_disguise_do_not_come_from_a_wire)
{
    struct ip6_header h;
    struct ip_addr a = ip4(0x7f000001);
    begin(0);
    memcpy(packet + 8, a.bytes, IP6_SIZE);
    EXPECT_STATUS(ip6_parse(span_of(packet, 40), 40, &h), ERR_INVAL);
    begin(0);
    memcpy(packet + 24, a.bytes, IP6_SIZE);
    EXPECT_STATUS(ip6_parse(span_of(packet, 40), 40, &h), ERR_INVAL);
}

TEST(without_extensions_the_transport_follows)
{
    struct ip6_walk w;
    begin(IP_PROTOCOL_TCP);
    EXPECT_EQ(walk(&w), IP6_WALK_TRANSPORT);
    EXPECT(w.next == IP_PROTOCOL_TCP && w.offset == 40 && w.next_field == 6);
    packet[6] = IP6_NO_NEXT;
    EXPECT_EQ(walk(&w), IP6_WALK_NOTHING);
}

TEST(a_chain_of_headers_is_walked_to_its_end)
{
    struct ip6_walk w;
    begin(0);
    add(IP6_HOP_BY_HOP, "\5\2\0\0\1\0", 6);
    add(IP6_DESTINATION, "\1\4\0\0\0\0", 6);
    size_t last = add(IP6_ROUTING, "\3\0\0\0\0\0", 6);
    EXPECT_EQ(walk(&w), IP6_WALK_TRANSPORT);
    EXPECT(w.next == IP_PROTOCOL_UDP && w.offset == used && w.next_field == last);
    EXPECT(w.has_router_alert && !w.is_atomic);
}

TEST(hop_by_hop_stands_first_or_its_sender_is_told)
{
    struct ip6_walk w;
    begin(0);
    add(IP6_DESTINATION, "\1\4\0\0\0\0", 6);
    add(IP6_HOP_BY_HOP, "\1\4\0\0\0\0", 6);
    EXPECT_EQ(walk(&w), IP6_WALK_PROBLEM);
    EXPECT(w.problem.code == IP6_PROBLEM_NEXT && w.problem.pointer == 40);
}

static void expect_option(const char *option, enum ip6_walk_end want, bool is_for_groups)
{
    struct ip6_walk w;
    begin(0);
    size_t at = add(IP6_DESTINATION, option, 6);
    add_transport();
    EXPECT_EQ(walk(&w), want);
    if (want == IP6_WALK_PROBLEM) {
        EXPECT_EQ(w.problem.code, IP6_PROBLEM_OPTION);
        EXPECT_EQ(w.problem.pointer, at + 2);
        EXPECT_EQ(w.problem.is_for_groups, is_for_groups);
    }
}

TEST(an_unknown_option_says_itself_what_is_done)
{
    expect_option("\x1e\4\0\0\0\0", IP6_WALK_TRANSPORT, false);
    expect_option("\x5e\4\0\0\0\0", IP6_WALK_DROP, false);
    expect_option("\x9e\4\0\0\0\0", IP6_WALK_PROBLEM, true);
    expect_option("\xde\4\0\0\0\0", IP6_WALK_PROBLEM, false);
    expect_option("\x1e\5\0\0\0\0", IP6_WALK_DROP, false); // does not fit
    expect_option("\1\4\0\0\0\x1e", IP6_WALK_TRANSPORT, false);
    expect_option("\1\3\0\0\0\x1e", IP6_WALK_DROP, false); // has no size
}

TEST(a_router_alert_is_one_for_routers_only)
{
    struct ip6_walk w;
    begin(0);
    add(IP6_DESTINATION, "\5\2\0\0\1\0", 6);
    EXPECT_EQ(walk(&w), IP6_WALK_TRANSPORT);
    EXPECT(!w.has_router_alert);
    begin(0);
    add(IP6_HOP_BY_HOP, "\x5e\2\0\0\1\0", 6); // something else of its size
    EXPECT_EQ(walk(&w), IP6_WALK_DROP);
}

TEST(too_much_padding_and_too_many_options_are_dropped)
{
    struct ip6_walk w;
    begin(0);
    add(IP6_DESTINATION, "\1\4\0\0\0\0\1\6\0\0\0\0\0\0", 14);
    EXPECT_EQ(walk(&w), IP6_WALK_DROP);
    begin(0);
    add(IP6_DESTINATION, "\x1e\0\x1e\0\x1e\0\x1e\0\x1e\0\x1e\0\x1e\0\x1e\0\1\4\0\0\0\0", 22);
    EXPECT_EQ(walk(&w), IP6_WALK_TRANSPORT);
    begin(0);
    add(IP6_DESTINATION, "\x1e\0\x1e\0\x1e\0\x1e\0\x1e\0\x1e\0\x1e\0\x1e\0\x1e\0\1\2\0\0", 22);
    EXPECT_EQ(walk(&w), IP6_WALK_DROP);
}

TEST(a_routing_header_with_hops_left_is_refused)
{
    struct ip6_walk w;
    begin(0);
    size_t at = add(IP6_ROUTING, "\0\1\0\0\0\0", 6);
    EXPECT_EQ(walk(&w), IP6_WALK_PROBLEM);
    EXPECT(w.problem.code == IP6_PROBLEM_FIELD && w.problem.pointer == at + 2);
}

TEST(too_many_headers_or_bytes_of_them_are_dropped)
{
    struct ip6_walk w;
    begin(0);
    for (unsigned i = 0; i < IP6_EXTENSIONS_MAX; i++) {
        add(IP6_DESTINATION, "\1\4\0\0\0\0", 6);
    }
    EXPECT_EQ(walk(&w), IP6_WALK_TRANSPORT);
    add(IP6_DESTINATION, "\1\4\0\0\0\0", 6);
    EXPECT_EQ(walk(&w), IP6_WALK_DROP);
    static char bytes[IP6_CHAIN_SIZE_MAX + 6]; // two options that nobody knows
    bytes[0] = bytes[253] = 0x1e;
    bytes[1] = (char)251;
    bytes[254] = (char)255;
    begin(0);
    add(IP6_DESTINATION, bytes, IP6_CHAIN_SIZE_MAX - 2);
    EXPECT_EQ(walk(&w), IP6_WALK_TRANSPORT);
    begin(0);
    add(IP6_DESTINATION, bytes, sizeof(bytes));
    EXPECT_EQ(walk(&w), IP6_WALK_DROP);
}

TEST(headers_that_are_cut_short_are_dropped)
{
    struct ip6_walk w;
    begin(0);
    add(IP6_DESTINATION, "\x1e\4\0\0\0\0\x1e\6\0\0\0\0\0\0", 14);
    EXPECT_EQ(walk(&w), IP6_WALK_TRANSPORT);
    for (size_t size = IP6_HEADER_SIZE; size < used; size++) {
        EXPECT_EQ(ip6_walk(span_of(packet, size), &w), IP6_WALK_DROP);
    }
}

static void add_fragment(uint16_t offset, bool has_more)
{
    size_t at = add(IP6_FRAGMENT, "\0\0\0\0\0\0", 6);
    ip6_fragment_emit(
        &(struct ip6_fragment){
            .id = 0xabcd1234, .offset = offset, .next = IP_PROTOCOL_UDP, .has_more = has_more},
        packet + at);
}

TEST(a_fragment_ends_the_walk_and_says_where_it_belongs)
{
    struct ip6_walk w;
    begin(0);
    size_t before = add(IP6_HOP_BY_HOP, "\1\4\0\0\0\0", 6);
    add_fragment(1000, true);
    EXPECT_EQ(walk(&w), IP6_WALK_FRAGMENT);
    EXPECT(w.fragment.id == 0xabcd1234 && w.fragment.offset == 1000 && w.fragment.has_more);
    EXPECT(w.fragment.next == IP_PROTOCOL_UDP && w.offset == 56 && w.fragment_field == before);
}

TEST(a_fragment_that_is_the_whole_packet_is_passed)
{
    struct ip6_walk w;
    begin(0);
    add_fragment(0, false);
    EXPECT_EQ(walk(&w), IP6_WALK_TRANSPORT);
    EXPECT(w.is_atomic && w.next == IP_PROTOCOL_UDP && w.offset == 48);
}

TEST(a_first_fragment_of_tcp_has_its_whole_header)
{
    struct ip6_walk w;
    begin(0);
    add_fragment(0, true);
    packet[IP6_HEADER_SIZE] = IP_PROTOCOL_TCP;
    memset(packet + used, 0, 20);
    used += 19;
    EXPECT_EQ(walk(&w), IP6_WALK_PROBLEM);
    used++;
    EXPECT_EQ(walk(&w), IP6_WALK_FRAGMENT);
}

TEST(a_first_fragment_has_all_headers_or_its_sender_is_told)
{
    struct ip6_walk w;
    begin(0);
    add_fragment(0, true);
    EXPECT_EQ(walk(&w), IP6_WALK_PROBLEM);
    EXPECT_EQ(w.problem.code, IP6_PROBLEM_CHAIN);
    add_transport();
    EXPECT_EQ(walk(&w), IP6_WALK_FRAGMENT);
    begin(0);
    add_fragment(0, true);
    add(IP6_DESTINATION, "\1\4\0\0\0\0", 6);
    EXPECT_EQ(walk(&w), IP6_WALK_PROBLEM);
    add_transport();
    EXPECT_EQ(walk(&w), IP6_WALK_FRAGMENT);
}
