// SPDX-License-Identifier: Apache-2.0
/* Short byte strings a word of eight at a time; nothing outside of them is read. */
#pragma once

#include "lib/base/span.h"

// The `n` bytes at `p`, 1 to 7, as the low ones of a word.
static inline uint64_t word_of(const uint8_t *p, size_t n)
{
    // Two reads that overlap agree where they do.
    if (n >= 4) {
        return read_le32(p) | (uint64_t)read_le32(p + n - 4) << (8 * (n - 4));
    }
    return n == 1 ? p[0] : read_le16(p) | (uint64_t)read_le16(p + n - 2) << (8 * (n - 2));
}

// Not 0 if a byte of the word is `byte`; then the lowest bit that is set lies in the first.
static inline uint64_t word_find(uint64_t word, uint8_t byte)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t zero = word ^ ones * byte;
    return (zero - ones) & ~zero & ones << 7;
}

// Bytes in front of the first that is `byte`, which is not 0; `size` if there is none.
static inline size_t words_find(const uint8_t *p, size_t size, uint8_t byte)
{
    for (size_t at = 0; at < size; at += 8) {
        bool is_whole = size - at >= 8;
        uint64_t found = word_find(is_whole ? read_le64(p + at) : word_of(p + at, size - at), byte);
        if (found != 0) {
            return at + (size_t)__builtin_ctzll(found) / 8;
        }
    }
    return size;
}

static inline bool words_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
    for (; size >= 8; size -= 8, a += 8, b += 8) {
        if (read_le64(a) != read_le64(b)) {
            return false;
        }
    }
    return size == 0 || word_of(a, size) == word_of(b, size);
}

// A hash whose upper half is the better one.
static inline uint64_t words_hash(const uint8_t *p, size_t size)
{
    const uint64_t odd = 0x9e3779b97f4a7c15;
    uint64_t hash = size * odd;
    for (; size >= 8; size -= 8, p += 8) {
        hash = (__builtin_rotateright64(hash, 23) ^ read_le64(p)) * odd;
    }
    return size == 0 ? hash : (__builtin_rotateright64(hash, 23) ^ word_of(p, size)) * odd;
}
