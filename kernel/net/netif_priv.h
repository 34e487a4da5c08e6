// SPDX-License-Identifier: Apache-2.0
/* What the files of interfaces share. */
#pragma once

#include "kernel/net/netif.h"

// Shows a packet to the taps.
void netif_tap_packet(struct netif *n, const struct packet *p, bool is_outgoing);

// Takes a packet with Ethernet's header.
void ethernet_receive(struct netif *n, struct packet *p);

// Takes a packet without its link's header.
void netif_hand_up(struct netif *n, struct packet *p, uint16_t type, const struct mac_addr *from);
