// SPDX-License-Identifier: Apache-2.0
#include "lib/base/bits.h"
#include "lib/boot/efimap.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { CACHED = 8, CODE = 1, DATA = 2, BOOT = 4, RUNTIME = 6, FREE = 7, ACPI = 9, MMIO = 11 };

// Firmware's descriptors are longer than the specification's, so these are, too.
struct descriptor {
    uint32_t type;
    uint64_t base;
    uint64_t virtual;
    uint64_t pages;
    uint64_t attribute;
    uint64_t more;
};

static struct efimap map_of(const struct descriptor *descriptors, size_t count)
{
    return (struct efimap){
        .bytes = span_of(descriptors, count * sizeof(*descriptors)),
        .stride = sizeof(*descriptors),
    };
}

static status_t init(const struct descriptor *descriptor)
{
    struct efimap map;
    return efimap_init(span_of(descriptor, sizeof(*descriptor)), sizeof(*descriptor), &map);
}

TEST(a_map_of_whole_descriptors_is_accepted)
{
    struct descriptor two[2] = {{.base = 0x1000, .pages = 1}, {.base = 0x4000, .pages = 2}};
    struct efimap map;
    EXPECT_OK(efimap_init(span_of(two, sizeof(two)), sizeof(two[0]), &map));
    EXPECT_STATUS(efimap_init(span_of(two, sizeof(two) - 1), sizeof(two[0]), &map), ERR_INVAL);
    EXPECT_STATUS(efimap_init(span_of(two, 39), 39, &map), ERR_INVAL);
    EXPECT_STATUS(efimap_init(span_of(two, 0), 0, &map), ERR_INVAL);
}

TEST(a_range_outside_the_address_space_is_refused)
{
    EXPECT_STATUS(init(&(struct descriptor){.base = 0x1001, .pages = 1}), ERR_INVAL);
    EXPECT_STATUS(init(&(struct descriptor){.base = 0x1000, .pages = UINT64_MAX}), ERR_INVAL);
    EXPECT_STATUS(init(&(struct descriptor){.base = 0x1000, .pages = 1ull << 52}), ERR_INVAL);
    EXPECT_STATUS(init(&(struct descriptor){.base = UINT64_MAX - 4095, .pages = 1}), ERR_INVAL);
    EXPECT_OK(init(&(struct descriptor){.base = UINT64_MAX - 8191, .pages = 1}));
}

TEST(each_type_of_memory_gets_its_kind)
{
    static const struct {
        uint64_t attribute;
        uint32_t type;
        enum bootinfo_memory_kind kind;
    } cases[] = {
        {CACHED, FREE, BOOTINFO_MEMORY_RAM},         {CACHED, BOOT, BOOTINFO_MEMORY_RAM},
        {CACHED, CODE, BOOTINFO_MEMORY_RAM},         {CACHED, DATA, BOOTINFO_MEMORY_LOADER},
        {CACHED, RUNTIME, BOOTINFO_MEMORY_FIRMWARE}, {CACHED, ACPI, BOOTINFO_MEMORY_ACPI},
        {1, MMIO, BOOTINFO_MEMORY_RESERVED},         {CACHED, 0, BOOTINFO_MEMORY_RESERVED},
        {1, FREE, BOOTINFO_MEMORY_RESERVED},         {CACHED, 0x80000000, BOOTINFO_MEMORY_RESERVED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct descriptor one = {
            .type = cases[i].type, .attribute = cases[i].attribute, .pages = 1};
        struct efimap map = map_of(&one, 1);
        struct bootinfo_memory range;
        size_t count = 0;
        EXPECT_OK(efimap_convert(&map, &range, 1, &count));
        EXPECT_EQ(count, 1);
        EXPECT_EQ(range.kind, cases[i].kind);
    }
}

TEST(ranges_are_sorted_and_neighbours_of_a_kind_become_one)
{
    static const struct descriptor map_data[] = {
        {.type = FREE, .base = 0x9000, .pages = 1, .attribute = CACHED},
        {.type = FREE, .base = 0x2000, .pages = 1, .attribute = CACHED},
        {.type = DATA, .base = 0x4000, .pages = 1, .attribute = CACHED},
        {.type = FREE, .base = 0x8000, .pages = 0, .attribute = CACHED},
        {.type = BOOT, .base = 0x1000, .pages = 1, .attribute = CACHED},
        {.type = BOOT, .base = 0x3000, .pages = 1, .attribute = CACHED},
    };
    struct efimap map = map_of(map_data, ARRAY_SIZE(map_data));
    struct bootinfo_memory ranges[8];
    size_t count = 0;
    EXPECT_OK(efimap_convert(&map, ranges, ARRAY_SIZE(ranges), &count));
    EXPECT_EQ(count, 3);
    EXPECT_EQ(ranges[0].base, 0x1000);
    EXPECT_EQ(ranges[0].size_bytes, 0x3000);
    EXPECT_EQ(ranges[1].base, 0x4000);
    EXPECT_EQ(ranges[1].kind, BOOTINFO_MEMORY_LOADER);
    EXPECT_EQ(ranges[2].base, 0x9000);
}

TEST(overlapping_ranges_are_refused)
{
    static const struct descriptor overlap[] = {
        {.type = FREE, .base = 0x1000, .pages = 2, .attribute = CACHED},
        {.type = RUNTIME, .base = 0x2000, .pages = 2, .attribute = CACHED},
    };
    struct efimap map = map_of(overlap, ARRAY_SIZE(overlap));
    struct bootinfo_memory ranges[2];
    size_t count = 0;
    EXPECT_STATUS(efimap_convert(&map, ranges, 2, &count), ERR_INVAL);
}

TEST(a_map_of_more_ranges_than_there_is_room_for_is_refused)
{
    static const struct descriptor two[] = {
        {.type = FREE, .base = 0x1000, .pages = 1, .attribute = CACHED},
        {.type = FREE, .base = 0x8000, .pages = 1, .attribute = CACHED},
    };
    struct efimap map = map_of(two, 2);
    struct bootinfo_memory ranges[1];
    size_t count = 0;
    EXPECT_STATUS(efimap_convert(&map, ranges, 1, &count), ERR_NOSPC);
}

TEST(slots_are_aligned_places_in_free_memory_alone)
{
    static const struct descriptor map_data[] = {
        {.type = BOOT, .base = 0x0, .pages = 64, .attribute = CACHED},
        {.type = FREE, .base = 0x41000, .pages = 0x2f, .attribute = CACHED}, // 0x41000-0x70000
        {.type = FREE, .base = 0x80000, .pages = 4, .attribute = CACHED},    // exactly one
        {.type = FREE, .base = 0x90000, .pages = 4, .attribute = 1},         // not cached
        {.type = FREE, .base = 0xa4000, .pages = 1, .attribute = CACHED},    // too small
    };
    struct efimap map = map_of(map_data, ARRAY_SIZE(map_data));
    uint64_t base = 0;
    EXPECT_EQ(efimap_count_slots(&map, 0x4000, 0x10000), 3);
    EXPECT_OK(efimap_find_slot(&map, 0x4000, 0x10000, 0, &base));
    EXPECT_EQ(base, 0x50000);
    EXPECT_OK(efimap_find_slot(&map, 0x4000, 0x10000, 1, &base));
    EXPECT_EQ(base, 0x60000);
    EXPECT_OK(efimap_find_slot(&map, 0x4000, 0x10000, 2, &base));
    EXPECT_EQ(base, 0x80000);
    EXPECT_STATUS(efimap_find_slot(&map, 0x4000, 0x10000, 3, &base), ERR_NOENT);
}

TEST(no_slot_begins_past_the_end_of_the_address_space)
{
    struct descriptor last = {
        .type = FREE, .base = UINT64_MAX - 0x2fff, .pages = 2, .attribute = CACHED};
    struct efimap map = map_of(&last, 1);
    EXPECT_EQ(efimap_count_slots(&map, 0x1000, 0x200000), 0);
}

// What a slot is, said the slow way: every multiple of `align` inside the range.
static uint64_t count_slowly(const struct descriptor *range, uint64_t size, uint64_t align)
{
    uint64_t count = 0;
    uint64_t end = range->base + range->pages * PAGE_SIZE;
    for (uint64_t at = 0; at + size <= end; at += align) {
        count += at >= range->base;
    }
    return count;
}

TEST(the_number_of_slots_is_what_counting_gives)
{
    struct test_random random = {7};
    for (int i = 0; i < 1000; i++) {
        struct descriptor one = {.type = FREE,
                                 .base = test_random_below(&random, 64) * PAGE_SIZE,
                                 .pages = 1 + test_random_below(&random, 64),
                                 .attribute = CACHED};
        struct efimap map = map_of(&one, 1);
        uint64_t size = (1 + test_random_below(&random, 32)) * PAGE_SIZE;
        uint64_t align = (uint64_t)PAGE_SIZE << test_random_below(&random, 6);
        EXPECT_EQ(efimap_count_slots(&map, size, align), count_slowly(&one, size, align));
    }
}
