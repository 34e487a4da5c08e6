// SPDX-License-Identifier: Apache-2.0
/*
 * Boot: from the firmware's description of RAM to a running memory system.
 *
 *   collecting   main.c gives what the device tree or the firmware's memory map says with
 *                memory_add, memory_reserve and memory_exclude, in any order
 *   building     memory_init maps all RAM into the linear map; page-table pages come straight from
 *                the map of free RAM, first through the architecture's windows, after
 *                arch_linear_map_ready through the linear map
 *   running      the page allocator serves everybody; memory_release gives reserved RAM to it
 *
 * What is free at the end: whole pages that lie in some RAM range and in no other range, outside
 * the kernel image.  RAM is mapped read-write and never executable; the alias of the kernel's text
 * and read-only data is mapped read-only.
 *
 * Single-threaded until memory_init returns; memory_release may then be called from any thread.
 */
#pragma once

#include "lib/base/types.h"

// RAM.  Ranges may overlap, be unaligned, or be empty.  ERR_NOSPC: too many pieces; the range is
// left out, which costs memory but no safety.
status_t memory_add(paddr_t base, uint64_t size);

// RAM that is in use already (device tree, ramdisk, boot information): mapped, but not free.
// When there are too many pieces, what lies between two of them is reserved as well.
void memory_reserve(paddr_t base, uint64_t size);

// RAM that belongs to the firmware: neither mapped nor free.
void memory_exclude(paddr_t base, uint64_t size);

// ERR_NOMEM: not enough RAM to run.
status_t memory_init(void);

// The RAM that carries the record of a panic over a warm reset: CRASH_AREA_SIZE bytes, mapped and
// never free, at the place of lib/crash/place.h.  False: there is none.
bool memory_crash_area(paddr_t *out);

// Gives reserved RAM to the allocator: the whole pages in the range, which nobody uses any more.
// Pages that are no RAM, or excluded, are left alone.
void memory_release(paddr_t base, uint64_t size);

// Whether any of the range is RAM that the kernel has mapped.
bool memory_has_ram(paddr_t base, uint64_t size);
