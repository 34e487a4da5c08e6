// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses of links and of the Internet.  One type holds both versions: an IPv4 address is its
 * IPv4-mapped IPv6 form, ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), as sockets of both versions see it.  So
 * comparing, hashing and looking up are one piece of code.  Mapped addresses never go onto a wire.
 *
 * Two addresses name nobody: `::` (any version, and IPv6's unspecified address) and `::ffff:0.0.0.0`
 * (IPv4's).
 */
#pragma once

#include "lib/base/span.h"

enum { MAC_SIZE = 6, IP4_SIZE = 4, IP6_SIZE = 16, IP_TEXT_SIZE = 46, MAC_TEXT_SIZE = 18 };

// Numbers of protocols (IANA), which are also those of IPv6's next headers.
enum ip_protocol : uint8_t {
    IP_PROTOCOL_ICMP = 1,
    IP_PROTOCOL_IGMP = 2,
    IP_PROTOCOL_TCP = 6,
    IP_PROTOCOL_UDP = 17,
    IP_PROTOCOL_ICMP6 = 58,
};

struct mac_addr {
    uint8_t bytes[MAC_SIZE];
};

struct ip_addr {
    union {
        uint8_t bytes[IP6_SIZE]; // as on the wire
        uint32_t words[4];       // the same, for comparing only
        uint64_t halves[2];
    };
};
static_assert(sizeof(struct ip_addr) == IP6_SIZE);

constexpr struct ip_addr IP_ANY = {};

// `value` in host byte order: 0x7f000001 is 127.0.0.1.
static inline struct ip_addr ip4(uint32_t value)
{
    return (struct ip_addr){.bytes = {[10] = 0xff,
                                      [11] = 0xff,
                                      [12] = (uint8_t)(value >> 24),
                                      (uint8_t)(value >> 16),
                                      (uint8_t)(value >> 8),
                                      (uint8_t)value}};
}

// From the four or sixteen bytes of a header.
static inline struct ip_addr ip4_read(const uint8_t *bytes)
{
    struct ip_addr a = {.bytes = {[10] = 0xff, [11] = 0xff}};
    __builtin_memcpy(a.bytes + IP6_SIZE - IP4_SIZE, bytes, IP4_SIZE);
    return a;
}

static inline struct ip_addr ip6_read(const uint8_t *bytes)
{
    struct ip_addr a;
    __builtin_memcpy(a.bytes, bytes, IP6_SIZE);
    return a;
}

static inline bool ip_is_equal(const struct ip_addr *a, const struct ip_addr *b)
{
    return ((a->halves[0] ^ b->halves[0]) | (a->halves[1] ^ b->halves[1])) == 0;
}

static inline bool ip_is_v4(const struct ip_addr *a)
{
    return a->halves[0] == 0 && read_be32(a->bytes + 8) == 0xffff;
}

// In host byte order.  `a` is of IPv4.
static inline uint32_t ip4_value(const struct ip_addr *a)
{
    return read_be32(a->bytes + 12);
}

// `::` or 0.0.0.0.
static inline bool ip_is_unspecified(const struct ip_addr *a)
{
    return a->halves[0] == 0 && (a->halves[1] == 0 || (ip_is_v4(a) && ip4_value(a) == 0));
}

bool ip_is_loopback(const struct ip_addr *a);   // 127.0.0.0/8, ::1
bool ip_is_multicast(const struct ip_addr *a);  // 224.0.0.0/4, ff00::/8
bool ip_is_link_local(const struct ip_addr *a); // 169.254.0.0/16, fe80::/10; needs an interface
bool ip4_is_broadcast(const struct ip_addr *a); // 255.255.255.255, not that of a subnet

// Whether the first `bits` bits agree; for IPv4 these are counted from its own first one (0 to 32).
// An address of the other version never matches.
bool ip_has_prefix(const struct ip_addr *a, const struct ip_addr *prefix, unsigned bits);

// The address with all bits after the first `bits` cleared (counted as above).
struct ip_addr ip_network(const struct ip_addr *a, unsigned bits);

// The link's address for a multicast address (RFC 1112, 6.4; RFC 2464, 7).
struct mac_addr ip_multicast_mac(const struct ip_addr *a);

// The group that a solicitation for `a` goes to (RFC 4291, 2.7.1).
struct ip_addr ip6_solicited_node(const struct ip_addr *a);

// fe80:: with the interface identifier of a MAC address (RFC 4291, appendix A).
struct ip_addr ip6_link_local(const struct mac_addr *mac);

// Text as RFC 5952 wants it, or dotted; terminated, IP_TEXT_SIZE bytes are always enough.
void ip_print(const struct ip_addr *a, char text[static IP_TEXT_SIZE]);
void mac_print(const struct mac_addr *m, char text[static MAC_TEXT_SIZE]);

// Reads one; the whole span is the address.  ERR_INVAL.
status_t ip_parse(struct span text, struct ip_addr *out);
