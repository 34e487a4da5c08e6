// SPDX-License-Identifier: Apache-2.0
/* The freestanding functions under names of their own, beside the libc they are compared with. */
// NOLINTBEGIN(readability-identifier-naming)
#define memcpy  plain_memcpy
#define memmove plain_memmove
#define memset  plain_memset
#define memcmp  plain_memcmp
#define memchr  plain_memchr
#define strlen  plain_strlen
#define strnlen plain_strnlen
#define strcmp  plain_strcmp
#define strncmp plain_strncmp
#define strchr  plain_strchr
// NOLINTEND(readability-identifier-naming)
#include "lib/base/freestanding/memory.c" // NOLINT(bugprone-suspicious-include)
#include "lib/base/freestanding/string.c" // NOLINT(bugprone-suspicious-include)

#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { ROOM = 64 };

static void fill(uint8_t *bytes, struct test_random *random)
{
    for (size_t i = 0; i < ROOM; i++) {
        bytes[i] = (uint8_t)test_random_next(random);
    }
}

// Byte by byte, through a copy, so that overlap does not matter.
static void model_move(uint8_t *to, const uint8_t *from, size_t size)
{
    uint8_t copy[ROOM];
    for (size_t i = 0; i < size; i++) {
        copy[i] = from[i];
    }
    for (size_t i = 0; i < size; i++) {
        to[i] = copy[i];
    }
}

TEST(memmove_agrees_with_a_copy_at_every_overlap)
{
    struct test_random random = {1};
    alignas(8) uint8_t bytes[ROOM];
    alignas(8) uint8_t model[ROOM];
    for (int round = 0; round < 20000; round++) {
        fill(bytes, &random);
        model_move(model, bytes, ROOM);
        size_t size = test_random_below(&random, ROOM + 1);
        size_t to = test_random_below(&random, ROOM - size + 1);
        size_t from = test_random_below(&random, ROOM - size + 1);
        EXPECT(memmove(bytes + to, bytes + from, size) == bytes + to);
        model_move(model + to, model + from, size);
        EXPECT_MEM(bytes, model, ROOM);
    }
}

TEST(memcpy_and_memset_touch_only_their_range)
{
    struct test_random random = {2};
    alignas(8) uint8_t bytes[ROOM];
    alignas(8) uint8_t model[ROOM];
    alignas(8) uint8_t source[ROOM];
    for (int round = 0; round < 20000; round++) {
        fill(bytes, &random);
        fill(source, &random);
        model_move(model, bytes, ROOM);
        size_t size = test_random_below(&random, ROOM + 1);
        size_t to = test_random_below(&random, ROOM - size + 1);
        size_t from = test_random_below(&random, ROOM - size + 1);
        EXPECT(memcpy(bytes + to, source + from, size) == bytes + to);
        model_move(model + to, source + from, size);
        EXPECT_MEM(bytes, model, ROOM);
        EXPECT(memset(bytes + from, 0x1c3, size) == bytes + from);
        for (size_t i = 0; i < size; i++) {
            model[from + i] = 0xc3;
        }
        EXPECT_MEM(bytes, model, ROOM);
    }
}

TEST(memcmp_orders_bytes_as_unsigned)
{
    EXPECT_EQ(memcmp("abc", "abd", 2), 0);
    EXPECT(memcmp("abc", "abd", 3) < 0);
    EXPECT(memcmp("\xff", "\x01", 1) > 0);
    EXPECT_EQ(memcmp("a", "b", 0), 0);
}

TEST(memchr_finds_the_first_byte_and_stops_at_the_size)
{
    const char *text = "a-b-c";
    EXPECT(memchr(text, '-', 5) == text + 1);
    EXPECT(memchr(text, 'c', 4) == NULL);
    EXPECT(memchr(text, '\0', 6) == text + 5);
}

TEST(string_lengths)
{
    EXPECT_EQ(strlen(""), 0);
    EXPECT_EQ(strlen("abc"), 3);
    EXPECT_EQ(strnlen("abc", 2), 2);
    EXPECT_EQ(strnlen("abc", 9), 3);
    EXPECT_EQ(strnlen((const char[]){'a', 'b'}, 2), 2);
}

TEST(strings_compare_as_unsigned_bytes)
{
    EXPECT_EQ(strcmp("abc", "abc"), 0);
    EXPECT(strcmp("abc", "abcd") < 0);
    EXPECT(strcmp("\x80", "a") > 0);
    EXPECT_EQ(strncmp("abcX", "abcY", 3), 0);
    EXPECT(strncmp("abcX", "abcY", 4) < 0);
    EXPECT_EQ(strncmp("ab", "ab", 100), 0);
}

TEST(strchr_finds_the_first_one_and_the_end)
{
    const char *text = "key=a=b";
    EXPECT(strchr(text, '=') == text + 3);
    EXPECT(strchr(text, '\0') == text + 7);
    EXPECT(strchr(text, 'z') == NULL);
}
