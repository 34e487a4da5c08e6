// SPDX-License-Identifier: Apache-2.0
#include "lib/fmt/fmt.h"

#include <limits.h>

#include "lib/base/string.h"
#include "tests/harness/test.h"

// Whether the format gives `want`, both as text and as length.
static bool prints(const char *want, const char *format, ...) PRINTF(2, 3);

static bool prints(const char *want, const char *format, ...)
{
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    size_t length = fmt_format(text, sizeof(text), format, arguments);
    va_end(arguments);
    return test_check_str(__FILE__, __LINE__, format, text, want) && length == strlen(want);
}

TEST(plain_text_passes_through)
{
    EXPECT(prints("", "%s", ""));
    EXPECT(prints("boot: done", "boot: done"));
    EXPECT(prints("100%", "100%%"));
}

TEST(decimal_numbers_of_every_length)
{
    EXPECT(prints("0", "%d", 0));
    EXPECT(prints("-2147483648", "%d", INT32_MIN));
    EXPECT(prints("4294967295", "%u", UINT32_MAX));
    EXPECT(prints("4294967296", "%lu", 1ul << 32));
    EXPECT(prints("-9223372036854775808", "%lld", LLONG_MIN));
    EXPECT(prints("18446744073709551615", "%zu", SIZE_MAX));
    EXPECT(prints("-1 255", "%hhd %hhu", (signed char)-1, (unsigned char)255));
    EXPECT(prints("-2 65535", "%hd %hu", (short)-2, (unsigned short)65535));
    EXPECT(prints("-3 4", "%td %jd", (ptrdiff_t)-3, (intmax_t)4));
}

TEST(a_short_length_cuts_the_argument_down)
{
    int wide = 0x12345;
    EXPECT(prints("45 2345", "%hhx %hx", (unsigned char)wide, (unsigned short)wide));
}

TEST(hexadecimal_and_octal)
{
    EXPECT(prints("deadbeef DEADBEEF", "%x %X", 0xdeadbeefu, 0xdeadbeefu));
    EXPECT(prints("0x1f 0X1F 0", "%#x %#X %#x", 0x1fu, 0x1fu, 0u));
    EXPECT(prints("17 017 0", "%o %#o %#o", 15u, 15u, 0u));
    EXPECT(prints("1777777777777777777777", "%llo", ULLONG_MAX));
    EXPECT(prints("ffff000000000000", "%lx", 0xffff000000000000ul));
}

TEST(width_and_flags_pad_numbers)
{
    EXPECT(prints("[    7]", "[%5d]", 7));
    EXPECT(prints("[7    ]", "[%-5d]", 7));
    EXPECT(prints("[00007]", "[%05d]", 7));
    EXPECT(prints("[-0007]", "[%05d]", -7));
    EXPECT(prints("[+7][ 7]", "[%+d][% d]", 7, 7));
    EXPECT(prints("[0x00ff]", "[%#06x]", 0xffu));
    EXPECT(prints("[  0xff]", "[%#6x]", 0xffu));
    EXPECT(prints("[   42]", "[%*d]", 5, 42));
    EXPECT(prints("[42   ]", "[%*d]", -5, 42));
}

TEST(precision_is_the_least_number_of_digits)
{
    EXPECT(prints("[007]", "[%.3d]", 7));
    EXPECT(prints("[  007]", "[%5.3d]", 7));
    EXPECT(prints("[ -007]", "[%5.3d]", -7));
    EXPECT(prints("[]", "[%.0d]", 0));
    EXPECT(prints("[0]", "[%#.0o]", 0u));
    EXPECT(prints("[0007]", "[%.*d]", 4, 7));
    EXPECT(prints("[7]", "[%.*d]", -4, 7));
}

TEST(strings_and_characters)
{
    const char *nothing = NULL;
    EXPECT(prints("a (null) b", "a %s b", nothing));
    EXPECT(prints("[  abc][abc  ]", "[%5s][%-5s]", "abc", "abc"));
    EXPECT(prints("[ab]", "[%.2s]", "abc"));
    EXPECT(prints("[   ab]", "[%5.2s]", "abc"));
    EXPECT(prints("x[  y]", "%c[%3c]", 'x', 'y'));
}

TEST(a_precision_stops_before_the_end_of_an_unterminated_string)
{
    char raw[3] = {'a', 'b', 'c'};
    EXPECT(prints("abc", "%.*s", 3, raw));
}

TEST(pointers_are_hexadecimal)
{
    EXPECT(prints("0xffffa00000000010", "%p", (void *)0xffffa00000000010ul));
    EXPECT(prints("0x0", "%p", NULL));
}

TEST(a_small_buffer_cuts_the_text_and_stays_terminated)
{
    char text[8];
    memset(text, '!', sizeof(text));
    EXPECT_EQ(fmt_print(text, 4, "%s=%08x", "key", 0xabcu), 12);
    EXPECT_STR(text, "key");
    EXPECT_EQ(text[4], '!');
    EXPECT_EQ(fmt_print(text, 1, "abc"), 3);
    EXPECT_STR(text, "");
    EXPECT_EQ(fmt_print(NULL, 0, "%d", 12345), 5);
}

TEST(a_huge_width_is_counted_without_being_written)
{
    char text[4];
    EXPECT_EQ(fmt_print(text, sizeof(text), "%*d", INT32_MAX, 1), INT32_MAX);
    EXPECT_STR(text, "   ");
    EXPECT_EQ(fmt_print(text, sizeof(text), "%*d", INT32_MIN, 1), INT32_MAX);
}

// For formats that the compiler would refuse.
static size_t (*const print_unchecked)(char *, size_t, const char *, ...) = fmt_print;

TEST(an_unknown_conversion_is_printed_as_it_stands)
{
    char text[16];
    EXPECT_EQ(print_unchecked(text, sizeof(text), "%q %5"), 5);
    EXPECT_STR(text, "%q %5");
}

TEST(left_wins_over_zero_padding)
{
    char text[16];
    EXPECT_EQ(print_unchecked(text, sizeof(text), "[%0-5d]", 7), 7);
    EXPECT_STR(text, "[7    ]");
}
