// SPDX-License-Identifier: Apache-2.0
/* Ethernet frames that come in. */
#include "lib/net/ethernet.h"

#include "kernel/net/netif_priv.h"

// Promiscuous interfaces see what is for others; it goes no further than to the taps.
static bool is_for_us(const struct netif *n, const struct mac_addr *destination)
{
    return mac_is_multicast(destination) || mac_is_equal(destination, &n->mac);
}

void ethernet_receive(struct netif *n, struct packet *p)
{
    struct ethernet_header header;
    if (packet_need(p, ETHERNET_HEADER_SIZE) != OK ||
        ethernet_parse(span_of(p->data, p->size), &header) != OK) {
        netif_count(&n->counters.errors_in, 1);
        packet_free(p);
        return;
    }
    if (!is_for_us(n, &header.destination)) {
        packet_free(p);
        return;
    }
    packet_pull(p, ETHERNET_HEADER_SIZE);
    netif_hand_up(n, p, header.type, &header.source);
}
