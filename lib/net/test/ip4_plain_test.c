// SPDX-License-Identifier: Apache-2.0
#include "lib/net/ip4_plain.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

static struct ip4_header any_header(struct test_random *r)
{
    return (struct ip4_header){
        .source = ip4((uint32_t)test_random_next(r) | 0x80000000),
        .destination = ip4((uint32_t)test_random_next(r)),
        .total_size = (uint16_t)(IP4_HEADER_MIN + test_random_below(r, 65000)),
        .id = (uint16_t)test_random_next(r),
        .traffic_class = (uint8_t)test_random_next(r),
        .hop_limit = (uint8_t)test_random_next(r),
        .protocol = (uint8_t)test_random_next(r),
        .dont_fragment = test_random_below(r, 2) == 0,
    };
}

TEST(plain_headers_are_made_as_all_others)
{
    struct test_random r = {.state = 99};
    for (unsigned i = 0; i < 10000 && !test_has_failed(); i++) {
        uint8_t fast[IP4_HEADER_MAX];
        uint8_t slow[IP4_HEADER_MAX];
        struct ip4_header h = any_header(&r);
        ip4_emit_plain(&h, fast);
        EXPECT_EQ(ip4_emit(&h, slow), IP4_HEADER_MIN);
        EXPECT_MEM(fast, slow, IP4_HEADER_MIN);
        EXPECT(ip4_is_plain(fast, IP4_HEADER_MIN, h.total_size));
        EXPECT(!ip4_is_plain(fast, IP4_HEADER_MIN, h.total_size - 1u));
        EXPECT(!ip4_is_plain(fast, IP4_HEADER_MIN - 1, h.total_size));
        fast[test_random_below(&r, IP4_HEADER_MIN)] ^= (uint8_t)(1 + test_random_below(&r, 255));
        EXPECT(!ip4_is_plain(fast, IP4_HEADER_MIN, IP4_PACKET_MAX));
    }
}

TEST(fragments_are_not_plain)
{
    uint8_t bytes[IP4_HEADER_MAX];
    struct ip4_header h = {
        .source = ip4(0xc0000201), .destination = ip4(0xc0000202), .total_size = 100};
    h.has_more = true;
    (void)ip4_emit(&h, bytes);
    EXPECT(!ip4_is_plain(bytes, IP4_HEADER_MIN, 100));
    h.has_more = false;
    h.fragment_offset = 80;
    (void)ip4_emit(&h, bytes);
    EXPECT(!ip4_is_plain(bytes, IP4_HEADER_MIN, 100));
    h.fragment_offset = 0;
    h.has_router_alert = true;
    (void)ip4_emit(&h, bytes);
    EXPECT(!ip4_is_plain(bytes, IP4_HEADER_MIN + 4, 100));
}
