// SPDX-License-Identifier: Apache-2.0
/* A repeatable generator (SplitMix64): what a seed does, it does again. */
#pragma once

#include "lib/base/types.h"

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
    uint64_t x = r->state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

// A number below `limit`, which is not 0.
static inline uint64_t random_below(struct random *r, uint64_t limit)
{
    return random_next(r) % limit;
}

static inline bool random_one_in(struct random *r, uint64_t n)
{
    return random_below(r, n) == 0;
}

#define random_pick(r, array) (array)[random_below((r), ARRAY_SIZE(array))]
