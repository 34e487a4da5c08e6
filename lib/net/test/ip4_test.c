// SPDX-License-Identifier: Apache-2.0
#include "lib/net/ip4.h"

#include "lib/net/checksum.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

static const uint8_t example[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                  0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

// A header with options, whose checksum is right.
static struct span with_options(const uint8_t *options, size_t size)
{
    static uint8_t bytes[IP4_HEADER_MAX];
    memcpy(bytes, example, IP4_HEADER_MIN);
    memcpy(bytes + IP4_HEADER_MIN, options, size);
    bytes[0] = (uint8_t)(0x40 | (IP4_HEADER_MIN + size) / 4);
    write_be16(bytes + 10, 0);
    write_be16(bytes + 10, checksum_finish(checksum_add(0, bytes, IP4_HEADER_MIN + size)));
    return span_of(bytes, IP4_HEADER_MIN + size);
}

TEST(a_header_is_read_field_by_field)
{
    struct ip4_header h;
    EXPECT_OK(ip4_parse(span_of(example, sizeof(example)), 0x73, &h));
    EXPECT_EQ(h.total_size, 0x73);
    EXPECT_EQ(h.header_size, 20);
    EXPECT_EQ(h.hop_limit, 64);
    EXPECT_EQ(h.protocol, IP_PROTOCOL_UDP);
    EXPECT_EQ(ip4_value(&h.source), 0xc0a80001);
    EXPECT_EQ(ip4_value(&h.destination), 0xc0a800c7);
    EXPECT(h.dont_fragment && !h.has_more && !ip4_is_fragment(&h));
    char text[100];
    ip4_print(&h, text, sizeof(text));
    EXPECT_STR(text, "192.168.0.1 > 192.168.0.199: protocol 17, 115 bytes, ttl 64");
}

TEST(a_header_reads_back_as_it_was_written)
{
    struct test_random r = {.state = 4};
    for (unsigned turn = 0; turn < 2000; turn++) {
        uint64_t bits = test_random_next(&r);
        struct ip4_header h = {
            .source = ip4((uint32_t)test_random_next(&r) & 0x7fffffff),
            .destination = ip4((uint32_t)test_random_next(&r)),
            .total_size = (uint16_t)(24 + test_random_below(&r, 2000)),
            .id = (uint16_t)bits,
            .fragment_offset = (uint16_t)(test_random_below(&r, 7000) * 8),
            .traffic_class = (uint8_t)(bits >> 16),
            .hop_limit = (uint8_t)(bits >> 24),
            .protocol = (uint8_t)(bits >> 32),
            .dont_fragment = (bits >> 40 & 1) != 0,
            .has_more = (bits >> 41 & 1) != 0,
            .has_router_alert = (bits >> 42 & 1) != 0,
        };
        uint8_t bytes[IP4_HEADER_MAX];
        uint8_t again[IP4_HEADER_MAX];
        struct ip4_header back;
        size_t size = ip4_emit(&h, bytes);
        h.header_size = (uint16_t)size;
        EXPECT_EQ(size, ip4_header_size(&h));
        EXPECT_OK(ip4_parse(span_of(bytes, size), h.total_size, &back));
        EXPECT_EQ(back.header_size, size);
        EXPECT_EQ(back.fragment_offset, h.fragment_offset);
        EXPECT(ip_is_equal(&back.source, &h.source));
        EXPECT(ip_is_equal(&back.destination, &h.destination));
        EXPECT_EQ(ip4_emit(&back, again), size);
        EXPECT_MEM(again, bytes, size);
    }
}

static void expect_refused(size_t at, uint8_t value)
{
    uint8_t bytes[IP4_HEADER_MIN];
    struct ip4_header h;
    memcpy(bytes, example, sizeof(bytes));
    bytes[at] = value;
    write_be16(bytes + 10, 0);
    write_be16(bytes + 10, checksum_finish(checksum_add(0, bytes, sizeof(bytes))));
    EXPECT_STATUS(ip4_parse(span_of(bytes, sizeof(bytes)), 0x73, &h), ERR_INVAL);
}

TEST(a_header_that_cannot_be_is_refused)
{
    struct ip4_header h;
    expect_refused(0, 0x65); // version
    expect_refused(0, 0x44); // header of 16 bytes
    expect_refused(0, 0x46); // header longer than what is there
    expect_refused(3, 19);   // shorter than its header
    expect_refused(3, 0x74); // longer than the packet
    expect_refused(12, 224); // from a group
    EXPECT_STATUS(ip4_parse(span_of(example, 19), 0x73, &h), ERR_INVAL);
    uint8_t bytes[IP4_HEADER_MIN];
    memcpy(bytes, example, sizeof(bytes));
    bytes[8]--;
    EXPECT_STATUS(ip4_parse(span_of(bytes, sizeof(bytes)), 0x73, &h), ERR_INVAL);
}

TEST(a_fragment_may_end_at_the_very_limit)
{
    struct ip4_header h = {.source = ip4(1), .destination = ip4(2), .total_size = 20 + 7};
    uint8_t bytes[IP4_HEADER_MIN];
    h.fragment_offset = 65528;
    (void)ip4_emit(&h, bytes);
    EXPECT_OK(ip4_parse(span_of(bytes, sizeof(bytes)), 27, &h));
    h.total_size++;
    (void)ip4_emit(&h, bytes);
    EXPECT_STATUS(ip4_parse(span_of(bytes, sizeof(bytes)), 28, &h), ERR_INVAL);
}

TEST(options_are_skipped_and_those_that_matter_are_told)
{
    static const uint8_t harmless[] = {1, 68, 6, 5, 0, 0, 0, 0};
    static const uint8_t alert[] = {148, 4, 0, 0};
    static const uint8_t route[] = {131, 7, 4, 10, 0, 0, 1, 1};
    struct ip4_header h;
    EXPECT_OK(ip4_parse(with_options(harmless, 8), 0x73, &h));
    EXPECT(h.header_size == 28 && !h.has_router_alert && !h.has_source_route);
    EXPECT_OK(ip4_parse(with_options(alert, 4), 0x73, &h));
    EXPECT(h.has_router_alert);
    EXPECT_OK(ip4_parse(with_options(route, 8), 0x73, &h));
    EXPECT(h.has_source_route);
    static const uint8_t last[] = {1, 1, 7, 2}; // ends with the header
    EXPECT_OK(ip4_parse(with_options(last, 4), 0x73, &h));
}

TEST(a_fragment_is_printed_as_one)
{
    char text[100];
    struct ip4_header h = {.source = ip4(0x0a000001),
                           .destination = ip4(0x0a000002),
                           .total_size = 1500,
                           .id = 7,
                           .fragment_offset = 1480,
                           .has_more = true,
                           .hop_limit = 3,
                           .protocol = 17};
    ip4_print(&h, text, sizeof(text));
    EXPECT_STR(text, "10.0.0.1 > 10.0.0.2: protocol 17, 1500 bytes, ttl 3, fragment 7 at 1480+");
}

TEST(options_that_do_not_fit_are_refused)
{
    static const uint8_t bad[][4] = {{7, 0, 0, 0}, {7, 1, 0, 0}, {7, 5, 0, 0}, {1, 1, 1, 7}};
    struct ip4_header h;
    for (size_t i = 0; i < 4; i++) {
        EXPECT_STATUS(ip4_parse(with_options(bad[i], 4), 0x73, &h), ERR_INVAL);
    }
}

TEST(a_quoted_header_need_not_have_its_payload_or_its_checksum)
{
    uint8_t bytes[IP4_HEADER_MIN];
    struct ip4_header h;
    memcpy(bytes, example, sizeof(bytes));
    bytes[8] = 1;
    EXPECT_OK(ip4_parse_quoted(span_of(bytes, sizeof(bytes)), &h));
    EXPECT_EQ(h.total_size, 0x73);
}
