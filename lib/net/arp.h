// SPDX-License-Identifier: Apache-2.0
/* ARP for IPv4 on Ethernet (RFC 826), with its probes and announcements (RFC 5227). */
#pragma once

#include "lib/net/address.h"

enum { ARP_SIZE = 28 };

enum arp_operation : uint16_t { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_packet {
    enum arp_operation operation;
    struct mac_addr sender_mac;
    struct ip_addr sender;      // 0.0.0.0 in a probe
    struct mac_addr target_mac; // means nothing in a request
    struct ip_addr target;
};

// ERR_INVAL: cut short, not of IPv4 on Ethernet, another operation, or a sender that no host can be.
status_t arp_parse(struct span packet, struct arp_packet *out);

// Writes ARP_SIZE bytes.
void arp_emit(const struct arp_packet *p, uint8_t *to);
