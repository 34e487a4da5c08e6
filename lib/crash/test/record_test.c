// SPDX-License-Identifier: Apache-2.0
#include "lib/crash/record.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { SIZE = 512 };

static uint64_t memory[SIZE / sizeof(uint64_t)];

static bool boot(struct crash_area *area, struct span *previous)
{
    return crash_begin_boot(area, memory, SIZE, previous);
}

static void panic_with(struct crash_area *area, const char *text)
{
    crash_begin_panic(area);
    crash_append(area, text, strlen(text));
    crash_seal(area);
}

static void power_on(struct crash_area *area)
{
    struct span previous;
    memset(memory, 0xa5, sizeof(memory));
    EXPECT(!boot(area, &previous));
}

TEST(memory_without_a_past_has_no_record)
{
    struct crash_area area;
    struct span previous;
    memset(memory, 0, sizeof(memory));
    EXPECT(!boot(&area, &previous));
    EXPECT_EQ(previous.size, 0);
    EXPECT_EQ(area.header->boots, 1);
    power_on(&area);
    EXPECT_EQ(area.header->boots, 1);
}

TEST(the_boot_after_a_panic_gets_its_record)
{
    struct crash_area area;
    struct span previous;
    power_on(&area);
    panic_with(&area, "it broke");
    EXPECT(boot(&area, &previous));
    EXPECT_EQ(previous.size, 8);
    EXPECT_MEM(previous.data, "it broke", 8);
    EXPECT_EQ(area.header->boots, 2);
}

TEST(a_record_is_reported_once)
{
    struct crash_area area;
    struct span previous;
    power_on(&area);
    panic_with(&area, "it broke");
    EXPECT(boot(&area, &previous));
    EXPECT(!boot(&area, &previous));
    EXPECT_EQ(previous.size, 0);
    EXPECT_EQ(area.header->boots, 3);
}

TEST(a_boot_that_ended_otherwise_leaves_no_record)
{
    struct crash_area area;
    struct span previous;
    power_on(&area);
    crash_mark_healthy(&area);
    EXPECT(!boot(&area, &previous));
}

TEST(the_third_panic_without_a_healthy_boot_is_a_loop)
{
    struct crash_area area;
    struct span previous;
    power_on(&area);
    for (unsigned i = 1; i <= CRASH_PANICS_MAX; i++) {
        EXPECT(!crash_is_loop(&area));
        panic_with(&area, "again");
        EXPECT_EQ(area.header->panics, i);
        EXPECT_EQ(crash_is_loop(&area), i == CRASH_PANICS_MAX);
        EXPECT(boot(&area, &previous));
    }
}

TEST(a_healthy_boot_forgets_the_panics_before_it)
{
    struct crash_area area;
    struct span previous;
    power_on(&area);
    for (unsigned i = 0; i < 10; i++) {
        panic_with(&area, "a");
        EXPECT(!crash_is_loop(&area));
        EXPECT(boot(&area, &previous));
        panic_with(&area, "b");
        EXPECT(!crash_is_loop(&area));
        EXPECT(boot(&area, &previous));
        crash_mark_healthy(&area);
    }
}

TEST(a_reset_that_was_no_panic_keeps_the_count)
{
    struct crash_area area;
    struct span previous;
    power_on(&area);
    panic_with(&area, "one");
    EXPECT(boot(&area, &previous));
    EXPECT(!boot(&area, &previous));
    panic_with(&area, "two");
    EXPECT_EQ(area.header->panics, 2);
}

TEST(a_record_that_is_cut_off_at_a_reset_is_there_as_far_as_it_was_sealed)
{
    struct crash_area area;
    struct span previous;
    power_on(&area);
    crash_begin_panic(&area);
    EXPECT(boot(&area, &previous));
    EXPECT_EQ(previous.size, 0);
    panic_with(&area, "first");
    crash_append(&area, " second", 7);
    EXPECT(!boot(&area, &previous)); // not sealed: not believed
}

TEST(a_record_longer_than_the_area_is_cut)
{
    struct crash_area area;
    struct span previous;
    char text[300];
    memset(text, 'x', sizeof(text));
    power_on(&area);
    crash_begin_panic(&area);
    crash_append(&area, text, sizeof(text));
    crash_append(&area, text, sizeof(text));
    crash_append(&area, text, sizeof(text));
    crash_seal(&area);
    EXPECT(boot(&area, &previous));
    EXPECT_EQ(previous.size, SIZE - sizeof(struct crash_header));
    EXPECT_EQ(previous.data[previous.size - 1], 'x');
}

TEST(a_flipped_bit_anywhere_makes_it_an_area_without_a_past)
{
    struct crash_area area;
    struct span previous;
    static const char text[] = "a record of some length";
    size_t used = sizeof(struct crash_header) + sizeof(text) - 1;
    for (size_t bit = 0; bit < used * 8; bit++) {
        power_on(&area);
        panic_with(&area, text);
        ((uint8_t *)memory)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        EXPECT(!boot(&area, &previous));
        EXPECT_EQ(area.header->boots, 1);
        EXPECT_EQ(area.header->panics, 0);
    }
}
