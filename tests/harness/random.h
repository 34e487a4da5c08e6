// SPDX-License-Identifier: Apache-2.0
/* A small repeatable generator (xorshift64*) for tests; a failure is repeated by its seed. */
#pragma once

#include "lib/base/types.h"

struct test_random {
    uint64_t state; // not 0
};

static inline uint64_t test_random_next(struct test_random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1dull;
}

// A number below `limit`, which is not 0.
static inline uint64_t test_random_below(struct test_random *r, uint64_t limit)
{
    return (test_random_next(r) >> 11) % limit;
}
