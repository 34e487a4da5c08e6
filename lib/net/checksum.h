// SPDX-License-Identifier: Apache-2.0
/*
 * The Internet's checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit words.
 *
 * A sum on its way is a uint32_t of at most 0xffff, in the meaning that write_be16 gives it; 0 is an
 * empty one.  A sum over something that is not all zeros is never 0 again.
 *
 *   sum = checksum_pseudo(source, destination, protocol, size);
 *   sum = checksum_add(sum, bytes, size);                     // an even number of bytes, or the last
 *   sum = checksum_join(sum, checksum_add(0, more, n), at);   // any pieces: `at` bytes were before
 *   write_be16(field, checksum_finish(sum));
 */
#pragma once

#include "lib/net/address.h"

// The sum with `size` bytes more, as if they began at an even place.
uint32_t checksum_add(uint32_t sum, const void *data, size_t size);

static inline uint32_t checksum_fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

// Two sums as one: what `more` was made of lies `offset` bytes behind the begin of what `sum` was.
static inline uint32_t checksum_join(uint32_t sum, uint32_t more, size_t offset)
{
    more = checksum_fold(more);
    return checksum_fold(sum + (offset % 2 == 0 ? more : (more << 8 | more >> 8) & 0xffff));
}

static inline uint16_t checksum_finish(uint32_t sum)
{
    return (uint16_t)~checksum_fold(sum);
}

// Whether a sum over everything, with the checksum's field, says that nothing was changed.
static inline bool checksum_is_right(uint32_t sum)
{
    return checksum_fold(sum) == 0xffff;
}

// The sum of the pseudo header of TCP, UDP and ICMPv6, for both versions (RFC 9293, 3.1; RFC 8200,
// 8.1).  `size` is that of the transport's header with its payload.
uint32_t checksum_pseudo(const struct ip_addr *source, const struct ip_addr *destination,
                         uint8_t protocol, uint32_t size);

// The field after a word of what it covers changed (RFC 1624, 3).
static inline uint16_t checksum_update(uint16_t field, uint16_t old, uint16_t now)
{
    return checksum_finish((uint32_t)(uint16_t)~field + (uint16_t)~old + now);
}

// What UDP writes for a checksum: 0 would mean that there is none (RFC 768).
static inline uint16_t checksum_not_zero(uint16_t field)
{
    return field != 0 ? field : 0xffff;
}
