// SPDX-License-Identifier: Apache-2.0
/* What is received: counted, shown to taps, and given to the protocol of its type. */
#include "kernel/core/panic.h"
#include "kernel/net/netif_priv.h"
#include "lib/net/ethernet.h"

enum { PROTOCOLS_MAX = 8 }; // they are part of the kernel: it knows how many there are

static struct {
    const struct netif_protocol *all[PROTOCOLS_MAX]; // [I] after boot
    size_t count;
} protocols;

void netif_register_protocol(const struct netif_protocol *p)
{
    assert(protocols.count < PROTOCOLS_MAX);
    protocols.all[protocols.count++] = p;
}

void netif_hand_up(struct netif *n, struct packet *p, uint16_t type, const struct mac_addr *from)
{
    p->network = (uint16_t)(p->data - p->area);
    for (size_t i = 0; i < protocols.count; i++) {
        if (protocols.all[i]->type == type) {
            protocols.all[i]->receive(n, p, from);
            return;
        }
    }
    netif_count(&n->counters.dropped_in, 1);
    packet_free(p);
}

// A link without headers: IP says its version itself.
static void receive_bare(struct netif *n, struct packet *p)
{
    enum { VERSION_SHIFT = 4, VERSION_6 = 6 };
    if (packet_need(p, 1) != OK) {
        netif_count(&n->counters.errors_in, 1);
        packet_free(p);
        return;
    }
    bool is_v6 = p->data[0] >> VERSION_SHIFT == VERSION_6;
    netif_hand_up(n, p, is_v6 ? ETHER_IP6 : ETHER_IP4, &n->mac);
}

void netif_receive(struct netif *n, struct list *packets)
{
    struct list *node;
    while ((node = list_pop(packets)) != NULL) {
        struct packet *p = container_of(node, struct packet, link);
        p->netif = n;
        netif_count(&n->counters.packets_in, 1);
        netif_count(&n->counters.bytes_in, p->total);
        netif_tap_packet(n, p, false);
        if (n->header_size == 0) {
            receive_bare(n, p);
        } else {
            ethernet_receive(n, p);
        }
    }
}
