// SPDX-License-Identifier: Apache-2.0
#include "lib/alloc/ranges.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { CAPACITY = 8 };

static struct range items[CAPACITY];

static struct ranges empty_set(void)
{
    return (struct ranges){items, 0, CAPACITY};
}

TEST(ranges_that_touch_become_one)
{
    struct ranges r = empty_set();
    EXPECT_OK(ranges_add(&r, 10, 20));
    EXPECT_OK(ranges_add(&r, 30, 40));
    EXPECT_EQ(r.count, 2);
    EXPECT_OK(ranges_add(&r, 20, 30));
    EXPECT_EQ(r.count, 1);
    EXPECT_EQ(r.items[0].start, 10);
    EXPECT_EQ(r.items[0].end, 40);
}

TEST(empty_and_reversed_ranges_add_and_remove_nothing)
{
    struct ranges r = empty_set();
    EXPECT_OK(ranges_add(&r, 5, 5));
    EXPECT_OK(ranges_add(&r, 9, 3));
    EXPECT_EQ(r.count, 0);
    EXPECT_OK(ranges_add(&r, 0, 100));
    ranges_remove(&r, 50, 50);
    ranges_remove(&r, 60, 40);
    EXPECT_EQ(ranges_total(&r), 100);
}

TEST(a_full_set_refuses_another_range_and_keeps_what_it_has)
{
    struct ranges r = empty_set();
    for (uint64_t i = 0; i < CAPACITY; i++) {
        EXPECT_OK(ranges_add(&r, 10 * i, 10 * i + 5));
    }
    EXPECT_STATUS(ranges_add(&r, 1000, 1001), ERR_NOSPC);
    EXPECT_EQ(ranges_total(&r), 5 * CAPACITY);
    EXPECT_OK(ranges_add(&r, 5, 7));
    EXPECT_EQ(ranges_total(&r), 5 * CAPACITY + 2);
}

TEST(a_full_set_widens_its_nearest_range)
{
    struct ranges r = empty_set();
    for (uint64_t i = 1; i <= CAPACITY; i++) {
        EXPECT_OK(ranges_add(&r, 100 * i, 100 * i + 10));
    }
    ranges_add_widening(&r, 120, 130);
    EXPECT_EQ(ranges_overlap(&r, 100, 200), 30);
    ranges_add_widening(&r, 190, 195);
    EXPECT_EQ(ranges_overlap(&r, 131, 210), 20);
    ranges_add_widening(&r, 0, 1);
    EXPECT_EQ(ranges_overlap(&r, 0, 110), 110);
    EXPECT_EQ(r.count, CAPACITY);
}

TEST(splitting_in_a_full_set_drops_the_smaller_part)
{
    struct ranges r = empty_set();
    for (uint64_t i = 0; i < CAPACITY; i++) {
        EXPECT_OK(ranges_add(&r, 100 * i, 100 * i + 50));
    }
    ranges_remove(&r, 30, 40);
    EXPECT_EQ(ranges_overlap(&r, 0, 100), 30);
    ranges_remove(&r, 110, 120);
    EXPECT_EQ(ranges_overlap(&r, 100, 200), 30);
    EXPECT_EQ(ranges_overlap(&r, 120, 150), 30);
}

TEST(trimming_keeps_whole_pages_only)
{
    struct ranges r = empty_set();
    EXPECT_OK(ranges_add(&r, 1, 4095));
    EXPECT_OK(ranges_add(&r, 4097, 3 * 4096 + 1));
    EXPECT_OK(ranges_add(&r, UINT64_MAX - 10, UINT64_MAX));
    ranges_trim(&r, 4096);
    EXPECT_EQ(r.count, 1);
    EXPECT_EQ(r.items[0].start, 2 * 4096);
    EXPECT_EQ(r.items[0].end, 3 * 4096);
}

enum { NUMBERS = 64 };

static bool is_in(const struct ranges *r, uint64_t number)
{
    struct range found;
    return ranges_next(r, number, number + 1, &found);
}

static void expect_equal(const struct ranges *r, const bool *model)
{
    size_t total = 0;
    for (uint64_t i = 0; i < NUMBERS; i++) {
        EXPECT_EQ(is_in(r, i), model[i]);
        total += model[i];
    }
    EXPECT_EQ(ranges_total(r), total);
    for (size_t i = 0; i < r->count; i++) {
        EXPECT(r->items[i].start < r->items[i].end);
        EXPECT(i == 0 || r->items[i - 1].end < r->items[i].start);
    }
}

TEST(random_additions_and_removals_agree_with_a_bitmap)
{
    static struct range many[NUMBERS];
    struct test_random random = {11};
    for (unsigned round = 0; round < 50 && !test_has_failed(); round++) {
        struct ranges r = {many, 0, NUMBERS};
        bool model[NUMBERS] = {};
        for (unsigned step = 0; step < 40 && !test_has_failed(); step++) {
            uint64_t start = test_random_below(&random, NUMBERS);
            uint64_t end = test_random_below(&random, NUMBERS + 1);
            bool is_add = test_random_below(&random, 2) == 0;
            if (is_add) {
                EXPECT_OK(ranges_add(&r, start, end));
            } else {
                ranges_remove(&r, start, end);
            }
            for (uint64_t i = start; i < end; i++) {
                model[i] = is_add;
            }
            expect_equal(&r, model);
        }
    }
}
