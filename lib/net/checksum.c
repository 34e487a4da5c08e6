// SPDX-License-Identifier: Apache-2.0
/*
 * Words of eight bytes are added as they lie in memory: the order of bytes in a ones' complement sum
 * matters only at its end (RFC 1071, 2 B), and so does its width (2 C).
 */
#include "lib/net/checksum.h"

#include "lib/base/words.h"

// The sum with an end-around carry.
static inline uint64_t add64(uint64_t sum, uint64_t word)
{
    unsigned long long carry;
    sum = __builtin_addcll(sum, word, 0, &carry);
    return sum + carry;
}

// Four words in one chain of carries.
static inline uint64_t add_block(uint64_t sum, const uint8_t *p)
{
    unsigned long long carry;
    sum = __builtin_addcll(sum, read_le64(p), 0, &carry);
    sum = __builtin_addcll(sum, read_le64(p + 8), carry, &carry);
    sum = __builtin_addcll(sum, read_le64(p + 16), carry, &carry);
    sum = __builtin_addcll(sum, read_le64(p + 24), carry, &carry);
    return sum + carry; // does not overflow: with a carry the sum is below its largest value
}

uint32_t checksum_add(uint32_t sum, const void *data, size_t size)
{
    enum { BLOCK = 32 };
    const uint8_t *p = data;
    uint64_t a = 0;
    uint64_t b = 0; // a chain of its own, which need not wait for the first one's carry
    for (; size >= 2 * (size_t)BLOCK; size -= 2 * (size_t)BLOCK, p += 2 * (size_t)BLOCK) {
        a = add_block(a, p);
        b = add_block(b, p + BLOCK);
    }
    for (; size >= 8; size -= 8, p += 8) {
        a = add64(a, read_le64(p));
    }
    if (size != 0) {
        a = add64(a, word_of(p, size));
    }
    a = add64(a, b);
    a = (a & UINT32_MAX) + (a >> 32);
    a = (a & UINT32_MAX) + (a >> 32);
    uint32_t folded = checksum_fold((uint32_t)a);
    return checksum_fold(checksum_fold(sum) + (folded >> 8 | (folded << 8 & 0xff00)));
}

uint32_t checksum_pseudo(const struct ip_addr *source, const struct ip_addr *destination,
                         uint8_t protocol, uint32_t size)
{
    // IPv4's addresses come as mapped ones, whose ffff is 0 in a ones' complement sum; what else IPv6
    // has in other places and widths adds up to the same.
    uint32_t sum = checksum_fold(protocol + checksum_fold(size));
    sum = checksum_add(sum, source->bytes, IP6_SIZE);
    return checksum_add(sum, destination->bytes, IP6_SIZE);
}
