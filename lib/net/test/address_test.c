// SPDX-License-Identifier: Apache-2.0
#include "lib/net/address.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

static status_t parse(const char *text, struct ip_addr *out)
{
    return ip_parse(span_of(text, strlen(text)), out);
}

// An address that the test knows to be one.
static struct ip_addr address(const char *text)
{
    struct ip_addr a = IP_ANY;
    if (parse(text, &a) != OK) {
        test_fail(__FILE__, __LINE__, "%s is no address", text);
    }
    return a;
}

static void expect_text(const char *text, const char *want)
{
    char printed[IP_TEXT_SIZE];
    struct ip_addr a = address(text);
    ip_print(&a, printed);
    EXPECT_STR(printed, want);
}

TEST(addresses_are_printed_as_rfc_5952_wants_them)
{
    expect_text("::", "::");
    expect_text("::1", "::1");
    expect_text("1::", "1::");
    expect_text("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
    expect_text("2001:0db8:0000:0001:0000:0000:0000:0001", "2001:db8:0:1::1");
    expect_text("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
    expect_text("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
    expect_text("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0");
    expect_text("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8");
    expect_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    expect_text("64:ff9b::192.0.2.33", "64:ff9b::c000:221");
    expect_text("::ffff:192.0.2.33", "192.0.2.33");
    expect_text("255.255.255.255", "255.255.255.255");
    expect_text("0.0.0.0", "0.0.0.0");
}

TEST(what_is_no_address_is_refused)
{
    static const char *const bad[] = {
        "",
        ":",
        ":::",
        "1:",
        ":1",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "12345::",
        "g::",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1..2.3",
        "1.2.3.",
        ".1.2.3",
        "1.2.3.0004",
        "::1.2.3",
        "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::ffff:1.2.3.400",
        "fe80::1%eth0",
        "1.2.3.-4",
        "::12 ",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ip_addr a;
        if (parse(bad[i], &a) != ERR_INVAL) {
            test_fail(__FILE__, __LINE__, "%s was taken for an address", bad[i]);
        }
    }
}

TEST(text_of_any_address_reads_back)
{
    struct test_random r = {.state = 0x5eed};
    for (unsigned i = 0; i < 5000; i++) {
        struct ip_addr a = ip4((uint32_t)test_random_next(&r));
        if (i % 4 != 0) {
            // Words that are zero come often, since they are what is left out.
            for (unsigned w = 0; w < 8; w++) {
                uint64_t bits = test_random_next(&r);
                write_be16(a.bytes + 2 * (size_t)w, bits % 2 == 0 ? 0 : (uint16_t)(bits >> 8));
            }
        }
        char text[IP_TEXT_SIZE];
        struct ip_addr back;
        ip_print(&a, text);
        EXPECT_OK(parse(text, &back));
        EXPECT_MEM(back.bytes, a.bytes, IP6_SIZE);
    }
}

TEST(kinds_of_addresses_are_told_apart_in_both_versions)
{
    struct ip_addr a = address("127.8.9.1");
    EXPECT(ip_is_v4(&a) && ip_is_loopback(&a) && !ip_is_multicast(&a) && !ip_is_link_local(&a));
    a = address("::1");
    EXPECT(!ip_is_v4(&a) && ip_is_loopback(&a) && !ip_is_unspecified(&a));
    a = address("239.1.2.3");
    EXPECT(ip_is_multicast(&a) && !ip4_is_broadcast(&a));
    a = address("240.0.0.1");
    EXPECT(!ip_is_multicast(&a));
    a = address("ff02::1");
    EXPECT(ip_is_multicast(&a));
    a = address("169.254.3.4");
    EXPECT(ip_is_link_local(&a));
    a = address("febf::1");
    EXPECT(ip_is_link_local(&a));
    a = address("fec0::1");
    EXPECT(!ip_is_link_local(&a));
    a = address("255.255.255.255");
    EXPECT(ip4_is_broadcast(&a) && !ip_is_multicast(&a));
    a = address("0.0.0.0");
    EXPECT(ip_is_unspecified(&a) && ip_is_v4(&a));
    a = address("::");
    EXPECT(ip_is_unspecified(&a) && !ip_is_v4(&a));
}

TEST(prefixes_match_bit_by_bit_and_never_across_versions)
{
    struct ip_addr a = address("10.1.2.3");
    struct ip_addr p = address("10.1.3.0");
    EXPECT(ip_has_prefix(&a, &p, 23) && !ip_has_prefix(&a, &p, 24) && ip_has_prefix(&a, &p, 0));
    EXPECT(ip_has_prefix(&a, &a, 32) && !ip_has_prefix(&a, &p, 33));
    struct ip_addr any = IP_ANY;
    EXPECT(!ip_has_prefix(&a, &any, 0));
    struct ip_addr b = address("2001:db8:0:1:8000::1");
    struct ip_addr q = address("2001:db8:0:1::");
    EXPECT(ip_has_prefix(&b, &q, 64) && !ip_has_prefix(&b, &q, 65) && ip_has_prefix(&b, &any, 0));
    EXPECT(!ip_has_prefix(&a, &b, 0) && ip_has_prefix(&b, &b, 128));
}

TEST(a_network_is_what_its_prefix_leaves)
{
    struct ip_addr a = address("192.168.77.200");
    struct ip_addr n = ip_network(&a, 26);
    struct ip_addr want = address("192.168.77.192");
    EXPECT(ip_is_equal(&n, &want));
    n = ip_network(&a, 0);
    want = address("0.0.0.0");
    EXPECT(ip_is_equal(&n, &want));
    n = ip_network(&a, 32);
    EXPECT(ip_is_equal(&n, &a));
    a = address("2001:db8:ffff::1");
    n = ip_network(&a, 35);
    want = address("2001:db8:e000::");
    EXPECT(ip_is_equal(&n, &want));
}

TEST(addresses_of_links_for_groups_and_of_groups_for_neighbours)
{
    char text[MAC_TEXT_SIZE];
    struct ip_addr a = address("239.129.2.3");
    struct mac_addr m = ip_multicast_mac(&a);
    mac_print(&m, text);
    EXPECT_STR(text, "01:00:5e:01:02:03");
    a = address("fe80::12:3456:789a");
    a = ip6_solicited_node(&a);
    struct ip_addr want = address("ff02::1:ff56:789a");
    EXPECT(ip_is_equal(&a, &want));
    m = ip_multicast_mac(&a);
    mac_print(&m, text);
    EXPECT_STR(text, "33:33:ff:56:78:9a");
    m = (struct mac_addr){{0x52, 0x54, 0x00, 0x12, 0x34, 0x56}};
    a = ip6_link_local(&m);
    want = address("fe80::5054:ff:fe12:3456");
    EXPECT(ip_is_equal(&a, &want));
}
