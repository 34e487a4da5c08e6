// SPDX-License-Identifier: Apache-2.0
#include "lib/net/checksum.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

// The definition, word by word.
static uint32_t slow_sum(const uint8_t *p, size_t size)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum += i % 2 == 0 ? (uint64_t)p[i] << 8 : p[i];
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint32_t)sum;
}

TEST(the_example_of_rfc_1071_has_its_sum)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    EXPECT_EQ(checksum_add(0, bytes, 8), 0xddf2);
    EXPECT_EQ(checksum_add(0, bytes, 0), 0);
    EXPECT_EQ(checksum_finish(0xddf2), 0x220d);
}

TEST(any_bytes_have_the_sum_of_the_definition)
{
    static uint8_t bytes[512];
    struct test_random r = {.state = 77};
    for (unsigned turn = 0; turn < 4000; turn++) {
        size_t at = test_random_below(&r, 16);
        size_t size = test_random_below(&r, sizeof(bytes) - 16);
        for (size_t i = 0; i < sizeof(bytes); i++) {
            // Many bytes of ff make many carries.
            uint64_t bits = test_random_next(&r);
            bytes[i] = turn % 2 == 0 || bits % 4 == 0 ? (uint8_t)(bits >> 8) : 0xff;
        }
        EXPECT_EQ(checksum_add(0, bytes + at, size), slow_sum(bytes + at, size));
    }
}

TEST(pieces_of_any_size_add_up_to_the_whole)
{
    uint8_t bytes[200];
    struct test_random r = {.state = 99};
    for (unsigned turn = 0; turn < 1000; turn++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)test_random_next(&r);
        }
        uint32_t sum = 0;
        for (size_t at = 0; at < sizeof(bytes);) {
            size_t piece = 1 + test_random_below(&r, 40);
            piece = piece < sizeof(bytes) - at ? piece : sizeof(bytes) - at;
            sum = checksum_join(sum, checksum_add(0, bytes + at, piece), at);
            at += piece;
        }
        EXPECT_EQ(sum, slow_sum(bytes, sizeof(bytes)));
    }
}

TEST(a_changed_word_changes_the_field_as_a_new_sum_would)
{
    uint8_t bytes[20];
    struct test_random r = {.state = 5};
    for (unsigned turn = 0; turn < 2000; turn++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)(test_random_next(&r) | 1);
        }
        uint16_t field = checksum_finish(checksum_add(0, bytes, sizeof(bytes)));
        uint16_t old = read_be16(bytes + 6);
        uint16_t now = (uint16_t)test_random_next(&r);
        write_be16(bytes + 6, now);
        EXPECT_EQ(checksum_update(field, old, now),
                  checksum_finish(checksum_add(0, bytes, sizeof(bytes))));
    }
}

TEST(pseudo_headers_of_both_versions_are_summed_as_they_are_defined)
{
    struct ip_addr a = ip4(0xc0a80001);
    struct ip_addr b = ip4(0xfffffffe);
    const uint8_t pseudo4[] = {0xc0, 0xa8, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 17, 0x12, 0x34};
    EXPECT_EQ(checksum_pseudo(&a, &b, IP_PROTOCOL_UDP, 0x1234), slow_sum(pseudo4, sizeof(pseudo4)));
    uint8_t pseudo6[40] = {};
    struct test_random r = {.state = 6};
    for (size_t i = 0; i < 32; i++) {
        pseudo6[i] = (uint8_t)test_random_next(&r);
    }
    write_be32(pseudo6 + 32, 0x12345);
    pseudo6[39] = IP_PROTOCOL_TCP;
    a = ip6_read(pseudo6);
    b = ip6_read(pseudo6 + 16);
    EXPECT_EQ(checksum_pseudo(&a, &b, IP_PROTOCOL_TCP, 0x12345), slow_sum(pseudo6, 40));
}

TEST(a_message_with_its_checksum_is_right_until_a_bit_flips)
{
    uint8_t bytes[9] = {1, 2, 0, 0, 5, 6, 7, 8, 9};
    write_be16(bytes + 2, checksum_finish(checksum_add(0, bytes, sizeof(bytes))));
    EXPECT(checksum_is_right(checksum_add(0, bytes, sizeof(bytes))));
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        EXPECT(!checksum_is_right(checksum_add(0, bytes, sizeof(bytes))));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    EXPECT_EQ(checksum_not_zero(0), 0xffff);
    EXPECT_EQ(checksum_not_zero(7), 7);
}
