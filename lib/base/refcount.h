// SPDX-License-Identifier: Apache-2.0
/*
 * A reference count that saturates instead of wrapping: a count that ran away keeps its object for
 * ever, which leaks memory but lets nobody use freed memory.
 *
 * Ordering: taking a reference needs none (who takes one has one).  Dropping releases what the
 * holder did to the object; the last drop acquires what all others did, before the object dies.
 */
#pragma once

#include <stdatomic.h>

#include "lib/base/types.h"

typedef struct {
    _Atomic uint32_t raw;
} refcount_t;

constexpr uint32_t REFCOUNT_SATURATED = 0xc0000000;

static inline void refcount_init(refcount_t *r, uint32_t value)
{
    atomic_store_explicit(&r->raw, value, memory_order_relaxed);
}

static inline uint32_t refcount_read(const refcount_t *r)
{
    return atomic_load_explicit(&r->raw, memory_order_relaxed);
}

static inline void refcount_inc(refcount_t *r)
{
    uint32_t old = atomic_fetch_add_explicit(&r->raw, 1, memory_order_relaxed);
    if (__builtin_expect(old >= REFCOUNT_SATURATED, 0)) {
        atomic_store_explicit(&r->raw, REFCOUNT_SATURATED, memory_order_relaxed);
    }
}

// For look-ups that may meet a dying object: false if the count is 0 already.
static inline bool refcount_inc_unless_zero(refcount_t *r)
{
    uint32_t old = atomic_load_explicit(&r->raw, memory_order_relaxed);
    do {
        if (old == 0) {
            return false;
        }
    } while (old < REFCOUNT_SATURATED &&
             !atomic_compare_exchange_weak_explicit(&r->raw, &old, old + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

// True when this was the last reference.
static inline bool refcount_dec(refcount_t *r)
{
    uint32_t old = atomic_fetch_sub_explicit(&r->raw, 1, memory_order_release);
    if (__builtin_expect(old >= REFCOUNT_SATURATED, 0)) {
        atomic_store_explicit(&r->raw, REFCOUNT_SATURATED, memory_order_relaxed);
        return false;
    }
    if (old != 1) {
        return false;
    }
    atomic_thread_fence(memory_order_acquire);
    return true;
}
