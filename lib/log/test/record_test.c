// SPDX-License-Identifier: Apache-2.0
#include "lib/log/record.h"

#include "lib/base/bits.h"
#include "tests/harness/test.h"

static void format(const struct log_record *r, const char *text, char *line)
{
    size_t len = log_format_line(r, text, line);
    EXPECT(len < LOG_LINE_MAX);
    line[len] = '\0';
}

static struct span text_of(const char *s)
{
    return span_of(s, strlen(s));
}

TEST(a_line_has_time_source_and_text)
{
    struct log_record r = {.time = 1234567, .source = "mm", .level = LOG_INFO, .text_len = 5};
    char line[LOG_LINE_MAX + 1];
    format(&r, "hello, not this", line);
    EXPECT_STR(line, "[    0.001234] mm: hello\n");
}

TEST(errors_and_warnings_are_marked)
{
    struct log_record r = {.time = 98765 * NSEC_PER_SEC, .source = "gic", .text_len = 1};
    char line[LOG_LINE_MAX + 1];
    r.level = LOG_ERROR;
    format(&r, "x", line);
    EXPECT_STR(line, "[98765.000000] gic: error: x\n");
    r.level = LOG_WARN;
    format(&r, "x", line);
    EXPECT_STR(line, "[98765.000000] gic: warning: x\n");
}

TEST(control_characters_cannot_reach_the_line)
{
    struct log_record r = {.source = "p", .level = LOG_DEBUG, .text_len = 6};
    char line[LOG_LINE_MAX + 1];
    format(&r, "\n\x1b[a\x7f\x80", line);
    EXPECT_STR(line, "[    0.000000] p: ??[a?\x80\n");
}

TEST(the_longest_line_fits_and_may_be_built_over_its_own_text)
{
    struct log_record r = {.time = UINT64_MAX,
                           .source = "a source with a name that is far too long for a line",
                           .level = LOG_WARN,
                           .text_len = LOG_TEXT_MAX};
    char line[LOG_LINE_MAX];
    memset(line + LOG_PREFIX_MAX, 'x', LOG_TEXT_MAX);
    line[LOG_LINE_MAX - 2] = 'y';
    size_t len = log_format_line(&r, line + LOG_PREFIX_MAX, line);
    EXPECT(len <= LOG_LINE_MAX);
    EXPECT_EQ(line[len - 1], '\n');
    EXPECT_EQ(line[len - 2], 'y');
    EXPECT_EQ(line[len - 3], 'x');
    EXPECT_EQ(line[len - 1 - LOG_TEXT_MAX], 'x');
    EXPECT_EQ(line[len - 2 - LOG_TEXT_MAX], ' ');
}

TEST(a_level_is_a_name_or_a_number)
{
    static const char *const names[] = {"error", "warn", "info", "debug", "0", "1", "2", "3"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        enum log_level level;
        EXPECT(log_parse_level(text_of(names[i]), &level));
        EXPECT_EQ(level, i % 4);
    }
}

TEST(what_is_no_level_is_refused)
{
    static const char *const names[] = {"", "4", "-1", "err", "errors", "INFO", "00"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        enum log_level level;
        EXPECT(!log_parse_level(text_of(names[i]), &level));
    }
}

TEST(a_filter_has_a_general_level_and_levels_of_sources)
{
    struct span filter = text_of("warn,mm:debug,gic:0,mm:info");
    EXPECT(log_filter_is_valid(filter));
    EXPECT_EQ(log_filter_level(filter, "mm"), LOG_INFO);
    EXPECT_EQ(log_filter_level(filter, "gic"), LOG_ERROR);
    EXPECT_EQ(log_filter_level(filter, "gi"), LOG_WARN);
    EXPECT_EQ(log_filter_level(filter, "other"), LOG_WARN);
}

TEST(a_filter_of_another_form_is_refused)
{
    static const char *const filters[] = {"",         "mm:info",    "warn,,mm:1", "warn,mm",
                                          "warn,mm:", "warn,:info", "loud",       "warn,mm:info:1"};
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
        EXPECT(!log_filter_is_valid(text_of(filters[i])));
    }
}
