// SPDX-License-Identifier: Apache-2.0
/* What IP costs a packet, with a device that throws away what it is given. */
#include "kernel/core/time.h"
#include "kernel/net/ip.h"
#include "kernel/test/bench_priv.h"
#include "lib/base/string.h"
#include "lib/net/ethernet.h"
#include "lib/net/ip4.h"

enum { PACKETS = 10000, SIZE = 64, PROTOCOL = 254 }; // a protocol for experiments (RFC 3692)

static struct netif card;
static const struct mac_addr OURS = {{2, 0, 0, 0, 1, 1}};
static const struct mac_addr THEIRS = {{2, 0, 0, 0, 1, 2}};

static bool transmit(struct netif *n, struct packet *p, bool more)
{
    (void)n;
    (void)more;
    packet_free(p);
    return true;
}

static void receive(struct packet *p, const struct ip_meta *m)
{
    (void)m;
    packet_free(p);
}

static const struct netif_ops ops = {.transmit = transmit};
static const struct ip_transport transport = {.protocol = PROTOCOL, .receive = receive};

static status_t add_address(void)
{
    struct ip_address_info own = {
        .address = ip4(0xc6336401), // 198.51.100.1
        .netif = card.index,
        .prefix = 24,
        .preferred_until = NSEC_NEVER,
        .valid_until = NSEC_NEVER,
    };
    struct ip_neighbour_info them = {
        .address = ip4(0xc6336402), .netif = card.index, .mac = THEIRS, .state = IP_PERMANENT};
    status_t status = ip_address_add(&own);
    return status == OK ? ip_neighbour_add(&them) : status;
}

// The card, up; once.
static status_t bring_up(void)
{
    if (card.ops != NULL) {
        return OK;
    }
    card.ops = &ops;
    card.header_size = ETHERNET_HEADER_SIZE;
    card.features = NETIF_NO_AUTOCONF;
    card.mtu = ETHERNET_MTU;
    card.mtu_max = ETHERNET_MTU;
    card.mac = OURS;
    card.flags = NETIF_RUNNING;
    ip_register_transport(&transport);
    status_t status = netif_register(&card, "bench");
    if (status == OK) {
        status = netif_set_up(&card, true);
    }
    return status == OK ? add_address() : status;
}

static status_t find_path(struct ip_path *out)
{
    struct ip_addr to = ip4(0xc6336402);
    status_t status = bring_up();
    return status == OK ? ip_path_find(&to, &IP_ANY, NULL, false, out) : status;
}

status_t bench_packet(uint64_t *tenths)
{
    nsec_t from = time_now();
    for (int i = 0; i < PACKETS; i++) {
        struct packet *p;
        status_t status = packet_alloc(SIZE, &p);
        if (status != OK) {
            return status;
        }
        packet_free(p);
    }
    *tenths = 10 * (time_now() - from) / PACKETS;
    return OK;
}

status_t bench_path(uint64_t *tenths)
{
    struct ip_path path;
    status_t status = find_path(&path);
    nsec_t from = time_now();
    for (int i = 0; i < PACKETS && status == OK; i++) {
        status = find_path(&path);
    }
    *tenths = 10 * (time_now() - from) / PACKETS;
    return status;
}

status_t bench_new_path(uint64_t *tenths)
{
    struct ip_path path;
    status_t status = find_path(&path);
    nsec_t from = time_now();
    for (uint32_t i = 0; i < PACKETS && status == OK; i++) {
        struct ip_addr to = ip4(0xc6336402 + i % 200); // more than a CPU remembers
        status = ip_path_find(&to, &IP_ANY, NULL, false, &path);
    }
    *tenths = 10 * (time_now() - from) / PACKETS;
    return status;
}

status_t bench_send(uint64_t *tenths)
{
    struct ip_path path;
    struct ip_meta m = {.protocol = PROTOCOL, .dont_fragment = true};
    status_t status = find_path(&path);
    nsec_t from = time_now();
    for (int i = 0; i < PACKETS && status == OK; i++) {
        struct packet *p;
        status = packet_alloc(SIZE, &p);
        if (status == OK) {
            (void)packet_put(p, SIZE);
            status = ip_send(p, &path, &m);
        }
    }
    *tenths = 10 * (time_now() - from) / PACKETS;
    return status;
}

static void put_frame(struct packet *p)
{
    struct ethernet_header e = {.destination = OURS, .source = THEIRS, .type = ETHER_IP4};
    struct ip4_header h = {
        .source = ip4(0xc6336402),
        .destination = ip4(0xc6336401),
        .total_size = IP4_HEADER_MIN + SIZE,
        .hop_limit = 64,
        .protocol = PROTOCOL,
    };
    ethernet_emit(&e, packet_put(p, ETHERNET_HEADER_SIZE));
    (void)ip4_emit(&h, packet_put(p, IP4_HEADER_MIN));
    memset(packet_put(p, SIZE), 0, SIZE);
}

enum { BATCH = 50 };

// The time that a batch takes from the device to the transport.
static status_t receive_batch(nsec_t *time)
{
    struct list packets = LIST_INIT(packets);
    for (int i = 0; i < BATCH; i++) {
        struct packet *p;
        status_t status = packet_alloc(ETHERNET_HEADER_SIZE + IP4_HEADER_MIN + SIZE, &p);
        if (status != OK) {
            packet_free_all(&packets);
            return status;
        }
        put_frame(p);
        list_add_tail(&packets, &p->link);
    }
    nsec_t from = time_now();
    netif_receive(&card, &packets);
    *time += time_now() - from;
    return OK;
}

status_t bench_receive(uint64_t *tenths)
{
    nsec_t time = 0;
    status_t status = bring_up();
    for (int i = 0; i < PACKETS / BATCH && status == OK; i++) {
        status = receive_batch(&time);
    }
    *tenths = 10 * time / PACKETS;
    return status;
}
