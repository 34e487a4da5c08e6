// SPDX-License-Identifier: Apache-2.0
#include "lib/dns/name.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

static char printed[DNS_NAME_TEXT_SIZE];

static status_t parse(const char *text, struct dns_name *n)
{
    return dns_name_parse(span_of(text, strlen(text)), n);
}

static const char *print(const struct dns_name *n)
{
    (void)dns_name_print(n, printed, sizeof(printed));
    return printed;
}

static void expect_text(const char *text, const char *want)
{
    struct dns_name n;
    EXPECT_OK(parse(text, &n));
    EXPECT_STR(print(&n), want);
}

TEST(names_are_labels_between_dots)
{
    struct dns_name n;
    EXPECT_OK(parse("ab.c", &n));
    EXPECT_EQ(n.size, 6);
    EXPECT_MEM(n.bytes, "\2ab\1c", 6);
    expect_text("www.Example.com.", "www.Example.com");
    expect_text(".", ".");
    expect_text("a\\.b\\\\.c", "a\\.b\\\\.c");
    expect_text("\\000\\255 x\x7f", "\\000\\255\\032x\\127");
}

TEST(what_is_no_name_is_refused)
{
    static const char *const bad[] = {"",   "..",   "a..b",  ".a",    "a..",
                                      "\\", "\\25", "\\256", "a.\\1x"};
    struct dns_name n;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        EXPECT_STATUS(parse(bad[i], &n), ERR_INVAL);
    }
}

TEST(labels_and_names_have_their_greatest_sizes)
{
    char text[260];
    struct dns_name n;
    memset(text, 'a', sizeof(text));
    EXPECT_OK(dns_name_parse(span_of(text, 63), &n));
    EXPECT_STATUS(dns_name_parse(span_of(text, 64), &n), ERR_INVAL);
    text[63] = text[127] = text[191] = '.';
    EXPECT_OK(dns_name_parse(span_of(text, 253), &n)); // 255 bytes on the wire
    EXPECT_EQ(n.size, DNS_NAME_MAX);
    EXPECT_STATUS(dns_name_parse(span_of(text, 254), &n), ERR_NAMETOOLONG);
}

TEST(text_of_any_name_reads_back)
{
    struct test_random r = {.state = 21};
    for (unsigned turn = 0; turn < 2000; turn++) {
        struct dns_name n = {};
        struct dns_name back;
        size_t limit = test_random_below(&r, DNS_NAME_MAX);
        while (n.size < limit) {
            size_t size = 1 + test_random_below(&r, DNS_LABEL_MAX);
            size = n.size + size + 1 < DNS_NAME_MAX - 1u ? size : 1;
            if (n.size + size + 1 > DNS_NAME_MAX - 1u) {
                break;
            }
            n.bytes[n.size++] = (uint8_t)size;
            for (size_t i = 0; i < size; i++) {
                n.bytes[n.size++] = (uint8_t)test_random_next(&r);
            }
        }
        n.bytes[n.size++] = 0;
        EXPECT_OK(parse(print(&n), &back));
        EXPECT_EQ(back.size, n.size);
        EXPECT_MEM(back.bytes, n.bytes, n.size);
    }
}

TEST(text_that_is_cut_says_how_long_it_is)
{
    struct dns_name n;
    char small[5];
    EXPECT_OK(parse("abc.def", &n));
    EXPECT_EQ(dns_name_print(&n, small, sizeof(small)), 7);
    EXPECT_STR(small, "abc.");
    EXPECT_EQ(dns_name_print(&n, small, 0), 7);
}

TEST(pointers_lead_to_what_was_said_before)
{
    static const uint8_t message[] = "\3com\0\7example\xc0\0\3www\xc0\5";
    struct dns_name n;
    size_t at = 15;
    EXPECT_OK(dns_name_read(span_of(message, 21), &at, &n));
    EXPECT_EQ(at, 21);
    EXPECT_STR(print(&n), "www.example.com");
    at = 5;
    EXPECT_OK(dns_name_read(span_of(message, 21), &at, &n));
    EXPECT_EQ(at, 15);
    EXPECT_STR(print(&n), "example.com");
    at = 15;
    EXPECT_STATUS(dns_name_read_plain(span_of(message, 21), &at, &n), ERR_INVAL);
}

TEST(pointers_that_loop_or_lead_forward_are_refused)
{
    static const uint8_t self[] = {0xc0, 0};
    static const uint8_t forward[] = {0xc0, 2, 0};
    static const uint8_t round[] = {1, 'a', 0xc0, 0};
    static const uint8_t pair[] = {0xc0, 2, 0xc0, 0};
    struct dns_name n;
    size_t at = 0;
    EXPECT_STATUS(dns_name_read(span_of(self, 2), &at, &n), ERR_INVAL);
    EXPECT_STATUS(dns_name_read(span_of(forward, 3), &at, &n), ERR_INVAL);
    EXPECT_STATUS(dns_name_read(span_of(round, 4), &at, &n), ERR_INVAL);
    at = 2;
    EXPECT_STATUS(dns_name_read(span_of(round, 4), &at, &n), ERR_INVAL);
    EXPECT_STATUS(dns_name_read(span_of(pair, 4), &at, &n), ERR_INVAL);
}

TEST(names_that_are_cut_or_have_strange_labels_are_refused)
{
    static const uint8_t bytes[] = {2, 'a', 'b', 1, 'c', 0};
    static const uint8_t strange[] = {0x41, 'a', 0};
    struct dns_name n;
    for (size_t size = 0; size < sizeof(bytes); size++) {
        size_t at = 0;
        EXPECT_STATUS(dns_name_read(span_of(bytes, size), &at, &n), ERR_INVAL);
    }
    size_t at = 0;
    EXPECT_STATUS(dns_name_read(span_of(strange, 3), &at, &n), ERR_INVAL);
}

TEST(case_does_not_matter_and_hosts_have_plain_names)
{
    struct dns_name a;
    struct dns_name b;
    EXPECT_OK(parse("WWW.Example.com", &a));
    EXPECT_OK(parse("www.example.COM", &b));
    EXPECT(dns_name_is_equal(&a, &b) && dns_name_is_host(&a));
    EXPECT_OK(parse("xww.example.com", &b));
    EXPECT(!dns_name_is_equal(&a, &b));
    EXPECT_OK(parse("A0-Z9", &a));
    EXPECT_OK(parse("a0-z9", &b));
    EXPECT(dns_name_is_equal(&a, &b) && dns_name_is_host(&a));
    EXPECT_OK(parse("www.example.com", &a));
    EXPECT_OK(parse("www.example.co", &b));
    EXPECT(!dns_name_is_equal(&a, &b));
    EXPECT_OK(parse("a-1.b_c", &a));
    EXPECT(dns_name_is_host(&a));
    EXPECT_OK(parse("-a", &a));
    EXPECT(!dns_name_is_host(&a));
    EXPECT_OK(parse("a b", &a));
    EXPECT(!dns_name_is_host(&a));
    EXPECT_OK(parse(".", &a));
    EXPECT(!dns_name_is_host(&a));
}
