// SPDX-License-Identifier: Apache-2.0
/*
 * The header of IPv4 (RFC 791).  Options are walked, so that they are known to fit, and skipped: only
 * those that change what a host does with the packet are told of.
 */
#pragma once

#include "lib/net/address.h"

enum { IP4_HEADER_MIN = 20, IP4_HEADER_MAX = 60, IP4_MTU_MIN = 68, IP4_PACKET_MAX = 65535 };

struct ip4_header {
    struct ip_addr source;
    struct ip_addr destination;
    uint16_t total_size;      // bytes, of the header with its payload
    uint16_t header_size;     // bytes, with options; ip4_emit looks at has_router_alert instead
    uint16_t id;              // of the datagram that a fragment belongs to
    uint16_t fragment_offset; // bytes
    uint8_t traffic_class;
    uint8_t hop_limit;
    uint8_t protocol;
    bool dont_fragment;
    bool has_more;         // fragments behind this one
    bool has_router_alert; // RFC 2113
    bool has_source_route; // received only: a host that is not its end drops it
};

static inline bool ip4_is_fragment(const struct ip4_header *h)
{
    return h->has_more || h->fragment_offset != 0;
}

// Reads the header at the begin of `front`, which may be less than the packet's `total` bytes (of
// which those behind total_size are padding of the link).  ERR_INVAL: cut short, not of version 4,
// sizes that contradict each other, a fragment that would end behind 64 KiB, malformed options, a source
// that is no host's, or another checksum.
status_t ip4_parse(struct span front, size_t total, struct ip4_header *out);

// The same for a header that an ICMP error quotes: nothing is said about its payload and checksum.
status_t ip4_parse_quoted(struct span front, struct ip4_header *out);

static inline size_t ip4_header_size(const struct ip4_header *h)
{
    return h->has_router_alert ? IP4_HEADER_MIN + 4 : IP4_HEADER_MIN;
}

// Writes the header with its checksum; gives ip4_header_size, which total_size includes.
size_t ip4_emit(const struct ip4_header *h, uint8_t *to);

// One line of text for logs and tests, terminated, cut at `size`.
void ip4_print(const struct ip4_header *h, char *text, size_t size);
