// SPDX-License-Identifier: Apache-2.0
/*
 * Prefixes of addresses and the longest of them that an address has: a path-compressed binary trie.
 * Both versions lie in one trie, since an IPv4 address has its place in IPv6's space.
 *
 * A node is a prefix that somebody put in (is_prefix), or only joins two below it; one without two
 * below it that is no prefix does not stay.  So a trie of n prefixes has less than 2 n nodes, and a
 * look-up visits at most as many as the address has bits, in practice the logarithm of n.
 *
 * Memory for nodes is the caller's: two for each prefix that is put in, of which what is not needed
 * comes back, as does what is not needed any more.  The caller locks.
 */
#pragma once

#include "lib/net/address.h"

enum { ROUTE_BITS_MAX = 128, ROUTE_V4_BITS = 96 }; // bits in front of an IPv4 address

struct route_node {
    struct route_node *child[2];
    struct route_node *parent;
    struct ip_addr key; // bits behind the first `bits` are 0
    uint8_t bits;       // 0 to ROUTE_BITS_MAX
    bool is_prefix;
};

struct route_trie {
    struct route_node *root;
};

// Bits of a prefix of an address in the trie, from those counted as ip_has_prefix does.
static inline uint8_t route_bits(const struct ip_addr *a, uint8_t prefix)
{
    return (uint8_t)(ip_is_v4(a) ? prefix + ROUTE_V4_BITS : prefix);
}

// The prefix itself; NULL: it is not there.  `bits` are those of route_bits, as everywhere below.
struct route_node *route_find(const struct route_trie *t, const struct ip_addr *key, uint8_t bits);

// The longest prefix that the address has, NULL: none; and the next shorter one that it has as well.
struct route_node *route_longest(const struct route_trie *t, const struct ip_addr *a);
struct route_node *route_shorter(const struct route_node *n);

// Puts a prefix in that is not there: `spare` are two nodes of the caller.  Gives the prefix's node;
// what was not needed stays in `spare`, the rest is NULL there.
struct route_node *route_insert(struct route_trie *t, const struct ip_addr *key, uint8_t bits,
                                struct route_node *spare[static 2]);

// Takes a prefix out.  `freed` are the nodes that the trie does not need any more, or NULL.
void route_remove(struct route_trie *t, struct route_node *n, struct route_node *freed[static 2]);
