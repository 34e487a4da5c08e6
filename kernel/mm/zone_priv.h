// SPDX-License-Identifier: Apache-2.0
/*
 * Between the boot memory map, the zones and the per-CPU lists.
 *
 * A zone is 1 GiB of physical address space, aligned, with RAM in it: 64 sections, of which some
 * are on line (their free pages are in the zone's buddy), some off line, and some have too little
 * RAM to be of use.
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/mm/page.h"
#include "lib/alloc/buddy.h"
#include "lib/alloc/ranges.h"

enum {
    SECTION_FRAMES = 1 << (SECTION_SHIFT - PAGE_SHIFT),
    SECTION_ARRAY_PAGES = SECTION_FRAMES * (int)sizeof(struct page) / PAGE_SIZE,
    // A section with less free RAM than this is not worth its page array.
    SECTION_PAGES_MIN = 2 * SECTION_ARRAY_PAGES,
    ZONE_SECTIONS = 64,
};
constexpr uint64_t SECTION_SIZE = 1ull << SECTION_SHIFT;
constexpr uint64_t ZONE_SIZE = SECTION_SIZE * ZONE_SECTIONS;

struct zone {
    struct spinlock lock;
    uint64_t base;       // [I] physical address
    struct buddy buddy;  // [l] what is free on line
    uint64_t online;     // [memmap lock] bit per section: on line
    uint64_t worthwhile; // [memmap lock] bit per section: off line, and may come on line
};

// Boot: the zones, sorted, `base` filled in and the rest zero; and the free RAM in whole pages (byte
// addresses).  Borrows both for ever.
void zone_init(struct zone *zones, size_t count, struct ranges *usable);

// More free RAM: whole pages [start, end) within one section of some zone, not in the map so far.
// ERR_NOSPC: off line, and the map has no room.
status_t zone_add(uint64_t start, uint64_t end);

// Takes a block from what is on line.  False: no zone has one.
bool zone_alloc(unsigned order, uint32_t *frame);
// The same, of the largest order there is up to `max_order`.
bool zone_alloc_up_to(unsigned max_order, uint32_t *frame, unsigned *order);

// Gives a block back, or single pages in any order.
void zone_free(uint32_t frame, unsigned order);
void zone_free_pages(struct page *const *pages, size_t count);

// Brings the lowest useful section on line.  False: all are.
bool zone_grow(void);

// Pages in all zones; free ones on line and off line together (without the per-CPU lists), and
// those off line.
size_t zone_total(void);
size_t zone_available(void);
size_t zone_offline(void);

// Boot, after zone_init: sizes the per-CPU lists and the reserve.
void page_init(void);
