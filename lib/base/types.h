// SPDX-License-Identifier: Apache-2.0
/*
 * The scalar types of the whole system.  `paddr_t` is a struct so that the compiler refuses to mix
 * physical and virtual addresses; it costs nothing in machine code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/status.h"

typedef uint64_t nsec_t;   // nanoseconds; monotonic time counts from boot
typedef uintptr_t vaddr_t; // a virtual address, the kernel's or a user's

typedef struct {
    uint64_t raw;
} paddr_t; // a physical address

enum {
    PAGE_SHIFT = 12,
    PAGE_SIZE = 1 << PAGE_SHIFT,
};

constexpr nsec_t NSEC_PER_SEC = 1000000000ull;
constexpr nsec_t NSEC_PER_MSEC = 1000000ull;
constexpr nsec_t NSEC_PER_USEC = 1000ull;
constexpr nsec_t NSEC_NEVER = UINT64_MAX; // a deadline that never comes

static inline paddr_t paddr(uint64_t raw)
{
    return (paddr_t){raw};
}

static inline paddr_t paddr_add(paddr_t base, uint64_t bytes)
{
    return (paddr_t){base.raw + bytes};
}
