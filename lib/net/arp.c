// SPDX-License-Identifier: Apache-2.0
#include "lib/net/arp.h"

#include "lib/net/ethernet.h"

enum { ETHERNET = 1, KIND = 0, PROTOCOL = 2, SIZES = 4, OPERATION = 6 };
enum { SENDER_MAC = 8, SENDER = 14, TARGET_MAC = 18, TARGET = 24 };

status_t arp_parse(struct span packet, struct arp_packet *out)
{
    const uint8_t *p = packet.data;
    if (packet.size < ARP_SIZE || read_be16(p + KIND) != ETHERNET ||
        read_be16(p + PROTOCOL) != ETHER_IP4 || p[SIZES] != MAC_SIZE || p[SIZES + 1] != IP4_SIZE) {
        return ERR_INVAL;
    }
    uint16_t operation = read_be16(p + OPERATION);
    struct arp_packet arp = {
        .operation = operation,
        .sender_mac = mac_read(p + SENDER_MAC),
        .sender = ip4_read(p + SENDER),
        .target_mac = mac_read(p + TARGET_MAC),
        .target = ip4_read(p + TARGET),
    };
    if ((operation != ARP_REQUEST && operation != ARP_REPLY) || !mac_is_unicast(&arp.sender_mac) ||
        ip_is_multicast(&arp.sender) || ip4_is_broadcast(&arp.sender)) {
        return ERR_INVAL;
    }
    *out = arp;
    return OK;
}

void arp_emit(const struct arp_packet *p, uint8_t *to)
{
    write_be16(to + KIND, ETHERNET);
    write_be16(to + PROTOCOL, ETHER_IP4);
    to[SIZES] = MAC_SIZE;
    to[SIZES + 1] = IP4_SIZE;
    write_be16(to + OPERATION, p->operation);
    mac_write(to + SENDER_MAC, &p->sender_mac);
    write_be32(to + SENDER, ip4_value(&p->sender));
    mac_write(to + TARGET_MAC, &p->target_mac);
    write_be32(to + TARGET, ip4_value(&p->target));
}
