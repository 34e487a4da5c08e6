// SPDX-License-Identifier: Apache-2.0
/*
 * The header of IPv6 (RFC 8200) and the chain of extension headers behind it.
 *
 *   ip6_parse -> ip6_walk -> IP6_WALK_TRANSPORT: `next` at `offset`
 *                         -> IP6_WALK_FRAGMENT: to the reassembly, and with the whole packet anew
 *                         -> IP6_WALK_PROBLEM: an ICMPv6 parameter problem goes to the sender
 *
 * The walk has limits, since each header costs time that the sender does not pay for (RFC 8504, 5.3):
 * headers, options in one, and bytes in all.  What goes beyond is dropped.
 */
#pragma once

#include "lib/net/address.h"

enum {
    IP6_HEADER_SIZE = 40,
    IP6_FRAGMENT_SIZE = 8, // of the fragment header
    IP6_MTU_MIN = 1280,
    IP6_PAYLOAD_MAX = 65535,
    IP6_EXTENSIONS_MAX = 8,  // headers
    IP6_OPTIONS_MAX = 8,     // in one header, padding not counted
    IP6_CHAIN_SIZE_MAX = 512 // bytes of all extension headers
};

// Next headers that are no transports.
enum {
    IP6_HOP_BY_HOP = 0,
    IP6_ROUTING = 43,
    IP6_FRAGMENT = 44,
    IP6_NO_NEXT = 59,
    IP6_DESTINATION = 60,
};

struct ip6_header {
    struct ip_addr source;
    struct ip_addr destination;
    uint32_t flow_label;
    uint16_t payload_size; // bytes behind the header
    uint8_t next;
    uint8_t hop_limit;
    uint8_t traffic_class;
};

// Reads the header at the begin of `front`, which may be less than the packet's `total` bytes (of
// which those behind the payload are padding of the link).  ERR_INVAL: cut short, not of version 6, a
// source that is a group, or IPv4's addresses in disguise, which never come from a wire.
status_t ip6_parse(struct span front, size_t total, struct ip6_header *out);

// The same for a header that an ICMP error quotes: the payload may be cut short.
status_t ip6_parse_quoted(struct span front, struct ip6_header *out);

// Writes IP6_HEADER_SIZE bytes.
void ip6_emit(const struct ip6_header *h, uint8_t *to);

struct ip6_fragment {
    uint32_t id;
    uint16_t offset; // bytes
    uint8_t next;    // what the reassembled packet has in the place of the fragment header
    bool has_more;
};

// Writes IP6_FRAGMENT_SIZE bytes.
void ip6_fragment_emit(const struct ip6_fragment *f, uint8_t *to);

enum ip6_walk_end : uint8_t {
    IP6_WALK_TRANSPORT, // it ends with `next`, which is not an extension header
    IP6_WALK_FRAGMENT,  // `fragment` is set, `offset` behind its header
    IP6_WALK_NOTHING,   // there is nothing behind the headers
    IP6_WALK_DROP,      // malformed, over a limit, or an option says so
    IP6_WALK_PROBLEM,   // dropped, and the sender is told: `problem`
};

// Codes of ICMPv6's parameter problem (RFC 4443, 3.4; RFC 7112, 5).
enum ip6_problem_code : uint8_t {
    IP6_PROBLEM_FIELD = 0,
    IP6_PROBLEM_NEXT = 1,
    IP6_PROBLEM_OPTION = 2,
    IP6_PROBLEM_CHAIN = 3,
};

struct ip6_problem {
    enum ip6_problem_code code;
    bool is_for_groups; // it is told also if the packet went to a group
    uint32_t pointer;   // bytes from the IPv6 header to what was wrong
};

struct ip6_walk {
    uint8_t next;          // header that comes next, or where it ended
    uint8_t count;         // headers so far
    bool has_router_alert; // RFC 2711
    bool is_atomic;        // a fragment header for a packet in one piece (RFC 6946) was passed
    uint32_t offset;       // bytes from the IPv6 header to `next`
    uint32_t next_field;   // the same to the field that said `next`
    struct ip6_fragment fragment;
    uint32_t fragment_field; // with IP6_WALK_FRAGMENT: to the field that said IP6_FRAGMENT
    struct ip6_problem problem;
};

// Whether there is anything to walk: for most packets there is not.
static inline bool ip6_is_extension(uint8_t next)
{
    return next == IP6_HOP_BY_HOP || next == IP6_ROUTING || next == IP6_FRAGMENT ||
           next == IP6_DESTINATION || next == IP6_NO_NEXT;
}

// Walks the headers behind the IPv6 header at the begin of `front`, which has the packet's first
// IP6_HEADER_SIZE + IP6_CHAIN_SIZE_MAX + IP6_FRAGMENT_SIZE bytes or all of it: its total size after
// the IPv6 header said so.
enum ip6_walk_end ip6_walk(struct span front, struct ip6_walk *out);

// One line of text for logs and tests, terminated, cut at `size`.
void ip6_print(const struct ip6_header *h, char *text, size_t size);
