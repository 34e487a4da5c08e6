// SPDX-License-Identifier: Apache-2.0
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/http/condition.h"
#include "lib/http/date.h"
#include "lib/http/range.h"
#include "lib/http/target.h"
#include "tests/harness/test.h"

static struct span text(const char *s)
{
    return s == NULL ? (struct span){} : span_of(s, strlen(s));
}

static const char *path_of(const char *target)
{
    static char out[64];
    size_t length;
    switch (http_target_decode(text(target), out, sizeof(out), &length)) {
    case HTTP_TARGET_PATH: return length == strlen(out) ? out : "length";
    case HTTP_TARGET_BAD: return "bad";
    case HTTP_TARGET_OUTSIDE: return "outside";
    default: return "long";
    }
}

TEST(targets_become_paths_below_the_root)
{
    static const char *const pairs[][2] = {
        {"/", "/"},
        {"/a", "/a"},
        {"/a/b/", "/a/b/"},
        {"/a//b", "/a/b"},
        {"/a/./b/.", "/a/b/"},
        {"/a/b/../c", "/a/c"},
        {"/a/b/..", "/a/"},
        {"/a/..", "/"},
        {"/a%20b", "/a b"},
        {"/%61/%2e%2E/b", "/b"},
        {"/a?b=/../../c", "/a"},
        {"/?x", "/"},
        {"/a#b", "/a"},
        {"http://host/a/b", "/a/b"},
        {"HTTP://host:80", "/"},
        {"http://host?q", "/"},
        {"https://h/x", "/x"},
        {"/...", "/..."},
        {"/.a/..b", "/.a/..b"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        EXPECT_STR(path_of(pairs[i][0]), pairs[i][1]);
    }
}

TEST(targets_above_the_root_are_refused)
{
    EXPECT_STR(path_of("/.."), "outside");
    EXPECT_STR(path_of("/a/../.."), "outside");
    EXPECT_STR(path_of("/%2e%2e/etc/passwd"), "outside");
    EXPECT_STR(path_of("/a/..//../x"), "outside");
}

TEST(targets_that_are_none_are_refused)
{
    static const char *const bad[] = {"",     "*",    "a",     "/%",   "/%2",      "/%zz",
                                      "/%00", "/%2f", "//%2F", "/a%0", "host:443", "/a%2fb"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        EXPECT_STR(path_of(bad[i]), "bad");
    }
    size_t length;
    char out[64];
    EXPECT_EQ(http_target_decode(span_of("/a\0b", 4), out, sizeof(out), &length), HTTP_TARGET_BAD);
}

TEST(a_target_fits_its_room_or_is_too_long)
{
    char target[80];
    memset(target, 'x', sizeof(target));
    target[0] = '/';
    target[62] = '\0';
    EXPECT_EQ(strlen(path_of(target)), 62);
    target[62] = 'x';
    target[63] = '\0';
    EXPECT_STR(path_of(target), "long");
}

static enum http_ranges ranges(const char *value, uint64_t size, struct http_range out[static 3],
                               size_t *count)
{
    return http_ranges_parse(text(value), size, out, 3, count);
}

TEST(ranges_are_cut_to_what_there_is)
{
    struct http_range r[3];
    size_t count;
    EXPECT_EQ(ranges("bytes=0-0, 5-99,-2", 10, r, &count), HTTP_RANGES_IGNORE); // -2 is in 5-9
    EXPECT_EQ(ranges("bytes=0-0, 5-6,-2", 10, r, &count), HTTP_RANGES_SOME);
    EXPECT_EQ(count, 3);
    EXPECT_EQ(r[0].first, 0);
    EXPECT_EQ(r[0].last, 0);
    EXPECT_EQ(r[1].first, 5);
    EXPECT_EQ(r[2].first, 8);
    EXPECT_EQ(r[2].last, 9);
    EXPECT_EQ(ranges("bytes=4-", 10, r, &count), HTTP_RANGES_SOME);
    EXPECT_EQ(r[0].last, 9);
    EXPECT_EQ(ranges("BYTES=-99999999999999999999999", 10, r, &count), HTTP_RANGES_SOME);
    EXPECT_EQ(r[0].first, 0);
}

TEST(ranges_beyond_the_end_cannot_be_satisfied)
{
    struct http_range r[3];
    size_t count;
    EXPECT_EQ(ranges("bytes=10-", 10, r, &count), HTTP_RANGES_NONE);
    EXPECT_EQ(ranges("bytes=-0", 10, r, &count), HTTP_RANGES_NONE);
    EXPECT_EQ(ranges("bytes=-5", 0, r, &count), HTTP_RANGES_NONE);
    EXPECT_EQ(ranges("bytes=10-20,3-3", 10, r, &count), HTTP_RANGES_SOME);
    EXPECT_EQ(count, 1);
}

TEST(what_is_no_set_of_ranges_is_ignored)
{
    static const char *const bad[] = {
        "",          "bytes",     "bytes=",       "lines=1-2",
        "bytes=-",   "bytes=5-4", "bytes=1-2;",   "bytes=a-b",
        "bytes=1 2", "bytes=,",   "bytes=1-2x,3", "bytes=1-1,2-2,3-3,4-4"};
    struct http_range r[3];
    size_t count;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        EXPECT_EQ(ranges(bad[i], 10, r, &count), HTTP_RANGES_IGNORE);
    }
}

TEST(dates_are_written_and_read)
{
    static const int64_t some[] = {0, 784111777, 951782400, 4102444799, -1, 68169599999};
    for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
        char out[HTTP_DATE_SIZE];
        int64_t again;
        http_date_format(some[i], out);
        EXPECT_EQ(strlen(out), HTTP_DATE_SIZE - 1);
        EXPECT(http_date_parse(text(out), 0, &again));
        EXPECT_EQ(again, some[i]);
    }
}

TEST(all_three_forms_of_a_date_are_one)
{
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        int64_t seconds;
        EXPECT(http_date_parse(text(forms[i]), 1795687200, &seconds));
        EXPECT_EQ(seconds, 784111777);
    }
    int64_t seconds;
    EXPECT(!http_date_parse(text("Sun, 06 Nov 1994 08:49:37"), 0, &seconds));
    EXPECT(!http_date_parse(text("Sun, 06 Nov 1994 24:49:37 GMT"), 0, &seconds));
    EXPECT(!http_date_parse(text(""), 0, &seconds));
}

static const struct http_representation thing = {
    .etag = {.data = (const uint8_t *)"\"x-1\"", .size = 5},
    .modified = 784111777,
    .now = 1795687200};

static enum http_verdict judge(const char *match, const char *none_match, const char *since,
                               const char *unmodified)
{
    struct http_conditions c = {.if_match = text(match),
                                .if_none_match = text(none_match),
                                .if_modified_since = text(since),
                                .if_unmodified_since = text(unmodified)};
    return http_conditions_evaluate(&c, &thing);
}

TEST(conditions_are_judged_in_the_order_of_the_standard)
{
    static const char at[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    static const char before[] = "Sun, 06 Nov 1994 08:49:36 GMT";
    EXPECT_EQ(judge(NULL, NULL, NULL, NULL), HTTP_PROCEED);
    EXPECT_EQ(judge(NULL, "\"x-1\"", NULL, NULL), HTTP_NOT_MODIFIED);
    EXPECT_EQ(judge(NULL, "W/\"x-1\"", NULL, NULL), HTTP_NOT_MODIFIED);
    EXPECT_EQ(judge(NULL, "\"a,b\", \"x-1\"", NULL, NULL), HTTP_NOT_MODIFIED);
    EXPECT_EQ(judge(NULL, "*", NULL, NULL), HTTP_NOT_MODIFIED);
    EXPECT_EQ(judge(NULL, "\"other\"", at, NULL), HTTP_PROCEED); // the tag comes first
    EXPECT_EQ(judge(NULL, NULL, at, NULL), HTTP_NOT_MODIFIED);
    EXPECT_EQ(judge(NULL, NULL, before, NULL), HTTP_PROCEED);
    EXPECT_EQ(judge(NULL, NULL, "nonsense", NULL), HTTP_PROCEED);
    EXPECT_EQ(judge("\"x-1\"", NULL, NULL, before), HTTP_PROCEED);
    EXPECT_EQ(judge("W/\"x-1\"", NULL, NULL, NULL), HTTP_FAILED);
    EXPECT_EQ(judge("\"y\"", NULL, NULL, NULL), HTTP_FAILED);
    EXPECT_EQ(judge(NULL, NULL, NULL, before), HTTP_FAILED);
    EXPECT_EQ(judge(NULL, NULL, NULL, at), HTTP_PROCEED);
    EXPECT_EQ(judge(NULL, "\"unclosed", NULL, NULL), HTTP_PROCEED);
}

TEST(if_range_holds_for_the_same_representation_only)
{
    static const struct {
        const char *value;
        bool holds;
    } cases[] = {{NULL, true},
                 {"\"x-1\"", true},
                 {"W/\"x-1\"", false},
                 {"\"y\"", false},
                 {"*", false},
                 {"Sun, 06 Nov 1994 08:49:37 GMT", true},
                 {"Sun, 06 Nov 1994 08:49:38 GMT", false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_conditions c = {.if_range = text(cases[i].value)};
        EXPECT_EQ(http_if_range_holds(&c, &thing), cases[i].holds);
    }
}
