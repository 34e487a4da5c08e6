// SPDX-License-Identifier: Apache-2.0
/*
 * The firmware's memory map (UEFI 2.10, 7.2.3 GetMemoryMap): turned into what the kernel is told
 * about memory, and searched for places where a kernel can lie.
 */
#pragma once

#include "abi/bootinfo.h"
#include "lib/base/span.h"
#include "lib/base/types.h"

// The map as the firmware gave it: descriptors `stride` bytes apart, of a size only it knows.
struct efimap {
    struct span bytes;
    size_t stride;
};

/*
 * Takes the map the firmware gave; the bytes are borrowed.  ERR_INVAL: a descriptor is too small,
 * not page aligned or leaves the address space.
 */
status_t efimap_init(struct span bytes, size_t stride, struct efimap *out);

/*
 * Converts the map as it will be once the firmware has gone: sorted by base, neighbours of one
 * kind merged.  Memory type loader data is ours to keep (BOOTINFO_MEMORY_LOADER); loader code,
 * which is the loader itself, is free.
 *
 * ERR_INVAL: ranges overlap.  ERR_NOSPC: more than `capacity` ranges.  `ranges` is scratch unless
 * it succeeds.
 */
status_t efimap_convert(const struct efimap *map, struct bootinfo_memory *ranges, size_t capacity,
                        size_t *out_count);

/*
 * How many multiples of `align` begin `size` bytes of free memory.  `align` is a power of two of
 * at least a page, `size` is not 0.
 */
uint64_t efimap_count_slots(const struct efimap *map, uint64_t size, uint64_t align);

// The slot of that number, counted in the order of the map; ERR_NOENT past the last.
status_t efimap_find_slot(const struct efimap *map, uint64_t size, uint64_t align, uint64_t number,
                          uint64_t *out_base);
