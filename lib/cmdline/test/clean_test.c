// SPDX-License-Identifier: Apache-2.0
#include "lib/cmdline/cmdline.h"
#include "tests/harness/test.h"

struct text {
    char bytes[32];
    size_t length;
};

static struct text clean(const char *file, size_t size)
{
    struct text text = {0};
    memset(text.bytes, '#', sizeof(text.bytes));
    memcpy(text.bytes, file, size);
    text.length = cmdline_clean(text.bytes, size);
    return text;
}

TEST(the_end_of_line_of_a_text_file_goes)
{
    struct text text = clean("quiet run=x\r\n", 13);
    EXPECT_STR(text.bytes, "quiet run=x");
    EXPECT_EQ(text.length, 11);
}

TEST(line_ends_and_control_characters_separate_words)
{
    struct text text = clean("a\nb\x1b\x7f"
                             "c\td",
                             8);
    EXPECT_STR(text.bytes, "a b  c d");
}

TEST(blanks_at_both_ends_go)
{
    EXPECT_STR(clean("\t a  b \n\n", 9).bytes, "a  b");
}

TEST(a_nul_ends_the_line)
{
    EXPECT_STR(clean("a\0b", 3).bytes, "a");
}

TEST(a_file_of_blanks_is_an_empty_line)
{
    EXPECT_STR(clean(" \n", 2).bytes, "");
    EXPECT_STR(clean("", 0).bytes, "");
}

TEST(a_line_that_fills_its_file_gets_its_nul_behind_it)
{
    struct text text = clean("abc", 3);
    EXPECT_STR(text.bytes, "abc");
    EXPECT_EQ(text.bytes[4], '#');
}

TEST(characters_beyond_ascii_stay)
{
    EXPECT_STR(clean("\xc3\xa9", 2).bytes, "\xc3\xa9");
}
