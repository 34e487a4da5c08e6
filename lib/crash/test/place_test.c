// SPDX-License-Identifier: Apache-2.0
#include "lib/crash/place.h"

#include "lib/base/bits.h"
#include "lib/crash/record.h"
#include "tests/harness/test.h"

static constexpr uint64_t MIB = 1 << 20;
static constexpr uint64_t GIB = 1 << 30;

enum { RANGES = 16 };

struct map {
    struct range items[2][RANGES];
    struct ranges ram;
    struct ranges usable;
};

static void init(struct map *m)
{
    m->ram = (struct ranges){m->items[0], 0, RANGES};
    m->usable = (struct ranges){m->items[1], 0, RANGES};
}

static void add(struct map *m, uint64_t start, uint64_t size)
{
    EXPECT_OK(ranges_add(&m->ram, start, start + size));
    EXPECT_OK(ranges_add(&m->usable, start, start + size));
}

static uint64_t place(const struct map *m)
{
    uint64_t at = UINT64_MAX;
    return crash_place(&m->ram, &m->usable, &at) ? at : UINT64_MAX;
}

TEST(the_area_lies_three_quarters_up)
{
    struct map m;
    init(&m);
    add(&m, GIB, 256 * MIB);
    EXPECT_EQ(place(&m), GIB + 192 * MIB);
}

TEST(files_of_other_sizes_elsewhere_do_not_move_it)
{
    struct map m;
    init(&m);
    add(&m, GIB, 16 * MIB);
    for (uint64_t size = MIB; size < 3 * MIB; size += 4096) {
        ranges_remove(&m.usable, GIB, GIB + size);                       // kernel
        ranges_remove(&m.usable, GIB + 8 * MIB, GIB + 8 * MIB + size);   // ramdisk
        ranges_remove(&m.usable, GIB + 16 * MIB - size, GIB + 16 * MIB); // firmware
        EXPECT_EQ(place(&m), GIB + 12 * MIB);
    }
}

TEST(where_the_place_is_taken_the_next_one_below_is_used)
{
    struct map m;
    init(&m);
    add(&m, GIB, 256 * MIB);
    ranges_remove(&m.usable, GIB + 192 * MIB + 4096, GIB + 192 * MIB + 8192);
    EXPECT_EQ(place(&m), GIB + 192 * MIB - (64 << 10));
    ranges_remove(&m.usable, GIB + 100 * MIB, GIB + 256 * MIB);
    EXPECT_EQ(place(&m), GIB + 100 * MIB - (64 << 10));
}

TEST(where_nothing_below_is_free_the_next_one_above_is_used)
{
    struct map m;
    init(&m);
    add(&m, GIB, 256 * MIB);
    ranges_remove(&m.usable, GIB, GIB + 200 * MIB + 1);
    EXPECT_EQ(place(&m), GIB + 200 * MIB + (64 << 10));
}

TEST(memory_above_4_gib_plays_no_part)
{
    struct map m;
    init(&m);
    add(&m, GIB, GIB);
    add(&m, 8 * GIB, 64 * GIB);
    EXPECT_EQ(place(&m), GIB + 768 * MIB);
    init(&m);
    add(&m, GIB, 64 * GIB);
    EXPECT_EQ(place(&m), GIB + 3 * GIB / 4 * 3);
}

TEST(a_machine_with_high_memory_only_has_a_place_too)
{
    struct map m;
    init(&m);
    add(&m, 8 * GIB, 4 * GIB);
    add(&m, 32 * GIB, 4 * GIB);
    EXPECT_EQ(place(&m), 11 * GIB);
}

TEST(an_area_never_leaves_usable_memory)
{
    struct map m;
    init(&m);
    add(&m, GIB, 256 * MIB);
    ranges_remove(&m.usable, GIB, GIB + 256 * MIB);
    for (unsigned i = 0; i < 8; i++) { // holes just too small, or without an aligned place
        uint64_t at = GIB + i * MIB;
        EXPECT_OK(ranges_add(&m.usable, at + 4096, at + CRASH_AREA_SIZE + 8192));
    }
    EXPECT_EQ(place(&m), UINT64_MAX);
    ranges_add_widening(&m.usable, GIB + 9 * MIB, GIB + 9 * MIB + CRASH_AREA_SIZE);
    EXPECT_EQ(place(&m), GIB + 9 * MIB);
}

TEST(no_memory_has_no_place)
{
    struct map m;
    init(&m);
    EXPECT_EQ(place(&m), UINT64_MAX);
}
