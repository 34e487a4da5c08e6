// SPDX-License-Identifier: Apache-2.0
#include "lib/netlink/route.h"

#include "tests/harness/test.h"

static uint8_t buffer[1024];
static uint8_t second[1024];
static const struct abi_nlmsghdr header = {.type = ABI_RTM_NEWLINK};

// The payload of the one message in the buffer.
static struct span payload_of(const struct netlink_writer *w)
{
    struct netlink_message m = {};
    struct span rest = span_of(buffer, w->used);
    return netlink_next(&rest, &m) == OK ? m.payload : span_of(NULL, 0);
}

// What was read is what was written if it is written alike: structs have padding, messages do not.
#define EXPECT_WRITTEN_ALIKE(w, emit, got)                                                         \
    do {                                                                                           \
        struct netlink_writer again_;                                                              \
        netlink_writer_init(&again_, second, sizeof(second));                                      \
        EXPECT(emit(&again_, &header, (got)));                                                     \
        EXPECT_EQ(again_.used, (w)->used);                                                         \
        EXPECT_MEM(second, buffer, (w)->used);                                                     \
    } while (0)

static struct ip_addr v6(uint8_t last)
{
    struct ip_addr a = {.bytes = {0x20, 0x01, 0x0d, 0xb8}};
    a.bytes[IP6_SIZE - 1] = last;
    return a;
}

TEST(a_link_comes_back_as_it_was_told)
{
    struct netlink_writer w;
    struct netlink_link got;
    const struct netlink_link l = {.index = 2,
                                   .flags = ABI_IFF_UP,
                                   .change = ABI_IFF_UP,
                                   .mtu = 1500,
                                   .mtu_max = 9000,
                                   .queue = 1024,
                                   .type = 1,
                                   .state = ABI_OPERSTATE_UP,
                                   .has_mac = true,
                                   .mac = {{2, 0, 0, 0, 0, 1}},
                                   .name = "eth0",
                                   .stats = {.packets_in = 1ull << 40, .dropped_out = 3}};
    netlink_writer_init(&w, buffer, sizeof(buffer));
    EXPECT(netlink_link_emit(&w, &header, &l));
    EXPECT_OK(netlink_link_parse(payload_of(&w), &got));
    EXPECT_WRITTEN_ALIKE(&w, netlink_link_emit, &got);
}

static void check_address(const struct netlink_address *a)
{
    struct netlink_writer w;
    struct netlink_address got;
    netlink_writer_init(&w, buffer, sizeof(buffer));
    EXPECT(netlink_address_emit(&w, &header, a));
    EXPECT_OK(netlink_address_parse(payload_of(&w), &got));
    EXPECT_WRITTEN_ALIKE(&w, netlink_address_emit, &got);
}

TEST(an_address_comes_back_as_it_was_told)
{
    check_address(&(struct netlink_address){.address = ip4(0x0a000203),
                                            .broadcast = ip4(0x0a0002ff),
                                            .netif = 2,
                                            .flags = ABI_IFA_F_PERMANENT | ABI_IFA_F_NOPREFIXROUTE,
                                            .family = ABI_AF_INET,
                                            .prefix = 24,
                                            .origin = ABI_IFAPROT_DHCP,
                                            .preferred = 60,
                                            .valid = 90,
                                            .label = "eth0"});
    check_address(&(struct netlink_address){.address = v6(1),
                                            .netif = 3,
                                            .family = ABI_AF_INET6,
                                            .prefix = 64,
                                            .preferred = ABI_LIFETIME_FOREVER,
                                            .valid = ABI_LIFETIME_FOREVER});
}

static void check_route(const struct netlink_route *r)
{
    struct netlink_writer w;
    struct netlink_route got;
    netlink_writer_init(&w, buffer, sizeof(buffer));
    EXPECT(netlink_route_emit(&w, &header, r));
    EXPECT_OK(netlink_route_parse(payload_of(&w), &got));
    EXPECT_WRITTEN_ALIKE(&w, netlink_route_emit, &got);
}

TEST(a_route_comes_back_as_it_was_told)
{
    check_route(&(struct netlink_route){.destination = ip4(0),
                                        .gateway = ip4(0x0a000202),
                                        .netif = 2,
                                        .metric = 100,
                                        .mtu = 1400,
                                        .family = ABI_AF_INET,
                                        .protocol = ABI_RTPROT_DHCP,
                                        .type = ABI_RTN_UNICAST,
                                        .table = ABI_RT_TABLE_MAIN});
    check_route(&(struct netlink_route){.destination = v6(0),
                                        .source = v6(9),
                                        .netif = 1,
                                        .expires = 1800,
                                        .family = ABI_AF_INET6,
                                        .prefix = 64,
                                        .type = ABI_RTN_UNICAST,
                                        .table = ABI_RT_TABLE_MAIN});
}

TEST(a_neighbour_comes_back_as_it_was_told)
{
    struct netlink_writer w;
    struct netlink_neighbour got;
    const struct netlink_neighbour n = {.address = v6(4),
                                        .netif = 2,
                                        .state = ABI_NUD_REACHABLE,
                                        .family = ABI_AF_INET6,
                                        .is_router = true,
                                        .has_mac = true,
                                        .mac = {{1, 2, 3, 4, 5, 6}}};
    netlink_writer_init(&w, buffer, sizeof(buffer));
    EXPECT(netlink_neighbour_emit(&w, &header, &n));
    EXPECT_OK(netlink_neighbour_parse(payload_of(&w), &got));
    EXPECT_WRITTEN_ALIKE(&w, netlink_neighbour_emit, &got);
}

TEST(a_resolver_comes_back_as_it_was_told)
{
    struct netlink_writer w;
    struct netlink_resolver got;
    const struct netlink_resolver r = {.address = v6(53), .netif = 2, .lifetime = 3600};
    netlink_writer_init(&w, buffer, sizeof(buffer));
    EXPECT(netlink_resolver_emit(&w, &header, &r));
    EXPECT_OK(netlink_resolver_parse(payload_of(&w), &got));
    EXPECT_MEM(&got, &r, sizeof(r));
}

TEST(addresses_of_another_size_than_their_version_are_refused)
{
    struct netlink_writer w;
    struct netlink_address got;
    const struct abi_ifaddrmsg m = {.family = ABI_AF_INET};
    netlink_writer_init(&w, buffer, sizeof(buffer));
    netlink_begin(&w, &header);
    netlink_put(&w, &m, sizeof(m));
    netlink_add(&w, ABI_IFA_LOCAL, &m, sizeof(m));
    EXPECT(netlink_end(&w));
    EXPECT_STATUS(netlink_address_parse(payload_of(&w), &got), ERR_INVAL);
}

TEST(a_request_may_be_as_short_as_a_family)
{
    static const uint8_t family[] = {ABI_AF_INET6};
    struct netlink_address a;
    struct netlink_route r;
    EXPECT_OK(netlink_address_parse(span_of(family, 1), &a));
    EXPECT_EQ(a.family, ABI_AF_INET6);
    EXPECT_OK(netlink_route_parse(span_of(family, 1), &r));
    EXPECT_EQ(r.family, ABI_AF_INET6);
    EXPECT_STATUS(netlink_route_parse(span_of(family, 0), &r), ERR_INVAL);
}
