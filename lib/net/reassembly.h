// SPDX-License-Identifier: Apache-2.0
/*
 * Fragments of one datagram, of either version, put in order (RFC 791, 3.2; RFC 8200, 4.5).  The machine
 * knows places and sizes; the caller keeps the packets, and drops what it is told to drop.
 *
 *   reassembly_init -> reassembly_add ... -> REASSEMBLY_WHOLE: pieces[0 .. count) are the datagram
 *                                         -> REASSEMBLY_DEAD: drop all of it; what still comes is ignored
 *                   -> REASSEMBLY_TIMEOUT after the first one that came: drop all of it; who sent it is told
 *                      if the first piece is there
 *
 * Fragments that overlap end the whole datagram (RFC 5722), since hosts and filters would see different
 * ones; an exact repetition is ignored.  The state of a dead one is kept until its time is over, so that
 * the rest of it does not begin anew.
 */
#pragma once

#include "lib/base/types.h"

enum {
    REASSEMBLY_SIZE_MAX = 65535,   // bytes of a datagram
    REASSEMBLY_PIECES_MAX = 128,   // enough for the largest datagram in packets of 576 bytes
    REASSEMBLY_FIRST_MIN = 8,      // bytes of a first fragment
    REASSEMBLY_FIRST_MIN_TCP = 20, // so that nobody decides by half a header (RFC 1858, 4)
};

constexpr nsec_t REASSEMBLY_TIMEOUT4 = 30 * NSEC_PER_SEC;
constexpr nsec_t REASSEMBLY_TIMEOUT6 = 60 * NSEC_PER_SEC; // RFC 8200, 4.5

struct reassembly_piece {
    void *what;      // the caller's: the packet
    uint16_t offset; // bytes
    uint16_t size;   // bytes
};

struct reassembly_fragment {
    uint16_t offset; // bytes
    uint32_t size;   // bytes of payload: what is fragmented
    bool has_more;
    uint8_t protocol; // of the transport, or the first fragmented header
    uint8_t ecn;      // two bits
    // Bytes that count for the size of the datagram beside the payload: of IPv4 the header, of IPv6 the
    // extension headers in front of the fragment header.
    uint16_t header_size;
};

enum reassembly_end : uint8_t {
    REASSEMBLY_KEPT,
    REASSEMBLY_WHOLE,    // kept, and now nothing is missing
    REASSEMBLY_IGNORED,  // was there already, or the datagram is dead: drop this one
    REASSEMBLY_BAD_SIZE, // more follows, but it does not end at a multiple of 8: drop this one
    REASSEMBLY_TOO_LONG, // it would end behind 64 KiB: drop this one
    REASSEMBLY_DEAD,     // drop this one and all others
};

struct reassembly {
    struct reassembly_piece *pieces; // in order, without overlaps
    uint16_t capacity;
    uint16_t count;
    uint32_t kept;  // bytes of payload
    uint32_t total; // bytes of payload that the datagram has; 0: the last fragment did not come yet
    uint16_t header_size; // of the first fragment
    uint8_t ecn_seen;     // bit n: a fragment with these two bits
    bool is_dead;
};

// `pieces` is the caller's, for as long as the machine is used.
void reassembly_init(struct reassembly *r, struct reassembly_piece *pieces, uint16_t capacity);

// A fragment, whose `what` the machine keeps with REASSEMBLY_KEPT and REASSEMBLY_WHOLE.
enum reassembly_end reassembly_add(struct reassembly *r, const struct reassembly_fragment *f,
                                   void *what);

static inline bool reassembly_has_first(const struct reassembly *r)
{
    return r->count != 0 && r->pieces[0].offset == 0;
}

// The two bits of ECN of a whole datagram (RFC 3168, 5.3): one congested fragment marks all of it.
uint8_t reassembly_ecn(const struct reassembly *r, uint8_t first);
