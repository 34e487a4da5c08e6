// SPDX-License-Identifier: Apache-2.0
#include "lib/tcp/segment.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

static constexpr struct tcp_segment SYN = {
    .source_port = 49152,
    .destination_port = 80,
    .seq = 0xfffffff0,
    .window = 65535,
    .flags = TCP_SYN,
    .has = TCP_HAS_MSS | TCP_HAS_SCALE | TCP_HAS_TIMESTAMPS | TCP_HAS_SACK_PERMITTED,
    .mss = 1460,
    .scale = 7,
    .ts_value = 0x01020304,
};

static status_t parse(const uint8_t *bytes, size_t size, struct tcp_segment *out)
{
    size_t header_size;
    return tcp_parse(span_of(bytes, size), out, &header_size);
}

// A header of ACK with these options, padded with END.
static size_t with_options(const uint8_t *options, size_t size, uint8_t *packet)
{
    struct tcp_segment ack = {.flags = TCP_ACK};
    memset(packet, 0, TCP_HEADER_MAX);
    tcp_emit(&ack, packet);
    memcpy(packet + TCP_HEADER_MIN, options, size);
    size_t all = TCP_HEADER_MIN + (size + 3) / 4 * 4;
    packet[12] = (uint8_t)(all / 4 << 4);
    return all;
}

static status_t parse_options(const uint8_t *options, size_t size, struct tcp_segment *out)
{
    uint8_t packet[TCP_HEADER_MAX];
    return parse(packet, with_options(options, size, packet), out);
}

TEST(a_plain_header_is_twenty_bytes_as_on_the_wire)
{
    struct tcp_segment s = {.source_port = 0x1234,
                            .destination_port = 0x5678,
                            .seq = 0x01020304,
                            .ack = 0x05060708,
                            .window = 0x090a,
                            .flags = TCP_ACK | TCP_PSH};
    uint8_t packet[TCP_HEADER_MAX];
    memset(packet, 0xff, sizeof(packet));
    static constexpr uint8_t WANT[] = {0x12, 0x34, 0x56, 0x78, 1,    2,    3, 4, 5, 6,
                                       7,    8,    0x50, 0x18, 0x09, 0x0a, 0, 0, 0, 0};
    EXPECT_EQ(tcp_emit(&s, packet), sizeof(WANT));
    EXPECT_MEM(packet, WANT, sizeof(WANT));
}

TEST(all_options_of_a_syn_come_back)
{
    uint8_t packet[TCP_HEADER_MAX];
    struct tcp_segment s;
    size_t size = tcp_emit(&SYN, packet);
    EXPECT_EQ(size, tcp_header_size(&SYN));
    EXPECT_EQ(size % 4, 0);
    EXPECT_OK(parse(packet, size, &s));
    EXPECT_MEM(&s, &SYN, sizeof(s));
}

TEST(what_is_behind_the_header_is_payload)
{
    uint8_t packet[TCP_HEADER_MAX + 100] = {};
    struct tcp_segment s;
    size_t header = tcp_emit(&SYN, packet);
    size_t found;
    EXPECT_OK(tcp_parse(span_of(packet, header + 100), &s, &found));
    EXPECT_EQ(s.payload_size, 100);
    EXPECT_EQ(found, header);
    EXPECT_EQ(tcp_segment_space(&s), 101);
}

TEST(a_header_that_is_cut_short_is_refused_at_every_length)
{
    uint8_t packet[TCP_HEADER_MAX];
    struct tcp_segment s;
    size_t size = tcp_emit(&SYN, packet);
    for (size_t n = 0; n < size; n++) {
        EXPECT_STATUS(parse(packet, n, &s), ERR_INVAL);
    }
}

TEST(a_header_size_below_twenty_is_refused)
{
    uint8_t packet[TCP_HEADER_MIN] = {[12] = 0x40};
    struct tcp_segment s;
    EXPECT_STATUS(parse(packet, sizeof(packet), &s), ERR_INVAL);
}

TEST(an_option_of_size_zero_or_one_is_refused)
{
    struct tcp_segment s;
    EXPECT_STATUS(parse_options((const uint8_t[]){254, 0, 0, 0}, 4, &s), ERR_INVAL);
    EXPECT_STATUS(parse_options((const uint8_t[]){254, 1, 0, 0}, 4, &s), ERR_INVAL);
}

TEST(an_option_that_reaches_behind_the_header_is_refused)
{
    struct tcp_segment s;
    EXPECT_STATUS(parse_options((const uint8_t[]){2, 5, 0, 0}, 4, &s), ERR_INVAL);
    EXPECT_STATUS(parse_options((const uint8_t[]){1, 1, 1, 2}, 4, &s), ERR_INVAL);
}

TEST(options_that_are_not_known_are_skipped)
{
    struct tcp_segment s;
    EXPECT_OK(parse_options((const uint8_t[]){30, 4, 9, 9, 1, 3, 3, 5}, 8, &s));
    EXPECT_EQ(s.has, TCP_HAS_SCALE);
    EXPECT_EQ(s.scale, 5);
}

TEST(an_option_of_a_wrong_size_is_skipped)
{
    struct tcp_segment s;
    EXPECT_OK(parse_options((const uint8_t[]){2, 3, 9, 3, 4, 5, 5, 8, 3, 5, 4, 4, 0, 0}, 14, &s));
    EXPECT_EQ(s.has, 0);
    EXPECT_OK(parse_options((const uint8_t[]){5, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 11, &s));
    EXPECT_EQ(s.sack_count, 0);
}

TEST(nothing_behind_the_end_of_options_is_looked_at)
{
    struct tcp_segment s;
    EXPECT_OK(parse_options((const uint8_t[]){0, 2, 0, 0}, 4, &s));
    EXPECT_EQ(s.has, 0);
}

TEST(a_window_scale_above_fourteen_is_fourteen)
{
    struct tcp_segment s;
    EXPECT_OK(parse_options((const uint8_t[]){3, 3, 255}, 3, &s));
    EXPECT_EQ(s.scale, 14);
}

TEST(timestamps_are_found_at_any_place)
{
    struct tcp_segment s;
    EXPECT_OK(parse_options((const uint8_t[]){8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1}, 12, &s));
    EXPECT_EQ(s.ts_value, 1);
    EXPECT_EQ(s.ts_echo, 2);
    EXPECT_OK(parse_options((const uint8_t[]){1, 1, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4}, 12, &s));
    EXPECT_EQ(s.ts_value, 3);
    EXPECT_EQ(s.ts_echo, 4);
}

TEST(four_sack_blocks_fit_without_timestamps_and_three_with_them)
{
    struct tcp_segment s = {
        .flags = TCP_ACK, .sack_count = 4, .sacks = {{10, 20}, {30, 40}, {50, 60}, {70, 80}}};
    uint8_t packet[TCP_HEADER_MAX];
    struct tcp_segment back;
    EXPECT_OK(parse(packet, tcp_emit(&s, packet), &back));
    EXPECT_MEM(&back, &s, sizeof(s));
    s.has = TCP_HAS_TIMESTAMPS;
    EXPECT_EQ(tcp_header_size(&s), TCP_HEADER_MAX);
    EXPECT_OK(parse(packet, tcp_emit(&s, packet), &back));
    EXPECT_EQ(back.sack_count, 3);
    EXPECT_EQ(back.sacks[2].right, 60);
}

TEST(reserved_bits_do_not_matter)
{
    uint8_t packet[TCP_HEADER_MAX];
    struct tcp_segment s;
    size_t size = tcp_emit(&SYN, packet);
    packet[12] |= 0x0f;
    EXPECT_OK(parse(packet, size, &s));
    EXPECT_MEM(&s, &SYN, sizeof(s));
}

TEST(sequence_numbers_compare_around_zero)
{
    EXPECT(tcp_seq_lt(0xffffffff, 0) && !tcp_seq_lt(0, 0xffffffff));
    EXPECT(tcp_seq_lt(0x7fffffff, 0x80000000) && tcp_seq_le(5, 5) && !tcp_seq_lt(5, 5));
}

// Any segment whose fields can be on the wire.
static struct tcp_segment random_segment(struct test_random *r)
{
    struct tcp_segment s = {};
    s.source_port = (uint16_t)test_random_next(r);
    s.destination_port = (uint16_t)test_random_next(r);
    s.seq = (uint32_t)test_random_next(r);
    s.ack = (uint32_t)test_random_next(r);
    s.window = (uint16_t)test_random_next(r);
    s.flags = (uint8_t)test_random_next(r);
    s.has = (uint8_t)test_random_below(r, 16);
    s.mss = (s.has & TCP_HAS_MSS) != 0 ? (uint16_t)test_random_next(r) : 0;
    s.scale = (s.has & TCP_HAS_SCALE) != 0 ? (uint8_t)test_random_below(r, 15) : 0;
    if ((s.has & TCP_HAS_TIMESTAMPS) != 0) {
        s.ts_value = (uint32_t)test_random_next(r);
        s.ts_echo = (uint32_t)test_random_next(r);
    }
    s.sack_count = (uint8_t)test_random_below(r, 2); // fits beside all others
    for (unsigned i = 0; i < s.sack_count; i++) {
        s.sacks[i].left = (uint32_t)test_random_next(r);
        s.sacks[i].right = (uint32_t)test_random_next(r);
    }
    return s;
}

TEST(every_segment_comes_back_as_it_was_written)
{
    struct test_random r = {7};
    for (int i = 0; i < 10000; i++) {
        struct tcp_segment s = random_segment(&r);
        struct tcp_segment back;
        uint8_t packet[TCP_HEADER_MAX];
        size_t size = tcp_emit(&s, packet);
        EXPECT_EQ(size, tcp_header_size(&s));
        EXPECT_OK(parse(packet, size, &back));
        EXPECT_MEM(&back, &s, sizeof(s));
    }
}

TEST(a_segment_is_printed_on_one_line)
{
    char text[200];
    tcp_print(&SYN, text, sizeof(text));
    EXPECT_STR(text, "49152 > 80 S seq 4294967280 win 65535 mss 1460 scale 7 sackok ts 16909060 0");
    struct tcp_segment ack = {.source_port = 1,
                              .destination_port = 2,
                              .seq = 3,
                              .ack = 4,
                              .window = 5,
                              .flags = TCP_ACK | TCP_PSH,
                              .payload_size = 6,
                              .sack_count = 1,
                              .sacks = {{7, 8}}};
    tcp_print(&ack, text, sizeof(text));
    EXPECT_STR(text, "1 > 2 PA seq 3+6 ack 4 win 5 sack 7-8");
}

TEST(print_cuts_at_the_size_of_the_buffer)
{
    char text[12];
    memset(text, 'x', sizeof(text));
    tcp_print(&SYN, text, 9);
    EXPECT_STR(text, "49152 > ");
    EXPECT_EQ(text[9], 'x');
}
