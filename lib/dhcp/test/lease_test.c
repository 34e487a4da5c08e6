// SPDX-License-Identifier: Apache-2.0
#include "lib/dhcp/lease.h"

#include "tests/harness/test.h"

static struct dhcp_message offer(uint32_t address, uint8_t prefix)
{
    return (struct dhcp_message){.type = DHCP_ACK,
                                 .yours = ip4(address),
                                 .prefix = prefix,
                                 .server = ip4(0x0a000001),
                                 .lease_s = 3600};
}

static void expect_check(uint32_t address, uint8_t prefix, status_t want)
{
    struct dhcp_message m = offer(address, prefix);
    EXPECT_STATUS(dhcp_lease_check(&m), want);
}

TEST(an_address_is_one_that_a_host_of_the_network_can_have)
{
    expect_check(0x0a000005, 24, OK);
    expect_check(0x0a000005, 32, OK);
    expect_check(0x0a000004, 31, OK);
    expect_check(0x0a000005, 31, OK);
    expect_check(0x0a000004, 30, ERR_INVAL);
    expect_check(0x0a000007, 30, ERR_INVAL);
    expect_check(0x0a000006, 30, OK);
    expect_check(0x0a000000, 24, ERR_INVAL);
    expect_check(0x0a0000ff, 24, ERR_INVAL);
    expect_check(0x0a0000ff, 16, OK);
    expect_check(0x7f000001, 24, ERR_INVAL);
    expect_check(0xe0000001, 24, ERR_INVAL);
    expect_check(0x00000005, 24, ERR_INVAL);
    expect_check(0xffffffff, 32, ERR_INVAL);
}

TEST(an_offer_without_server_or_time_is_none)
{
    struct dhcp_message m = offer(0x0a000005, 24);
    m.lease_s = 0;
    EXPECT_STATUS(dhcp_lease_check(&m), ERR_INVAL);
    m = offer(0x0a000005, 24);
    m.server = IP_ANY;
    EXPECT_STATUS(dhcp_lease_check(&m), ERR_INVAL);
}

TEST(times_are_the_servers_or_the_usual_ones)
{
    struct dhcp_message m = offer(0x0a000005, 24);
    struct dhcp_lease l;
    EXPECT_OK(dhcp_lease_from(&m, NSEC_PER_SEC, &l));
    EXPECT_EQ(l.renew_at, 1801 * NSEC_PER_SEC);
    EXPECT_EQ(l.rebind_at, 3151 * NSEC_PER_SEC);
    EXPECT_EQ(l.expires_at, 3601 * NSEC_PER_SEC);
    m.renew_s = 100;
    m.rebind_s = 200;
    EXPECT_OK(dhcp_lease_from(&m, 0, &l));
    EXPECT(l.renew_at == 100 * NSEC_PER_SEC && l.rebind_at == 200 * NSEC_PER_SEC);
    m.renew_s = 4000; // behind the end, and so is the other
    m.rebind_s = 3600;
    EXPECT_OK(dhcp_lease_from(&m, 0, &l));
    EXPECT(l.renew_at == 1800 * NSEC_PER_SEC && l.rebind_at == 3150 * NSEC_PER_SEC);
    m.renew_s = 0;
    m.rebind_s = 10; // before half of the time
    EXPECT_OK(dhcp_lease_from(&m, 0, &l));
    EXPECT(l.renew_at < l.rebind_at && l.rebind_at == 10 * NSEC_PER_SEC);
    m.lease_s = DHCP_FOREVER;
    EXPECT_OK(dhcp_lease_from(&m, 0, &l));
    EXPECT(l.renew_at == NSEC_NEVER && l.expires_at == NSEC_NEVER);
}

TEST(a_network_without_mask_is_that_of_its_class)
{
    struct dhcp_message m = offer(0xc0a80005, 0);
    struct dhcp_lease l;
    EXPECT_OK(dhcp_lease_from(&m, 0, &l));
    EXPECT_EQ(l.said.prefix, 24);
    m = offer(0x0a000005, 0);
    EXPECT_OK(dhcp_lease_from(&m, 0, &l));
    EXPECT_EQ(l.said.prefix, 8);
    m = offer(0xac100005, 0);
    EXPECT_OK(dhcp_lease_from(&m, 0, &l));
    EXPECT_EQ(l.said.prefix, 16);
}

TEST(a_gateway_on_the_link_is_the_default_route)
{
    struct dhcp_lease l = {.said = offer(0x0a000005, 24)};
    struct dhcp_route r[DHCP_LEASE_ROUTES_MAX];
    l.said.routers = (struct dhcp_addresses){.count = 1, .list = {ip4(0x0a000001)}};
    EXPECT_EQ(dhcp_lease_routes(&l, r), 1);
    EXPECT(r[0].prefix == 0 && ip4_value(&r[0].gateway) == 0x0a000001);
}

TEST(a_gateway_elsewhere_gets_a_route_of_its_own)
{
    struct dhcp_lease l = {.said = offer(0x5f000005, 32)};
    struct dhcp_route r[DHCP_LEASE_ROUTES_MAX];
    l.said.routers = (struct dhcp_addresses){.count = 1, .list = {ip4(0xac1f0101)}};
    EXPECT_EQ(dhcp_lease_routes(&l, r), 2);
    EXPECT(r[0].prefix == 32 && ip4_value(&r[0].destination) == 0xac1f0101);
    EXPECT(ip_is_unspecified(&r[0].gateway));
    EXPECT(r[1].prefix == 0 && ip4_value(&r[1].gateway) == 0xac1f0101);
}

TEST(classless_routes_take_the_place_of_routers)
{
    struct dhcp_lease l = {.said = offer(0x5f000005, 32)};
    struct dhcp_route r[DHCP_LEASE_ROUTES_MAX];
    l.said.routers = (struct dhcp_addresses){.count = 1, .list = {ip4(0x5f000001)}};
    l.said.has_routes = true;
    l.said.routes = (struct dhcp_routes){
        .count = 3,
        .list = {{.destination = ip4(0), .prefix = 0, .gateway = ip4(0xac1f0101)},
                 {.destination = ip4(0xac1f0101), .prefix = 32, .gateway = ip4(0)},
                 {.destination = ip4(0xc0a80000), .prefix = 16, .gateway = ip4(0xac1f0101)}}};
    EXPECT_EQ(dhcp_lease_routes(&l, r), 3);
    EXPECT(r[0].prefix == 32 && r[1].prefix == 0 && r[2].prefix == 16);
}
