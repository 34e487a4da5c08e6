// SPDX-License-Identifier: Apache-2.0
/*
 * Boot: from the firmware's description of RAM to a running memory system.
 *
 * main.c collects RAM ranges and reservations (device tree, or the firmware's memory map) with
 * memory_add and memory_reserve, in any order, then calls memory_init once: it builds the linear
 * map with precise permissions, brings the first section on line, and the allocators work.
 */
#pragma once

#include "lib/base/types.h"

// Ranges may overlap, be unaligned, or be empty; the result is what is in some RAM range and in no
// reservation, in whole pages.  ERR_NOSPC: the map is too fragmented for its early storage (a
// range is then left out, which costs memory but no safety).
status_t memory_add(paddr_t base, uint64_t size);
status_t memory_reserve(paddr_t base, uint64_t size);

// ERR_NOMEM: not enough RAM to run.
status_t memory_init(void);

// Gives reserved RAM back to the allocator (device tree, boot information after use).
void memory_release(paddr_t base, uint64_t size);
