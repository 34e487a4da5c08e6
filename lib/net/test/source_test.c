// SPDX-License-Identifier: Apache-2.0
/* The examples of RFC 6724, 10.1, and what follows from the rules. */
#include "lib/net/source.h"

#include "tests/harness/test.h"

static struct ip_addr address(const char *text)
{
    struct ip_addr a = IP_ANY;
    if (ip_parse(span_of(text, strlen(text)), &a) != OK) {
        test_fail(__FILE__, __LINE__, "not an address: %s", text);
    }
    return a;
}

static struct source_candidate candidate(const char *text)
{
    struct source_candidate c = {.address = address(text), .prefix = 64, .is_outgoing = true};
    return c;
}

// The first is better than the second, whatever their order.
static void expect_better(const char *first, const char *second, const char *destination)
{
    struct source_candidate a = candidate(first);
    struct source_candidate b = candidate(second);
    struct ip_addr d = address(destination);
    EXPECT(source_is_better(&a, &b, &d));
    EXPECT(!source_is_better(&b, &a, &d));
}

TEST(the_rfcs_examples_come_out)
{
    expect_better("2001:db8:3::1", "fe80::1", "2001:db8:1::1");
    expect_better("2001:db8:3::1", "fe80::1", "ff05::1");
    expect_better("2001:db8:1::1", "2001:db8:2::1", "2001:db8:1::1"); // the same address
    expect_better("fe80::2", "2001:db8:1::1", "fe80::1");
    expect_better("2001:db8:1::2", "2001:db8:3::2", "2001:db8:1::1");
    expect_better("2001:db8:1::2", "2002:c633:6401::2", "2001:db8:1::1");
    expect_better("2002:c633:6401::d5e3:7953:13eb:22e8", "2001:db8:1::2", "2002:c633:6401::1");
}

TEST(one_address_is_no_better_than_itself)
{
    struct source_candidate a = candidate("2001:db8::1");
    struct ip_addr d = address("2001:db8::2");
    EXPECT(!source_is_better(&a, &a, &d));
}

TEST(deprecated_addresses_and_those_of_other_links_come_later)
{
    struct source_candidate old = candidate("2001:db8:1::2");
    struct source_candidate fresh = candidate("2001:db8:9::2");
    struct ip_addr d = address("2001:db8:1::1");
    old.is_deprecated = true;
    EXPECT(source_is_better(&fresh, &old, &d));
    old.is_deprecated = false;
    old.is_outgoing = false;
    EXPECT(source_is_better(&fresh, &old, &d));
}

TEST(ipv4_prefers_the_same_network_and_a_wide_scope)
{
    expect_better("192.0.2.7", "169.254.3.3", "198.51.100.1");
    expect_better("169.254.3.3", "192.0.2.7", "169.254.8.8");
    struct source_candidate near = candidate("192.0.2.7");
    struct source_candidate far = candidate("10.0.0.7");
    near.prefix = 24;
    far.prefix = 8;
    struct ip_addr d = address("192.0.2.99");
    EXPECT(source_is_better(&near, &far, &d));
}

TEST(unique_local_addresses_talk_to_their_own_kind)
{
    expect_better("fd00:1::1", "2001:db8::1", "fd00:2::1");
    expect_better("2001:db8::1", "fd00:1::1", "2001:4860::1");
}
