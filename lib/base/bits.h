// SPDX-License-Identifier: Apache-2.0
/* Small arithmetic that everybody needs: alignment, sizes, minimum and maximum. */
#pragma once

#include "lib/base/types.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

// The struct of type `type` whose field `member` is at `pointer`.
#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

/*@ assigns \nothing;
    ensures \result == (a < b ? a : b); */
static inline uint64_t u64_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t u64_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline bool is_pow2(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

// `align` is a power of two.  align_up wraps to 0 past the end of the range.
static inline uint64_t align_down(uint64_t x, uint64_t align)
{
    return x & ~(align - 1);
}

static inline uint64_t align_up(uint64_t x, uint64_t align)
{
    return (x + align - 1) & ~(align - 1);
}

static inline bool is_aligned(uint64_t x, uint64_t align)
{
    return (x & (align - 1)) == 0;
}

// Index of the highest set bit; `x` is not 0.
static inline unsigned log2_floor(uint64_t x)
{
    return 63u - (unsigned)__builtin_clzll(x);
}

static inline unsigned log2_ceil(uint64_t x)
{
    return x <= 1 ? 0 : log2_floor(x - 1) + 1;
}

static inline size_t pages_for(uint64_t bytes)
{
    return (size_t)((bytes + PAGE_SIZE - 1) >> PAGE_SHIFT);
}
