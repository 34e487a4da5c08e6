// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/random.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/harness/test.h"

enum { LARGE = 5000 };

TEST(a_generator_is_seeded_sooner_or_later_and_then_gives_bytes)
{
    uint8_t bytes[16];
    EXPECT_OK(random_wait(NSEC_NEVER, WAIT_DEFAULT));
    EXPECT(random_is_seeded());
    EXPECT_OK(random_try_bytes(bytes, sizeof(bytes)));
}

TEST(no_two_pieces_of_the_output_are_alike)
{
    static uint8_t pieces[64][16];
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        random_bytes(pieces[i], sizeof(pieces[i]));
        for (size_t j = 0; j < i; j++) {
            EXPECT(memcmp(pieces[i], pieces[j], sizeof(pieces[i])) != 0);
        }
    }
}

static unsigned ones_of(const uint8_t *bytes, size_t size)
{
    unsigned ones = 0;
    for (size_t i = 0; i < size; i++) {
        ones += (unsigned)__builtin_popcount(bytes[i]);
    }
    return ones;
}

// 40000 coins: 100 is the standard deviation, and 8 of them happen to nobody.
TEST(half_of_the_bits_are_set_in_small_pieces_and_large)
{
    static uint8_t bytes[LARGE];
    random_bytes(bytes, sizeof(bytes));
    unsigned ones = ones_of(bytes, sizeof(bytes));
    EXPECT(ones > 4 * LARGE - 800 && ones < 4 * LARGE + 800);
    for (size_t i = 0; i < LARGE; i += 8) {
        random_bytes(bytes + i, 8);
    }
    ones = ones_of(bytes, sizeof(bytes));
    EXPECT(ones > 4 * LARGE - 800 && ones < 4 * LARGE + 800);
}

TEST(what_is_given_stays_within_its_bounds)
{
    for (size_t size = 0; size <= 200; size++) {
        uint8_t bytes[256] = {0};
        random_bytes(bytes + 8, size);
        EXPECT_EQ(ones_of(bytes, 8), 0);
        EXPECT_EQ(ones_of(bytes + 8 + size, sizeof(bytes) - 8 - size), 0);
    }
}

TEST(new_entropy_changes_what_comes_next)
{
    uint8_t seed[32] = {1};
    uint8_t before[32];
    uint8_t after[32];
    random_bytes(before, sizeof(before));
    random_add(seed, sizeof(seed), 256);
    random_bytes(after, sizeof(after));
    EXPECT(memcmp(before, after, sizeof(before)) != 0);
}

TEST(a_number_is_below_its_limit_and_takes_every_value)
{
    bool was_seen[6] = {false};
    for (unsigned i = 0; i < 400; i++) {
        uint64_t number = random_below(ARRAY_SIZE(was_seen));
        EXPECT(number < ARRAY_SIZE(was_seen));
        was_seen[number] = true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(was_seen); i++) {
        EXPECT(was_seen[i]);
    }
    EXPECT_EQ(random_below(1), 0);
}
