// SPDX-License-Identifier: Apache-2.0
#include "lib/base/words.h"

#include "tests/harness/alloc.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { MOST = 40 };

// In memory of exactly their size, so that a sanitizer sees what is read beside them.
static uint8_t *letters(size_t size, struct test_random *random)
{
    uint8_t *bytes = test_alloc(size == 0 ? 1 : size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)('a' + test_random_next(random) % 26);
    }
    return bytes;
}

TEST(a_byte_is_found_at_every_place_in_strings_of_every_size)
{
    struct test_random random = {1};
    for (size_t size = 0; size <= MOST; size++) {
        uint8_t *bytes = letters(size, &random);
        EXPECT_EQ(words_find(bytes, size, '/'), size);
        for (size_t at = size; at-- > 0;) {
            bytes[at] = '/'; // those behind it stay
            EXPECT_EQ(words_find(bytes, size, '/'), at);
        }
        test_free(bytes);
    }
}

TEST(bytes_that_differ_by_one_are_not_taken_for_it)
{
    const uint8_t near[] = {0x2e, 0x30, 0xaf, 0x2e, 0x30, 0x00, 0xff, 0x2d, 0x30};
    EXPECT_EQ(words_find(near, sizeof(near), 0x2f), sizeof(near));
}

TEST(strings_are_equal_only_byte_for_byte_and_then_hash_alike)
{
    struct test_random random = {2};
    for (size_t size = 0; size <= MOST; size++) {
        uint8_t *a = letters(size, &random);
        uint8_t *b = test_alloc(size == 0 ? 1 : size);
        memcpy(b, a, size);
        EXPECT(words_equal(a, b, size));
        EXPECT_EQ(words_hash(a, size), words_hash(b, size));
        for (size_t at = 0; at < size; at++) {
            b[at] ^= 0x10;
            EXPECT(!words_equal(a, b, size));
            EXPECT(words_hash(a, size) != words_hash(b, size));
            b[at] ^= 0x10;
        }
        test_free(a);
        test_free(b);
    }
}

TEST(hashes_of_names_that_count_up_spread)
{
    uint8_t used[1024] = {};
    size_t most = 0;
    for (unsigned i = 0; i < 4096; i++) {
        uint8_t name[] = {'f',
                          'i',
                          'l',
                          'e',
                          (uint8_t)('0' + i / 512),
                          (uint8_t)('0' + i / 64 % 8),
                          (uint8_t)('0' + i / 8 % 8),
                          (uint8_t)('0' + i % 8)};
        uint8_t *chain = &used[words_hash(name, sizeof(name)) >> 54];
        (*chain)++;
        most = *chain > most ? *chain : most;
    }
    EXPECT(most <= 20); // 4 on the average
}
