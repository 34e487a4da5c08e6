// SPDX-License-Identifier: Apache-2.0
/*
 * A ring of bytes in the caller's storage, whose size is a power of two.  Both positions run freely
 * and wrap, so a full ring and an empty one differ.  The caller locks.
 */
#pragma once

#include "lib/base/bits.h"
#include "lib/base/string.h"

struct ring {
    uint8_t *bytes;
    uint32_t size;
    uint32_t in;  // bytes ever put
    uint32_t out; // bytes ever taken
};

static inline void ring_init(struct ring *r, uint8_t *bytes, uint32_t size)
{
    r->bytes = bytes;
    r->size = size;
    r->in = 0;
    r->out = 0;
}

static inline uint32_t ring_used(const struct ring *r)
{
    return r->in - r->out;
}

static inline uint32_t ring_room(const struct ring *r)
{
    return r->size - ring_used(r);
}

// The longest run of free bytes that is contiguous in memory, to be filled and then announced with
// ring_commit; and of used bytes, to be read and then dropped with ring_consume.
static inline uint8_t *ring_free_run(const struct ring *r, uint32_t *len)
{
    uint32_t start = r->in & (r->size - 1);
    *len = (uint32_t)u64_min(ring_room(r), r->size - start);
    return r->bytes + start;
}

static inline const uint8_t *ring_used_run(const struct ring *r, uint32_t *len)
{
    uint32_t start = r->out & (r->size - 1);
    *len = (uint32_t)u64_min(ring_used(r), r->size - start);
    return r->bytes + start;
}

static inline void ring_commit(struct ring *r, uint32_t len)
{
    r->in += len;
}

static inline void ring_consume(struct ring *r, uint32_t len)
{
    r->out += len;
}

// Copies in and out as much as there is room and as there is; give the number of bytes.
static inline size_t ring_put(struct ring *r, const uint8_t *from, size_t size)
{
    size_t done = 0;
    uint32_t run;
    uint8_t *to = ring_free_run(r, &run);
    while (done < size && run > 0) {
        uint32_t n = (uint32_t)u64_min(size - done, run);
        memcpy(to, from + done, n);
        ring_commit(r, n);
        done += n;
        to = ring_free_run(r, &run);
    }
    return done;
}

static inline size_t ring_get(struct ring *r, uint8_t *to, size_t size)
{
    size_t done = 0;
    uint32_t run;
    const uint8_t *from = ring_used_run(r, &run);
    while (done < size && run > 0) {
        uint32_t n = (uint32_t)u64_min(size - done, run);
        memcpy(to + done, from, n);
        ring_consume(r, n);
        done += n;
        from = ring_used_run(r, &run);
    }
    return done;
}
