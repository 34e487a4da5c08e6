// SPDX-License-Identifier: Apache-2.0
/* All of IP at once on several CPUs: what is held is given back, whatever meets whatever. */
#include "kernel/core/test/spawn.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/net/test/link.h"
#include "lib/base/bits.h"
#include "lib/net/arp.h"
#include "lib/net/ip4.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { ROUNDS = 600 };

static struct netif *link;
static _Atomic unsigned left;

static struct ip_addr any_host(struct test_random *r)
{
    return ip4(0xc0000200 + (uint32_t)test_random_below(r, 20));
}

static void configure(void *arg)
{
    struct test_random r = {.state = 1 + (uintptr_t)arg};
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ip_address_info a = {.address = ip4(0xcb007100 + (uint32_t)test_random_below(&r, 8)),
                                    .netif = link->index,
                                    .prefix = (uint8_t)(24 + test_random_below(&r, 9)),
                                    .preferred_until = NSEC_NEVER,
                                    .valid_until = time_now() + NSEC_PER_SEC};
        struct ip_route_info route = {.destination = ip4(0x0a000000 + (uint32_t)(i % 8 << 16)),
                                      .prefix = 16,
                                      .netif = link->index,
                                      .gateway = any_host(&r),
                                      .is_v4 = true,
                                      .valid_until = time_now() + NSEC_PER_SEC};
        (void)(ip_address_add(&a) == OK);
        (void)(ip_route_add(&route) == OK);
        thread_yield();
        if (test_random_below(&r, 2) == 0) {
            (void)(ip_address_remove(a.netif, &a.address, a.prefix) == OK);
            (void)(ip_route_remove(&route) == OK);
        }
        if (test_random_below(&r, 50) == 0) {
            (void)(netif_set_up(link, false) == OK);
            (void)(netif_set_up(link, true) == OK);
        }
    }
    left--;
}

static void send_all(void *arg)
{
    struct test_random r = {.state = 100 + (uintptr_t)arg};
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ip_path path;
        struct ip_addr to = test_random_below(&r, 3) == 0
                                ? ip4(0x0a000001 + (uint32_t)(i % 8 << 16))
                                : any_host(&r);
        if (ip_path_find(&to, &IP_ANY, NULL, true, &path) == OK) {
            thread_yield();
            (void)(link_send(&path, 10 + test_random_below(&r, 2000)) == OK);
        }
    }
    left--;
}

static void say(struct test_random *r)
{
    uint8_t bytes[ARP_SIZE];
    struct arp_packet a = {
        .operation = test_random_below(r, 2) == 0 ? ARP_REPLY : ARP_REQUEST,
        .sender_mac = {{2, 0, 0, 0, 9, (uint8_t)test_random_next(r)}},
        .sender = any_host(r),
        .target_mac = LINK_OURS,
        .target = ip4(0xc0000201),
    };
    arp_emit(&a, bytes);
    link_put(&LINK_OURS, ETHER_ARP, bytes, ARP_SIZE);
}

static void put(struct test_random *r)
{
    uint8_t bytes[IP4_HEADER_MIN + 400] = {};
    uint32_t offset = (uint32_t)test_random_below(r, 4) * 400;
    struct ip4_header h = {
        .source = any_host(r),
        .destination = ip4(0xc0000201),
        .total_size = sizeof(bytes),
        .id = (uint16_t)test_random_below(r, 8),
        .fragment_offset = (uint16_t)offset,
        .has_more = offset != 1200,
        .hop_limit = 64,
        .protocol = test_random_below(r, 4) == 0 ? 200 : LINK_TRANSPORT,
    };
    if (test_random_below(r, 3) == 0) {
        h.has_more = false;
        h.fragment_offset = 0;
    }
    (void)ip4_emit(&h, bytes);
    link_put(&LINK_OURS, ETHER_IP4, bytes, sizeof(bytes));
}

static void receive_all(void *arg)
{
    struct test_random r = {.state = 1000 + (uintptr_t)arg};
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (test_random_below(&r, 3) == 0) {
            say(&r);
        } else {
            put(&r);
        }
        thread_yield();
    }
    left--;
}

static void join_and_leave(void *arg)
{
    struct test_random r = {.state = 10000 + (uintptr_t)arg};
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ip_addr group = ip4(0xe0000100 + (uint32_t)test_random_below(&r, 4));
        if (ip_group_join(link, &group) == OK) {
            thread_yield();
            ip_group_leave(link, &group);
        }
    }
    left--;
}

TEST(all_of_ip_at_once_leaves_nothing)
{
    static void (*const all[])(void *) = {configure,   configure,   send_all,      send_all,
                                          receive_all, receive_all, join_and_leave};
    static struct link_frame frame;
    link = link_begin();
    left = ARRAY_SIZE(all);
    for (uintptr_t i = 0; i < ARRAY_SIZE(all); i++) {
        (void)test_spawn("ip", all[i], (void *)i);
    }
    while (left != 0) {
        link_take(0, 0, &frame);
        (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    }
    (void)thread_sleep_until(time_now() + 3 * NSEC_PER_SEC, WAIT_DEFAULT);
    link_end();
}
