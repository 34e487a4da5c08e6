// SPDX-License-Identifier: Apache-2.0
#include "lib/base/ring.h"

#include "tests/harness/test.h"

enum { SIZE = 8 };

static uint8_t storage[SIZE];

static struct ring make_ring(uint32_t position)
{
    struct ring r;
    ring_init(&r, storage, SIZE);
    r.in = position;
    r.out = position;
    return r;
}

TEST(what_goes_into_a_ring_comes_out_in_order)
{
    struct ring r = make_ring(0);
    uint8_t out[SIZE];
    EXPECT_EQ(ring_put(&r, (const uint8_t *)"abc", 3), 3);
    EXPECT_EQ(ring_put(&r, (const uint8_t *)"de", 2), 2);
    EXPECT_EQ(ring_get(&r, out, SIZE), 5);
    EXPECT_MEM(out, "abcde", 5);
}

TEST(a_full_ring_takes_no_more_and_keeps_what_it_has)
{
    struct ring r = make_ring(0);
    uint8_t out[SIZE];
    EXPECT_EQ(ring_put(&r, (const uint8_t *)"0123456789", 10), SIZE);
    EXPECT_EQ(ring_room(&r), 0);
    EXPECT_EQ(ring_put(&r, (const uint8_t *)"x", 1), 0);
    EXPECT_EQ(ring_get(&r, out, SIZE), SIZE);
    EXPECT_MEM(out, "01234567", SIZE);
}

TEST(bytes_that_wrap_around_the_edge_stay_in_order)
{
    struct ring r = make_ring(SIZE - 3);
    uint8_t out[SIZE];
    EXPECT_EQ(ring_put(&r, (const uint8_t *)"abcdefg", 7), 7);
    EXPECT_EQ(ring_get(&r, out, SIZE), 7);
    EXPECT_MEM(out, "abcdefg", 7);
}

TEST(positions_may_wrap_around_their_type)
{
    struct ring r = make_ring(UINT32_MAX - 2);
    uint8_t out[SIZE];
    EXPECT_EQ(ring_put(&r, (const uint8_t *)"abcdefgh", 8), 8);
    EXPECT_EQ(ring_used(&r), SIZE);
    EXPECT_EQ(ring_room(&r), 0);
    EXPECT_EQ(ring_get(&r, out, SIZE), 8);
    EXPECT_MEM(out, "abcdefgh", 8);
    EXPECT_EQ(ring_used(&r), 0);
}

TEST(a_run_ends_at_the_edge_of_the_storage)
{
    struct ring r = make_ring(SIZE - 2);
    uint32_t run;
    (void)ring_free_run(&r, &run);
    EXPECT_EQ(run, 2);
    EXPECT_EQ(ring_put(&r, (const uint8_t *)"abcd", 4), 4);
    const uint8_t *first = ring_used_run(&r, &run);
    EXPECT_EQ(run, 2);
    EXPECT_MEM(first, "ab", 2);
    ring_consume(&r, run);
    first = ring_used_run(&r, &run);
    EXPECT_EQ(run, 2);
    EXPECT_MEM(first, "cd", 2);
}
