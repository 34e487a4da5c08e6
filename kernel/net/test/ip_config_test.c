// SPDX-License-Identifier: Apache-2.0
/* Addresses and routes as the administrator sets them, and the paths that come of them. */
#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/mm/inject.h"
#include "kernel/net/test/link.h"
#include "lib/base/bits.h"
#include "tests/harness/test.h"

static struct ip_path path;

static status_t find(const char *to)
{
    struct ip_addr a = link_address(to);
    return ip_path_find(&a, &IP_ANY, NULL, false, &path);
}

static void expect_hop(const char *to, const char *next_hop)
{
    struct ip_addr want = link_address(next_hop);
    EXPECT_OK(find(to));
    EXPECT(ip_is_equal(&path.next_hop, &want));
}

static struct ip_route_info route(const struct netif *n, const char *to, uint8_t prefix,
                                  const char *gateway)
{
    return (struct ip_route_info){
        .destination = link_address(to),
        .prefix = prefix,
        .netif = n->index,
        .gateway = gateway == NULL ? IP_ANY : link_address(gateway),
        .is_v4 = true,
        .valid_until = NSEC_NEVER,
    };
}

static struct ip_address_info address(const struct netif *n, const char *text, uint8_t prefix)
{
    return (struct ip_address_info){
        .address = link_address(text),
        .netif = n->index,
        .prefix = prefix,
        .preferred_until = NSEC_NEVER,
        .valid_until = NSEC_NEVER,
    };
}

static status_t remove_address(const struct ip_address_info *a)
{
    return ip_address_remove(a->netif, &a->address, a->prefix);
}

TEST(the_longest_prefix_and_then_the_lowest_metric_wins)
{
    struct netif *n = link_begin();
    struct ip_route_info all = route(n, "0.0.0.0", 0, "192.0.2.254");
    struct ip_route_info ten = route(n, "10.0.0.0", 8, "192.0.2.10");
    struct ip_route_info better = route(n, "10.0.0.0", 8, "192.0.2.11");
    ten.metric = 20;
    better.metric = 10;
    EXPECT_STATUS(find("10.1.1.1"), ERR_NETUNREACH);
    EXPECT_OK(ip_route_add(&all));
    EXPECT_OK(ip_route_add(&ten));
    expect_hop("10.1.1.1", "192.0.2.10");
    expect_hop("11.1.1.1", "192.0.2.254");
    expect_hop("192.0.2.77", "192.0.2.77");
    EXPECT_OK(ip_route_add(&better));
    expect_hop("10.1.1.1", "192.0.2.11");
    EXPECT_STATUS(ip_route_add(&better), ERR_EXIST);
    EXPECT_OK(ip_route_remove(&better));
    EXPECT_STATUS(ip_route_remove(&better), ERR_NOENT);
    expect_hop("10.1.1.1", "192.0.2.10");
    link_end();
}

TEST(a_host_with_a_single_address_reaches_the_world_by_a_gateway_that_is_on_no_network)
{
    struct netif *n = link_begin();
    struct ip_address_info single = address(n, "203.0.113.5", 32);
    struct ip_route_info gateway = route(n, "172.31.1.1", 32, NULL);
    struct ip_route_info all = route(n, "0.0.0.0", 0, "172.31.1.1");
    struct ip_address_info first = address(n, "192.0.2.1", 24);
    EXPECT_OK(remove_address(&first));
    EXPECT_OK(ip_address_add(&single));
    EXPECT_OK(ip_route_add(&gateway));
    EXPECT_OK(ip_route_add(&all));
    expect_hop("198.51.100.1", "172.31.1.1");
    EXPECT(ip_is_equal(&path.source, &single.address));
    expect_hop("172.31.1.1", "172.31.1.1");
    link_end();
}

TEST(paths_say_why_there_is_none)
{
    struct netif *n = link_begin();
    struct ip_addr not_ours = link_address("192.0.2.200");
    struct ip_addr own = link_address("192.0.2.1");
    struct ip_addr six = link_address("2001:db8::1");
    struct ip_addr them = link_address("192.0.2.9");
    struct ip_addr all = link_address("192.0.2.255");
    struct ip_addr everybody = link_address("255.255.255.255");
    struct ip_addr loopback = link_address("127.0.0.1");
    EXPECT_STATUS(ip_path_find(&them, &not_ours, NULL, false, &path), ERR_ADDRNOTAVAIL);
    EXPECT_STATUS(ip_path_find(&six, &own, NULL, false, &path), ERR_NETUNREACH);
    EXPECT_STATUS(ip_path_find(&them, &loopback, NULL, false, &path), ERR_NETUNREACH);
    EXPECT_STATUS(ip_path_find(&all, &IP_ANY, NULL, false, &path), ERR_ACCES);
    EXPECT_OK(ip_path_find(&all, &IP_ANY, NULL, true, &path));
    EXPECT(ip_is_equal(&path.source, &own));
    EXPECT_STATUS(ip_path_find(&everybody, &IP_ANY, n, false, &path), ERR_ACCES);
    EXPECT_OK(ip_path_find(&everybody, &IP_ANY, n, true, &path));
    EXPECT_OK(netif_set_up(n, false));
    EXPECT_STATUS(ip_path_find(&them, &IP_ANY, NULL, false, &path), ERR_NETUNREACH);
    link_end();
}

TEST(who_has_no_address_yet_may_ask_everybody_for_one)
{
    struct netif *n = link_begin();
    struct ip_address_info first = address(n, "192.0.2.1", 24);
    struct ip_addr everybody = link_address("255.255.255.255");
    struct ip_addr nobody = link_address("0.0.0.0");
    struct link_frame *frame;
    static struct link_frame storage;
    frame = &storage;
    EXPECT_OK(remove_address(&first));
    EXPECT_OK(ip_path_find(&everybody, &IP_ANY, n, true, &path));
    EXPECT(ip_is_equal(&path.source, &nobody));
    EXPECT_OK(link_send(&path, 300));
    link_take(ETHER_IP4, NSEC_PER_SEC, frame);
    EXPECT_MEM(frame->bytes, MAC_BROADCAST.bytes, MAC_SIZE);
    link_end();
}

TEST(an_address_brings_its_network_and_takes_it_away)
{
    struct netif *n = link_begin();
    struct ip_address_info a = address(n, "198.51.100.7", 25);
    struct ip_address_info b = address(n, "198.51.100.8", 25);
    EXPECT_STATUS(find("198.51.100.100"), ERR_NETUNREACH);
    EXPECT_OK(ip_address_add(&a));
    EXPECT_STATUS(ip_address_add(&a), ERR_EXIST);
    EXPECT_OK(ip_address_add(&b));
    expect_hop("198.51.100.100", "198.51.100.100");
    struct ip_path before = path;
    EXPECT(ip_path_is_current(&before));
    EXPECT_OK(remove_address(&a));
    EXPECT(!ip_path_is_current(&before));
    expect_hop("198.51.100.100", "198.51.100.100"); // the other one's as well
    EXPECT(ip_is_equal(&path.source, &b.address));
    EXPECT_OK(remove_address(&b));
    EXPECT_STATUS(remove_address(&b), ERR_NOENT);
    EXPECT_STATUS(find("198.51.100.100"), ERR_NETUNREACH);
    link_end();
}

TEST(what_makes_no_sense_is_refused)
{
    struct netif *n = link_begin();
    struct ip_address_info a = address(n, "224.0.0.1", 24);
    EXPECT_STATUS(ip_address_add(&a), ERR_INVAL);
    a = address(n, "127.0.0.5", 8);
    EXPECT_STATUS(ip_address_add(&a), ERR_INVAL);
    a = address(n, "192.0.2.3", 33);
    EXPECT_STATUS(ip_address_add(&a), ERR_INVAL);
    a = address(n, "0.0.0.0", 0);
    EXPECT_STATUS(ip_address_add(&a), ERR_INVAL);
    a.netif = 999;
    EXPECT_STATUS(ip_address_add(&a), ERR_NODEV);
    struct ip_route_info r = route(n, "10.0.0.1", 8, NULL);
    EXPECT_STATUS(ip_route_add(&r), ERR_INVAL); // bits behind the prefix
    r = route(n, "10.0.0.0", 33, NULL);
    EXPECT_STATUS(ip_route_add(&r), ERR_INVAL);
    r = route(n, "10.0.0.0", 8, "2001:db8::1");
    EXPECT_STATUS(ip_route_add(&r), ERR_INVAL);
    r = route(n, "10.0.0.0", 8, NULL);
    r.netif = 999;
    EXPECT_STATUS(ip_route_add(&r), ERR_NODEV);
    link_end();
}

TEST(a_list_that_changes_has_each_that_stays_once)
{
    enum { COUNT = 20 };
    struct netif *n = link_begin();
    struct ip_route_info r = route(n, "10.0.0.0", 24, NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        r.destination = ip4(0x0a000000 + (i << 8));
        EXPECT_OK(ip_route_add(&r));
    }
    uint64_t cursor = 0;
    uint32_t seen = 0;
    struct ip_route_info got;
    while (ip_route_list(&cursor, &got) == OK) {
        uint32_t value = ip4_value(&got.destination);
        if (got.netif == n->index && value >> 24 == 10) {
            uint32_t index = value >> 8 & 0xff;
            EXPECT((seen >> index & 1) == 0);
            seen |= 1u << index;
            EXPECT_OK(ip_route_remove(&got)); // those that were read go
        }
    }
    EXPECT_EQ(seen, (1u << COUNT) - 1);
    link_end();
}

TEST(configuration_survives_that_there_is_no_memory)
{
    struct netif *n = link_begin();
    struct ip_address_info a = address(n, "2001:db8:7::1", 64);
    struct ip_route_info r = route(n, "10.0.0.0", 8, "192.0.2.10");
    struct ip_neighbour_info them = {.address = link_address("192.0.2.9"),
                                     .netif = n->index,
                                     .mac = LINK_THEIRS,
                                     .state = IP_PERMANENT};
    bool has_failed = inject_is_available();
    for (size_t i = 0; has_failed; i++) {
        inject_arm(i);
        status_t status = ip_address_add(&a);
        status = status == OK ? ip_route_add(&r) : status;
        status = status == OK ? ip_neighbour_add(&them) : status;
        has_failed = inject_disarm();
        EXPECT(status == OK || (status == ERR_NOMEM && has_failed));
        EXPECT_EQ(ip_neighbour_remove(n->index, &them.address), status == OK ? OK : ERR_NOENT);
        (void)(ip_route_remove(&r) == OK);
        (void)(remove_address(&a) == OK);
        EXPECT_STATUS(find("10.1.1.1"), ERR_NETUNREACH);
        worker_flush();
    }
    link_end();
}

TEST(packets_survive_that_there_is_no_memory)
{
    (void)link_begin();
    EXPECT_OK(find("192.0.2.9"));
    bool has_failed = inject_is_available();
    for (size_t i = 0; has_failed; i++) {
        inject_arm(i);
        (void)(link_send(&path, 100) == OK);
        link_put_ip4("192.0.2.9", "192.0.2.1", 250, "unknown", 7);
        has_failed = inject_disarm();
    }
    link_end();
}
