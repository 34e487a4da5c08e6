// SPDX-License-Identifier: Apache-2.0
#include "lib/net/udp.h"

#include "tests/harness/test.h"

TEST(a_udp_header_reads_back_as_it_was_written)
{
    uint8_t bytes[UDP_HEADER_SIZE];
    struct udp_header h = {
        .source_port = 0x1234, .destination_port = 53, .size = 512, .checksum = 0xbeef};
    struct udp_header back;
    udp_emit(&h, bytes);
    EXPECT_OK(udp_parse(span_of(bytes, sizeof(bytes)), 512, &back));
    EXPECT(back.source_port == 0x1234 && back.destination_port == 53);
    EXPECT(back.size == 512 && back.checksum == 0xbeef);
}

TEST(udp_sizes_that_contradict_each_other_are_refused)
{
    uint8_t bytes[UDP_HEADER_SIZE];
    struct udp_header h = {.source_port = 1, .destination_port = 2, .size = 9};
    udp_emit(&h, bytes);
    EXPECT_STATUS(udp_parse(span_of(bytes, 7), 9, &h), ERR_INVAL);
    EXPECT_STATUS(udp_parse(span_of(bytes, 8), 8, &h), ERR_INVAL);
    EXPECT_OK(udp_parse(span_of(bytes, 8), 100, &h));
    bytes[5] = 7;
    EXPECT_STATUS(udp_parse(span_of(bytes, 8), 9, &h), ERR_INVAL);
    bytes[5] = 8;
    bytes[3] = 0;
    EXPECT_STATUS(udp_parse(span_of(bytes, 8), 9, &h), ERR_INVAL);
}
