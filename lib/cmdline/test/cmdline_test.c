// SPDX-License-Identifier: Apache-2.0
#include "lib/cmdline/cmdline.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

// Whether `key` has the value `want` on the line; NULL: it is not there.
static bool has_value(const char *line, const char *key, const char *want)
{
    struct span value;
    status_t status = cmdline_get(line, strlen(line), key, &value);
    if (want == NULL) {
        return status == ERR_NOENT;
    }
    return status == OK && span_is(value, want);
}

TEST(values_are_found_by_key)
{
    const char *line = "  quiet log=debug\tinit=/bin/init  empty= ";
    EXPECT(has_value(line, "quiet", ""));
    EXPECT(has_value(line, "log", "debug"));
    EXPECT(has_value(line, "init", "/bin/init"));
    EXPECT(has_value(line, "empty", ""));
    EXPECT(has_value(line, "debug", NULL));
}

TEST(a_key_matches_whole_words_only)
{
    EXPECT(has_value("nokaslr", "nokasl", NULL));
    EXPECT(has_value("nokasl", "nokaslr", NULL));
    EXPECT(has_value("xlog=1", "log", NULL));
    EXPECT(has_value("a=log=1", "log", NULL));
    EXPECT(has_value("a=b=c", "a", "b=c"));
    EXPECT(has_value("a b", "a b", NULL));
}

TEST(quotes_hold_blanks_together)
{
    EXPECT(has_value("a=\"x y\" b=1", "a", "x y"));
    EXPECT(has_value("a=\"x b=2\" b=1", "b", "1"));
    EXPECT(has_value("a=\"", "a", "\""));
    EXPECT(has_value("a=\"open b=1", "b", NULL));
}

TEST(the_last_of_several_counts)
{
    EXPECT(has_value("log=info log=debug", "log", "debug"));
}

TEST(the_line_ends_at_its_size_or_at_a_nul)
{
    struct span value;
    EXPECT_STATUS(cmdline_get("quiet", 4, "quiet", &value), ERR_NOENT);
    EXPECT_STATUS(cmdline_get("a\0 quiet", 8, "quiet", &value), ERR_NOENT);
    EXPECT_STATUS(cmdline_get(NULL, 0, "quiet", &value), ERR_NOENT);
    EXPECT_OK(cmdline_get("a=12345", 4, "a", &value));
    EXPECT_EQ(value.size, 2);
}

TEST(a_flag_is_switched_off_by_its_value)
{
    const char *line = "a b=1 c=0 d=no e=off f=yes";
    size_t size = strlen(line);
    EXPECT(cmdline_has(line, size, "a"));
    EXPECT(cmdline_has(line, size, "b"));
    EXPECT(!cmdline_has(line, size, "c"));
    EXPECT(!cmdline_has(line, size, "d"));
    EXPECT(!cmdline_has(line, size, "e"));
    EXPECT(cmdline_has(line, size, "f"));
    EXPECT(!cmdline_has(line, size, "g"));
}

TEST(numbers_are_decimal_or_hexadecimal)
{
    const char *line = "a=42 b=-7 c=0x1F d=9223372036854775807 e=0";
    size_t size = strlen(line);
    static const struct {
        const char *key;
        int64_t value;
    } table[] = {{"a", 42}, {"b", -7}, {"c", 0x1f}, {"d", INT64_MAX}, {"e", 0}};
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        int64_t value;
        EXPECT_OK(cmdline_get_int(line, size, table[i].key, &value));
        EXPECT_EQ(value, table[i].value);
    }
}

TEST(what_is_no_number_is_refused)
{
    static const char *const lines[] = {
        "a",     "a=",    "a=-",  "a=12x", "a=0x", "a=0xg", "a=9223372036854775808",
        "a=1.5", "a=--1", "a=1k", "a=+1",
    };
    int64_t value;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        EXPECT_STATUS(cmdline_get_int(lines[i], strlen(lines[i]), "a", &value), ERR_INVAL);
    }
    EXPECT_STATUS(cmdline_get_int("b=1", 3, "a", &value), ERR_NOENT);
}

// Splits and gives the words joined by '|' in `out`.
static status_t split(const char *command, size_t command_size, char *out, size_t size)
{
    size_t used;
    size_t count;
    status_t status = cmdline_split(span_of(command, command_size), out, size, &used, &count);
    size_t seen = 0;
    for (size_t i = 0; status == OK && i < used; i++) {
        if (out[i] == '\0' && ++seen < count) {
            out[i] = '|';
        }
    }
    if (status == OK && used == 0) {
        out[0] = '\0';
    }
    return status == OK && seen != count ? ERR_IO : status;
}

TEST(a_command_is_split_as_a_shell_does)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"  ", ""},
        {"ls", "ls"},
        {"  ls  -l\t/a ", "ls|-l|/a"},
        {"echo 'a b' \"c 'd\"", "echo|a b|c 'd"},
        {"a'b c'd", "ab cd"},
        {"x '' y", "x||y"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        char out[32];
        EXPECT_OK(split(pairs[i][0], strlen(pairs[i][0]), out, sizeof(out)));
        EXPECT_STR(out, pairs[i][1]);
    }
}

TEST(an_open_quote_or_a_nul_in_a_command_is_refused)
{
    char out[32];
    EXPECT_STATUS(split("echo 'a", 7, out, sizeof(out)), ERR_INVAL);
    EXPECT_STATUS(split("echo \"a'", 8, out, sizeof(out)), ERR_INVAL);
    EXPECT_STATUS(split("a\0b", 3, out, sizeof(out)), ERR_INVAL);
    EXPECT_STATUS(split("'\0'", 3, out, sizeof(out)), ERR_INVAL);
}

TEST(a_command_needs_room_for_every_word_and_its_end)
{
    char out[8] = {0, 0, 0, 0, 0, '!', '!', '!'};
    EXPECT_OK(split("ab cd", 5, out, 6));
    EXPECT_STATUS(split("ab cd", 5, out, 5), ERR_RANGE);
    EXPECT_EQ(out[6], '!');
}

TEST(random_lines_are_read_without_leaving_them)
{
    static const char symbols[] = "ab=\"' \t\\0x-\n";
    struct test_random random = {3};
    for (int round = 0; round < 20000; round++) {
        char line[16];
        char out[12];
        size_t used;
        size_t count;
        struct span value;
        size_t size = test_random_below(&random, sizeof(line) + 1);
        for (size_t i = 0; i < size; i++) {
            line[i] = symbols[test_random_below(&random, sizeof(symbols))];
        }
        // At the end of the buffer, where the sanitizer sees a step too far.
        char *end = line + sizeof(line) - size;
        memmove(end, line, size);
        if (cmdline_get(end, size, "a", &value) == OK) {
            EXPECT(value.data >= (uint8_t *)end);
            EXPECT(value.data + value.size <= (uint8_t *)end + size);
        }
        if (cmdline_split(span_of(end, size), out, sizeof(out), &used, &count) == OK) {
            EXPECT(used <= sizeof(out));
            EXPECT(count <= used);
        }
    }
}
