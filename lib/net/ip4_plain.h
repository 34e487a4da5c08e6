// SPDX-License-Identifier: Apache-2.0
/*
 * IPv4 headers of the usual kind, of a whole packet and without options: made and read in registers, for
 * those who do it for every packet.  All others are ip4.h's.
 */
#pragma once

#include "lib/net/ip4.h"

// The ones' complement sum of a header's words, as they lie in memory, folded to 16 bits.
static inline uint32_t ip4_plain_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)sum;
}

static inline uint32_t ip4_plain_sum(const uint8_t *p)
{
    uint64_t first = read_le64(p);
    uint64_t second = read_le64(p + 8);
    return ip4_plain_fold((first & UINT32_MAX) + (first >> 32) + (second & UINT32_MAX) +
                          (second >> 32) + read_le32(p + 16));
}

// Whether the packet with the first `size` bytes at `p` and `total` in all begins with such a header,
// with the right checksum and a size that fits.
static inline bool ip4_is_plain(const uint8_t *p, size_t size, size_t total)
{
    enum { VERSION_AND_SIZE = 0x45, FRAGMENT = 0x3fff };
    return size >= IP4_HEADER_MIN && p[0] == VERSION_AND_SIZE &&
           (read_be16(p + 6) & FRAGMENT) == 0 && read_be16(p + 2) >= IP4_HEADER_MIN &&
           read_be16(p + 2) <= total && ip4_plain_sum(p) == 0xffff;
}

// As ip4_emit, for a header without fragment and options.  Words are put together as they lie in memory.
static inline void ip4_emit_plain(const struct ip4_header *h, uint8_t *to)
{
    uint32_t words[IP4_HEADER_MIN / 4] = {
        __builtin_bswap32(0x45u << 24 | (uint32_t)h->traffic_class << 16 | h->total_size),
        __builtin_bswap32((uint32_t)h->id << 16 | (h->dont_fragment ? 0x4000u : 0)),
        (uint32_t)h->protocol << 8 | h->hop_limit,
        h->source.words[3],
        h->destination.words[3],
    };
    uint64_t sum = (uint64_t)words[0] + words[1] + words[2] + words[3] + words[4];
    words[2] |= (ip4_plain_fold(sum) ^ 0xffff) << 16;
    __builtin_memcpy(to, words, sizeof(words));
}
