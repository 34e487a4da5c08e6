// SPDX-License-Identifier: Apache-2.0
/* Ethernet's frame header (RFC 894, RFC 2464), and what can be seen of a link's address. */
#pragma once

#include "lib/net/address.h"

enum { ETHERNET_HEADER_SIZE = 14, ETHERNET_TYPE_OFFSET = 12, ETHERNET_MTU = 1500 };

// Types of frames, in host byte order.
enum { ETHER_IP4 = 0x0800, ETHER_ARP = 0x0806, ETHER_IP6 = 0x86dd };

constexpr struct mac_addr MAC_BROADCAST = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct ethernet_header {
    struct mac_addr destination;
    struct mac_addr source;
    uint16_t type; // below 1536 it is a length: a frame of IEEE 802.3, which carries no IP
};

static inline struct mac_addr mac_read(const uint8_t *bytes)
{
    struct mac_addr m;
    __builtin_memcpy(m.bytes, bytes, MAC_SIZE);
    return m;
}

static inline void mac_write(uint8_t *to, const struct mac_addr *m)
{
    __builtin_memcpy(to, m->bytes, MAC_SIZE);
}

static inline bool mac_is_equal(const struct mac_addr *a, const struct mac_addr *b)
{
    return read_be32(a->bytes) == read_be32(b->bytes) &&
           read_be16(a->bytes + 4) == read_be16(b->bytes + 4);
}

// Of a group, of which the broadcast address is one.
static inline bool mac_is_multicast(const struct mac_addr *m)
{
    return (m->bytes[0] & 1) != 0;
}

static inline bool mac_is_broadcast(const struct mac_addr *m)
{
    return mac_is_equal(m, &MAC_BROADCAST);
}

// Whether a host can have it: no group's, and not all zeros.
static inline bool mac_is_unicast(const struct mac_addr *m)
{
    return !mac_is_multicast(m) && (read_be32(m->bytes) | read_be16(m->bytes + 4)) != 0;
}

// ERR_INVAL: cut short.
static inline status_t ethernet_parse(struct span frame, struct ethernet_header *out)
{
    if (frame.size < ETHERNET_HEADER_SIZE) {
        return ERR_INVAL;
    }
    out->destination = mac_read(frame.data);
    out->source = mac_read(frame.data + MAC_SIZE);
    out->type = read_be16(frame.data + ETHERNET_TYPE_OFFSET);
    return OK;
}

static inline void ethernet_emit(const struct ethernet_header *h, uint8_t *to)
{
    mac_write(to, &h->destination);
    mac_write(to + MAC_SIZE, &h->source);
    write_be16(to + ETHERNET_TYPE_OFFSET, h->type);
}
