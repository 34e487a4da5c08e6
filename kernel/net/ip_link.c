// SPDX-License-Identifier: Apache-2.0
/* From IP down to links: the link's header, and what comes back without having been on one. */
#include "kernel/core/random.h"
#include "kernel/core/time.h"
#include "kernel/net/ip_output_priv.h"
#include "kernel/net/netif_priv.h"
#include "lib/net/ethernet.h"

enum { LOOPED_MAX = 256, IDS = 64 };

/* ---- Down ---- */

void ip_link_frame(struct netif *n, const struct mac_addr *to, uint16_t type, struct packet *p)
{
    struct ethernet_header h = {.destination = *to, .source = n->mac, .type = type};
    ethernet_emit(&h, ip_push(p, ETHERNET_HEADER_SIZE));
    p->sum_start = (uint16_t)(p->sum_start + ETHERNET_HEADER_SIZE);
    netif_transmit(n, p);
}

static bool is_for_all(struct netif *n, const struct ip_addr *a)
{
    return ip4_is_broadcast(a) || ip_classify(n, a) == IP_KIND_BROADCAST;
}

void ip_link_send(struct netif *n, const struct ip_addr *next_hop, struct packet *p)
{
    struct mac_addr mac;
    uint16_t type = ip_is_v4(next_hop) ? ETHER_IP4 : ETHER_IP6;
    if (n->header_size == 0) {
        netif_transmit(n, p);
        return;
    }
    if (LIKELY(ip_neighbour_resolve(n, next_hop, &mac))) {
        ip_link_frame(n, &mac, type, p);
        return;
    }
    if (ip_is_multicast(next_hop)) {
        mac = ip_multicast_mac(next_hop);
        ip_link_frame(n, &mac, type, p);
    } else if (is_for_all(n, next_hop)) {
        ip_link_frame(n, &MAC_BROADCAST, type, p);
    } else {
        ip_neighbour_wait(n, next_hop, p);
    }
}

/* ---- Back ---- */

static struct {
    struct spinlock lock; // RANK_NET_QUEUE
    struct list packets;  // [l]
    uint32_t count;       // [l]
    struct work work;
} looped;

void ip_loop_back(struct netif *n, const struct packet *p)
{
    struct packet *copy;
    if (packet_clone(p, &copy) != OK) {
        ip_count(out_discards);
        return;
    }
    copy->netif = n;
    copy->checksum = PACKET_SUM_VALID;
    spin_lock(&looped.lock);
    bool has_room = looped.count < LOOPED_MAX;
    if (has_room) {
        list_add_tail(&looped.packets, &copy->link);
        looped.count++;
    }
    spin_unlock(&looped.lock);
    if (has_room) {
        (void)work_queue(&looped.work);
    } else {
        ip_count(out_discards);
        packet_free(copy);
    }
}

static struct packet *take_looped(void)
{
    spin_lock(&looped.lock);
    struct list *first = list_pop(&looped.packets);
    looped.count -= first == NULL ? 0 : 1;
    spin_unlock(&looped.lock);
    return first == NULL ? NULL : container_of(first, struct packet, link);
}

static void bring_back(struct work *w)
{
    (void)w;
    struct packet *p;
    while ((p = take_looped()) != NULL) {
        bool is_v6 = p->size > 0 && p->data[0] >> 4 == 6;
        netif_hand_up(p->netif, p, is_v6 ? ETHER_IP6 : ETHER_IP4, &p->netif->mac);
    }
}

void ip_link_init(void)
{
    spin_init(&looped.lock, "packets to groups", RANK_NET_QUEUE);
    list_init(&looped.packets);
    work_init(&looped.work, bring_back);
}

/* ---- Identification ---- */

struct ids {
    uint16_t ids[IDS];
    uint32_t left;
};
static PERCPU(struct ids, random_ids);

uint16_t ip_random_id(void)
{
    struct ids *i = this_cpu(random_ids);
    if (i->left == 0) {
        if (random_try_bytes(i->ids, sizeof(i->ids)) != OK) {
            return (uint16_t)(time_now() >> 10); // boot: nobody can send us anything yet
        }
        i->left = IDS;
    }
    return i->ids[--i->left];
}
