// SPDX-License-Identifier: Apache-2.0
/*
 * Fragments, from the input of both versions: ip_fragment.c keeps them, ip_reassembly.c makes one packet
 * of them.
 */
#pragma once

#include "kernel/net/ip_priv.h"
#include "lib/net/reassembly.h"

struct ip4_header;
struct ip6_walk;

// A fragment; `data` behind its IPv4 header, or at the IPv6 header.  Both take it, and deliver what is
// whole then.
void ip4_reassemble(struct packet *p, const struct ip4_header *h, const struct ip_meta *m);
void ip6_reassemble(struct packet *p, const struct ip6_walk *w, const struct ip_meta *m);
void ip_reassembly_flush(const struct netif *n); // the link went
void ip_reassembly_init(void);

/* ---- Between the two ---- */

struct fragment_key {
    struct ip_addr source; // first: all of one sender lie side by side
    struct ip_addr destination;
    uint32_t netif;
    uint32_t id;
    uint64_t
        protocol; // of IPv4 only; as wide as that there is no padding, since keys are compared whole
};
static_assert(sizeof(struct fragment_key) == 2 * IP6_SIZE + 16);

struct datagram {
    struct rb_node node; // [l]
    struct list link;    // [l] of its version, oldest first
    struct fragment_key key;
    struct ip_meta meta; // of the first fragment, once it is there
    nsec_t deadline;
    uint32_t charge; // bytes that it takes
    uint32_t
        header_size; // of the first fragment: what stands before the fragment header, or payload
    uint32_t next_field; // IPv6: where in that the number of what follows stands
    uint8_t first_next;  // IPv6: what that is
    struct reassembly machine;
    struct reassembly_piece pieces[REASSEMBLY_PIECES_MAX];
};

struct fragment_arrival {
    struct fragment_key key;
    struct reassembly_fragment fragment;
    uint32_t header_size; // bytes from the network's header that are kept of the first one
    uint32_t next_field;
};

// Puts a fragment to the others, and gives what is whole now, out of the table, or NULL.  The packet is
// kept with REASSEMBLY_KEPT and REASSEMBLY_WHOLE, else still the caller's.
struct datagram *ip_fragment_arrive(struct packet *p, const struct fragment_arrival *a,
                                    const struct ip_meta *m, enum reassembly_end *end);
void ip_fragment_destroy(struct datagram *d); // NULL is fine
