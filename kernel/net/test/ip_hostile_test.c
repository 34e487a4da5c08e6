// SPDX-License-Identifier: Apache-2.0
/* Frames with wrong bytes in them, in one piece and as cards leave them, harm nobody. */
#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/mm/page.h"
#include "kernel/net/ip_counters.h"
#include "kernel/net/test/link.h"
#include "lib/base/bits.h"
#include "lib/net/arp.h"
#include "lib/net/checksum.h"
#include "lib/net/icmp6.h"
#include "lib/net/ip4.h"
#include "lib/net/ip6.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { ROUNDS = 4000, SIZE_MAX_BYTES = 600, FRONT = 128 };

struct sample {
    uint16_t type;
    size_t size;
    uint8_t bytes[SIZE_MAX_BYTES];
};

static struct sample sample;

static void make_arp(struct test_random *r)
{
    struct arp_packet a = {
        .operation = test_random_below(r, 2) == 0 ? ARP_REPLY : ARP_REQUEST,
        .sender_mac = LINK_THEIRS,
        .sender = ip4(0xc0000200 + (uint32_t)test_random_below(r, 256)),
        .target_mac = LINK_OURS,
        .target = ip4(0xc0000201),
    };
    sample.type = ETHER_ARP;
    sample.size = ARP_SIZE;
    arp_emit(&a, sample.bytes);
}

static void make_ip4(struct test_random *r)
{
    static const uint8_t protocols[] = {IP_PROTOCOL_ICMP, IP_PROTOCOL_IGMP, LINK_TRANSPORT, 251};
    size_t payload = test_random_below(r, 500);
    struct ip4_header h = {
        .source = ip4(0xc0000202),
        .destination = ip4(test_random_below(r, 4) == 0 ? 0xe0000001 : 0xc0000201),
        .total_size = (uint16_t)(IP4_HEADER_MIN + payload),
        .id = (uint16_t)test_random_below(r, 4),
        .fragment_offset =
            (uint16_t)(test_random_below(r, 3) == 0 ? 8 * test_random_below(r, 99) : 0),
        .has_more = test_random_below(r, 4) == 0,
        .hop_limit = 64,
        .protocol = protocols[test_random_below(r, ARRAY_SIZE(protocols))],
    };
    sample.type = ETHER_IP4;
    sample.size = h.total_size;
    (void)ip4_emit(&h, sample.bytes);
    for (size_t i = 0; i < payload; i++) {
        sample.bytes[IP4_HEADER_MIN + i] =
            (uint8_t)(test_random_below(r, 3) == 0 ? test_random_next(r) : 0);
    }
}

// ICMPv6 with the right checksum and a type that somebody listens to, behind extension headers or not.
static void make_ip6(struct test_random *r)
{
    static const uint8_t types[] = {1, 2, 3, 4, 128, 130, 133, 134, 135, 136, 137, 143};
    static const uint8_t headers[] = {0, 43, 44, 60, 59, IP_PROTOCOL_ICMP6};
    size_t payload = 8 + test_random_below(r, 480);
    uint8_t *message = sample.bytes + IP6_HEADER_SIZE;
    struct ip6_header h = {
        .source = link_address("fe80::ff:fe00:2"),
        .destination = link_address(test_random_below(r, 2) == 0 ? "ff02::1" : "fe80::ff:fe00:1"),
        .payload_size = (uint16_t)payload,
        .next = IP_PROTOCOL_ICMP6,
        .hop_limit = 255,
    };
    for (size_t i = 0; i < payload; i++) {
        message[i] = (uint8_t)(test_random_below(r, 2) == 0 ? test_random_below(r, 8) : 0);
    }
    message[0] = types[test_random_below(r, ARRAY_SIZE(types))];
    message[1] = 0;
    write_be16(message + 2, 0);
    uint32_t sum = ip_pseudo_sum(&h.source, &h.destination, h.next, (uint32_t)payload);
    write_be16(message + 2, checksum_finish(checksum_add(sum, message, payload)));
    if (test_random_below(r, 3) == 0) {
        h.next = headers[test_random_below(r, ARRAY_SIZE(headers))];
        message[0] = headers[test_random_below(r, ARRAY_SIZE(headers))];
    }
    sample.type = ETHER_IP6;
    sample.size = IP6_HEADER_SIZE + payload;
    ip6_emit(&h, sample.bytes);
}

static void damage(struct test_random *r)
{
    for (uint64_t n = test_random_below(r, 3); n > 0; n--) {
        sample.bytes[test_random_below(r, sample.size)] = (uint8_t)test_random_next(r);
    }
    if (test_random_below(r, 8) == 0) {
        sample.size = test_random_below(r, sample.size + 1);
    }
}

// As a card gives it: the begin in a front with little room, the rest in a page.
static status_t make_packet(struct packet **out)
{
    struct packet *p;
    struct page *page;
    struct ethernet_header e = {
        .destination = LINK_OURS, .source = LINK_THEIRS, .type = sample.type};
    status_t status = packet_alloc((size_t)2 * FRONT, &p);
    if (status != OK) {
        return status;
    }
    size_t front = u64_min(sample.size, FRONT - ETHERNET_HEADER_SIZE);
    ethernet_emit(&e, packet_put(p, ETHERNET_HEADER_SIZE));
    memcpy(packet_put(p, front), sample.bytes, front);
    if (sample.size > front) {
        status = page_alloc_one(PAGE_ANY, PAGE_KERNEL, &page);
        if (status == OK) {
            memcpy(page_virt(page), sample.bytes + front, sample.size - front);
            status = packet_add_slice(p, page, 0, (uint16_t)(sample.size - front));
            page_unref(page);
        }
    }
    if (status != OK) {
        packet_free(p);
        return status;
    }
    *out = p;
    return OK;
}

static void put(struct netif *n, struct test_random *r)
{
    struct packet *p;
    struct list one = LIST_INIT(one);
    if (test_random_below(r, 2) == 0) {
        link_put(&LINK_OURS, sample.type, sample.bytes, sample.size);
    } else if (make_packet(&p) == OK) {
        list_add_tail(&one, &p->link);
        netif_receive(n, &one);
    }
}

TEST(wrong_bytes_harm_nobody)
{
    static void (*const makers[])(struct test_random *) = {make_arp, make_ip4, make_ip4, make_ip6,
                                                           make_ip6};
    static struct link_frame frame;
    struct test_random r = {.state = 4711};
    struct ip_counters first;
    struct ip_counters last;
    struct netif *n = link_begin();
    link_wait_for_ip6(n);
    ip_counters_read(&first);
    for (unsigned i = 0; i < ROUNDS; i++) {
        makers[test_random_below(&r, ARRAY_SIZE(makers))](&r);
        damage(&r);
        put(n, &r);
        if (i % 64 == 0) {
            link_take(0, 0, &frame);
        }
    }
    worker_flush();
    unsigned before = link_heard.packets;
    link_put_ip4("192.0.2.9", "192.0.2.1", LINK_TRANSPORT, "hello", 5);
    EXPECT_EQ(link_heard.packets, before + 1);
    EXPECT_MEM(link_heard.bytes, "hello", 5);
    ip_counters_read(&last); // they got where they were meant to
    EXPECT(last.in_header_errors > first.in_header_errors + 100);
    EXPECT(last.reassembly_needed > first.reassembly_needed + 100);
    EXPECT(last.icmp_in > first.icmp_in + 500);
    EXPECT(last.errors_ignored > first.errors_ignored + 50);
    EXPECT(last.neighbour_in > first.neighbour_in + 500);
    EXPECT(last.neighbour_in_errors > first.neighbour_in_errors + 50);
    link_end();
}
