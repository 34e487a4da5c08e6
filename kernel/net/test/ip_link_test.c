// SPDX-License-Identifier: Apache-2.0
/* The test's link, see link.h, and that it works. */
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/net/test/link.h"
#include "lib/base/bits.h"
#include "lib/net/arp.h"
#include "lib/net/checksum.h"
#include "lib/net/icmp6.h"
#include "lib/net/ip4.h"
#include "lib/net/ip6.h"
#include "tests/harness/test.h"

enum { SENT_MAX = 256 };

const struct mac_addr LINK_OURS = {{2, 0, 0, 0, 0, 1}};
const struct mac_addr LINK_THEIRS = {{2, 0, 0, 0, 0, 2}};

struct link_heard link_heard;

static struct {
    struct netif netif;
    struct spinlock lock; // RANK_DEVICE
    struct list sent;     // [l]
    unsigned count;       // [l]
    bool is_registered;
} wire;

/* ---- The device ---- */

static bool transmit(struct netif *n, struct packet *p, bool more)
{
    (void)n;
    (void)more;
    spin_lock(&wire.lock);
    bool is_kept = wire.count < SENT_MAX;
    if (is_kept) {
        list_add_tail(&wire.sent, &p->link);
        wire.count++;
    }
    spin_unlock(&wire.lock);
    if (!is_kept) {
        packet_free(p);
    }
    return true;
}

static const struct netif_ops ops = {.transmit = transmit};

static struct packet *take_first(void)
{
    spin_lock(&wire.lock);
    struct list *first = list_pop(&wire.sent);
    wire.count -= first == NULL ? 0 : 1;
    spin_unlock(&wire.lock);
    return first == NULL ? NULL : container_of(first, struct packet, link);
}

static void drop_sent(void)
{
    struct packet *p;
    worker_flush();
    while ((p = take_first()) != NULL) {
        packet_free(p);
    }
}

/* ---- The transport ---- */

static void receive(struct packet *p, const struct ip_meta *m)
{
    link_heard.meta = *m;
    link_heard.size = u64_min(p->total, sizeof(link_heard.bytes));
    packet_copy_out(p, 0, link_heard.bytes, link_heard.size);
    packet_free(p);
    link_heard.packets++;
}

static bool error(const struct ip_error *e)
{
    link_heard.error = *e;
    link_heard.error.transport = span_of(NULL, 0);
    link_heard.errors++;
    return link_heard.believes;
}

static const struct ip_transport transport = {
    .protocol = LINK_TRANSPORT, .receive = receive, .error = error};

bool link_hears(unsigned packets, unsigned errors)
{
    nsec_t give_up = time_now() + 10 * NSEC_PER_SEC;
    worker_flush();
    while ((link_heard.packets < packets || link_heard.errors < errors) && time_now() < give_up) {
        (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    }
    return link_heard.packets == packets && link_heard.errors == errors;
}

/* ---- Begin and end ---- */

struct ip_addr link_address(const char *text)
{
    struct ip_addr a = IP_ANY;
    if (ip_parse(span_of(text, strlen(text)), &a) != OK) {
        test_fail(__FILE__, __LINE__, "not an address: %s", text);
    }
    return a;
}

static void make_wire(void)
{
    struct netif *n = &wire.netif;
    spin_init(&wire.lock, "wire", RANK_DEVICE);
    list_init(&wire.sent);
    n->ops = &ops;
    n->header_size = ETHERNET_HEADER_SIZE;
    n->mtu_max = 9000;
    n->mtu = ETHERNET_MTU;
    n->mac = LINK_OURS;
    n->flags = NETIF_RUNNING | NETIF_BROADCAST | NETIF_MULTICAST;
    if (netif_register(n, "link") != OK) {
        test_fail(__FILE__, __LINE__, "no memory");
    }
    ip_register_transport(&transport);
    wire.is_registered = true;
}

static struct ip_address_info own_address(void)
{
    return (struct ip_address_info){
        .address = link_address("192.0.2.1"),
        .netif = wire.netif.index,
        .prefix = 24,
        .preferred_until = NSEC_NEVER,
        .valid_until = NSEC_NEVER,
    };
}

struct netif *link_begin(void)
{
    if (!wire.is_registered) {
        make_wire();
    }
    memset(&link_heard, 0, sizeof(link_heard));
    struct ip_address_info own = own_address();
    if (netif_set_mtu(&wire.netif, ETHERNET_MTU) != OK || netif_set_up(&wire.netif, true) != OK ||
        ip_address_add(&own) != OK) {
        test_fail(__FILE__, __LINE__, "the link does not come up");
    }
    return &wire.netif;
}

static void remove_addresses(void)
{
    struct ip_address_info a;
    uint64_t cursor = 0;
    while (ip_address_list(&cursor, &a) == OK) {
        if (a.netif == wire.netif.index) {
            (void)(ip_address_remove(a.netif, &a.address, a.prefix) == OK);
        }
    }
}

static void remove_routes(void)
{
    struct ip_route_info r;
    uint64_t cursor = 0;
    while (ip_route_list(&cursor, &r) == OK) {
        if (r.netif == wire.netif.index) {
            (void)(ip_route_remove(&r) == OK);
        }
    }
}

void link_end(void)
{
    (void)(netif_set_up(&wire.netif, false) == OK);
    worker_flush();
    remove_addresses();
    remove_routes();
    for (unsigned i = 0; i < 3; i++) { // timers that were on their way
        (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
        drop_sent();
    }
}

/* ---- Frames ---- */

static bool take_now(uint16_t type, struct link_frame *out)
{
    struct packet *p;
    while ((p = take_first()) != NULL) {
        struct ethernet_header h;
        out->size = u64_min(p->total, sizeof(out->bytes));
        packet_copy_out(p, 0, out->bytes, out->size);
        packet_free(p);
        if (ethernet_parse(span_of(out->bytes, out->size), &h) == OK && h.type == type) {
            return true;
        }
    }
    out->size = 0;
    return false;
}

void link_take(uint16_t type, nsec_t wait, struct link_frame *out)
{
    nsec_t give_up = time_now() + wait;
    worker_flush();
    while (!take_now(type, out) && time_now() < give_up) {
        (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    }
}

void link_put(const struct mac_addr *to, uint16_t type, const void *payload, size_t size)
{
    struct packet *p;
    struct list one = LIST_INIT(one);
    struct ethernet_header h = {.destination = *to, .source = LINK_THEIRS, .type = type};
    if (packet_alloc(ETHERNET_HEADER_SIZE + size, &p) != OK) {
        return; // links lose frames
    }
    ethernet_emit(&h, packet_put(p, ETHERNET_HEADER_SIZE));
    memcpy(packet_put(p, size), payload, size);
    list_add_tail(&one, &p->link);
    netif_receive(&wire.netif, &one);
}

void link_put_ip4(const char *source, const char *destination, uint8_t protocol,
                  const void *payload, size_t size)
{
    uint8_t bytes[PACKET_LINEAR_MAX];
    struct ip4_header h = {
        .source = link_address(source),
        .destination = link_address(destination),
        .total_size = (uint16_t)(IP4_HEADER_MIN + size),
        .hop_limit = 64,
        .protocol = protocol,
    };
    (void)ip4_emit(&h, bytes);
    memcpy(bytes + IP4_HEADER_MIN, payload, size);
    link_put(&LINK_OURS, ETHER_IP4, bytes, IP4_HEADER_MIN + size);
}

void link_put_ip6(const struct link_packet6 *p)
{
    uint8_t bytes[PACKET_LINEAR_MAX];
    uint8_t *payload = p->payload;
    struct ip6_header h = {
        .source = link_address(p->source),
        .destination = link_address(p->destination),
        .payload_size = (uint16_t)p->size,
        .next = p->next,
        .hop_limit = p->hop_limit,
    };
    if (p->next == IP_PROTOCOL_ICMP6) {
        uint32_t sum = ip_pseudo_sum(&h.source, &h.destination, p->next, (uint32_t)p->size);
        write_be16(payload + ICMP6_CHECKSUM_OFFSET, 0);
        write_be16(payload + ICMP6_CHECKSUM_OFFSET,
                   checksum_finish(checksum_add(sum, payload, p->size)));
    }
    ip6_emit(&h, bytes);
    memcpy(bytes + IP6_HEADER_SIZE, payload, p->size);
    struct mac_addr group = ip_multicast_mac(&h.destination);
    link_put(ip_is_multicast(&h.destination) ? &group : &LINK_OURS, ETHER_IP6, bytes,
             IP6_HEADER_SIZE + p->size);
}

void link_take_icmp6(uint8_t type, nsec_t wait, struct link_frame *out)
{
    enum { NEXT = ETHERNET_HEADER_SIZE + 6, TYPE = ETHERNET_HEADER_SIZE + IP6_HEADER_SIZE };
    nsec_t give_up = time_now() + wait;
    do {
        link_take(ETHER_IP6, wait, out);
        if (out->size > TYPE && out->bytes[NEXT] == IP_PROTOCOL_ICMP6 && out->bytes[TYPE] == type) {
            return;
        }
    } while (out->size != 0 && time_now() < give_up);
    out->size = 0;
}

void link_wait_for_ip6(struct netif *n)
{
    struct ip_addr own = ip6_link_local(&n->mac);
    nsec_t give_up = time_now() + 10 * NSEC_PER_SEC;
    while (!ip_is_local(&own) && time_now() < give_up) {
        (void)thread_sleep_until(time_now() + 10 * NSEC_PER_MSEC, WAIT_DEFAULT);
    }
    if (!ip_is_local(&own)) {
        test_fail(__FILE__, __LINE__, "no link-local address");
    }
}

void link_say_arp(const char *address)
{
    uint8_t bytes[ARP_SIZE];
    struct arp_packet a = {
        .operation = ARP_REPLY,
        .sender_mac = LINK_THEIRS,
        .sender = link_address(address),
        .target_mac = LINK_OURS,
        .target = link_address("192.0.2.1"),
    };
    arp_emit(&a, bytes);
    link_put(&LINK_OURS, ETHER_ARP, bytes, ARP_SIZE);
}

status_t link_send(const struct ip_path *path, size_t size)
{
    struct packet *p;
    struct ip_meta m = {.protocol = LINK_TRANSPORT};
    status_t status = packet_alloc(size, &p);
    if (status != OK) {
        return status;
    }
    uint8_t *to = packet_put(p, size);
    for (size_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(i * 7);
    }
    return ip_send(p, path, &m);
}

TEST(the_tests_link_is_there_and_leaves_nothing)
{
    struct netif *n = link_begin();
    EXPECT(netif_is_up(n));
    link_end();
}
