// SPDX-License-Identifier: Apache-2.0
#include "lib/base/bits.h"

#include "lib/base/span.h"
#include "tests/harness/test.h"

TEST(alignment_goes_to_the_nearest_multiple)
{
    EXPECT_EQ(align_down(0x1fff, 0x1000), 0x1000);
    EXPECT_EQ(align_up(0x1001, 0x1000), 0x2000);
    EXPECT_EQ(align_up(0x1000, 0x1000), 0x1000);
    EXPECT_EQ(align_up(UINT64_MAX, 16), 0);
    EXPECT(is_aligned(0x3000, 0x1000));
    EXPECT(!is_aligned(0x3008, 0x1000));
}

TEST(powers_of_two_and_logarithms)
{
    EXPECT(!is_pow2(0));
    EXPECT(is_pow2(1));
    EXPECT(!is_pow2(3));
    EXPECT(is_pow2(1ull << 63));
    EXPECT_EQ(log2_floor(1), 0);
    EXPECT_EQ(log2_floor(UINT64_MAX), 63);
    EXPECT_EQ(log2_ceil(1), 0);
    EXPECT_EQ(log2_ceil(4), 2);
    EXPECT_EQ(log2_ceil(5), 3);
}

TEST(a_byte_more_takes_another_page)
{
    EXPECT_EQ(pages_for(0), 0);
    EXPECT_EQ(pages_for(1), 1);
    EXPECT_EQ(pages_for(PAGE_SIZE), 1);
    EXPECT_EQ(pages_for(PAGE_SIZE + 1), 2);
}

TEST(a_range_is_in_a_span_even_where_its_end_would_wrap)
{
    const uint8_t bytes[8] = {};
    struct span s = span_of(bytes, sizeof(bytes));
    EXPECT(span_has(s, 0, 8));
    EXPECT(span_has(s, 8, 0));
    EXPECT(!span_has(s, 1, 8));
    EXPECT(!span_has(s, 9, 0));
    EXPECT(!span_has(s, 4, UINT64_MAX - 2));
}

TEST(both_byte_orders_are_read_at_any_alignment)
{
    const uint8_t bytes[] = {0xff, 1, 2, 3, 4, 5, 6, 7, 0x88};
    EXPECT_EQ(read_be32(bytes + 1), 0x01020304);
    EXPECT_EQ(read_be64(bytes + 1), 0x0102030405060788);
    EXPECT_EQ(read_le16(bytes + 7), 0x8807);
    EXPECT_EQ(read_le32(bytes + 5), 0x88070605);
    EXPECT_EQ(read_le64(bytes + 1), (int64_t)0x8807060504030201);
    EXPECT_EQ(read_be32(bytes), 0xff010203);
}
