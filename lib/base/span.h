// SPDX-License-Identifier: Apache-2.0
/* A borrowed run of bytes, and access in both byte orders that demands no alignment. */
#pragma once

#include "lib/base/types.h"

struct span {
    const uint8_t *data;
    size_t size;
};

static inline struct span span_of(const void *data, size_t size)
{
    return (struct span){.data = data, .size = size};
}

// Whether the bytes are those of `text`, without its NUL.
static inline bool span_is(struct span s, const char *text)
{
    size_t i = 0;
    while (i < s.size && text[i] != '\0' && s.data[i] == (uint8_t)text[i]) {
        i++;
    }
    return i == s.size && text[i] == '\0';
}

// Whether [offset, offset + size) lies inside the span; no sum can overflow.
static inline bool span_has(struct span s, uint64_t offset, uint64_t size)
{
    return offset <= s.size && size <= s.size - offset;
}

static inline uint32_t read_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t read_be64(const uint8_t *p)
{
    return (uint64_t)read_be32(p) << 32 | read_be32(p + 4);
}

static inline uint16_t read_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t read_le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint64_t read_le64(const uint8_t *p)
{
    return (uint64_t)read_le32(p + 4) << 32 | read_le32(p);
}

static inline void write_le32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
    p[3] = (uint8_t)(value >> 24);
}

static inline uint16_t read_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void write_be16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void write_be32(uint8_t *p, uint32_t value)
{
    write_be16(p, (uint16_t)(value >> 16));
    write_be16(p + 2, (uint16_t)value);
}
