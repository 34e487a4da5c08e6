// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/memmap.h"

#include "kernel/core/panic.h"
#include "kernel/mm/cache.h"
#include "kernel/mm/zone_priv.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/crash/place.h"
#include "lib/crash/record.h"

enum {
    RANGES_MAX = 128,      // of RAM, and of each other kind
    MEMORY_PAGES_MIN = 64, // with less there is no point in starting
};

enum phase {
    PHASE_COLLECTING,
    PHASE_UNMAPPED, // the linear map is being built
    PHASE_MAPPED,   // it stands, the page allocator does not
    PHASE_RUNNING,
};

static struct range ram_items[RANGES_MAX];
static struct range usable_items[RANGES_MAX];
static struct range reserved_items[RANGES_MAX];
static struct range excluded_items[RANGES_MAX];

// Byte addresses.
static struct {
    enum phase phase;       // [I] after boot
    struct ranges ram;      // [I] after boot; what is in the linear map
    struct ranges usable;   // [I] until zone_init has it
    struct ranges reserved; // [I] after boot
    struct ranges excluded; // [I] after boot
    uint64_t crash_area;    // [I] after boot; 0: none
} map = {
    .ram = {ram_items, 0, RANGES_MAX},
    .usable = {usable_items, 0, RANGES_MAX},
    .reserved = {reserved_items, 0, RANGES_MAX},
    .excluded = {excluded_items, 0, RANGES_MAX},
};

static uint64_t end_of(paddr_t base, uint64_t size)
{
    return size <= RAM_END && base.raw <= RAM_END - size ? base.raw + size : RAM_END;
}

status_t memory_add(paddr_t base, uint64_t size)
{
    return ranges_add(&map.ram, base.raw, end_of(base, size));
}

void memory_reserve(paddr_t base, uint64_t size)
{
    ranges_add_widening(&map.reserved, base.raw, end_of(base, size));
}

void memory_exclude(paddr_t base, uint64_t size)
{
    ranges_add_widening(&map.excluded, base.raw, end_of(base, size));
}

// Takes the pages that `other` touches out of `set`.
static void subtract(struct ranges *set, const struct ranges *other)
{
    for (size_t i = 0; i < other->count; i++) {
        ranges_remove(set, align_down(other->items[i].start, PAGE_SIZE),
                      align_up(other->items[i].end, PAGE_SIZE));
    }
}

static void find_usable(void)
{
    ranges_trim(&map.ram, PAGE_SIZE);
    subtract(&map.ram, &map.excluded);
    memory_reserve(arch_image_paddr(), arch_image_size());
    // Frame 0 stays unused, so that a physical address of 0 is always a mistake.
    memory_reserve(paddr(0), PAGE_SIZE);
    memcpy(usable_items, ram_items, sizeof(usable_items));
    map.usable.count = map.ram.count;
    subtract(&map.usable, &map.reserved);
    if (crash_place(&map.ram, &map.usable, &map.crash_area)) {
        ranges_remove(&map.usable, map.crash_area, map.crash_area + CRASH_AREA_SIZE);
        memory_reserve(paddr(map.crash_area), CRASH_AREA_SIZE);
    }
}

bool memory_crash_area(paddr_t *out)
{
    *out = paddr(map.crash_area);
    return map.crash_area != 0;
}

// Takes pages for ever, before there is an allocator.
static status_t take_early(size_t pages, paddr_t *out)
{
    uint64_t size = (uint64_t)pages << PAGE_SHIFT;
    for (size_t i = 0; i < map.usable.count; i++) {
        struct range r = map.usable.items[i];
        if (r.end - r.start >= size) {
            ranges_remove(&map.usable, r.start, r.start + size);
            *out = paddr(r.start);
            return OK;
        }
    }
    return ERR_NOMEM;
}

static void zero_early(paddr_t base, size_t pages)
{
    for (size_t i = 0; i < pages; i++) {
        arch_page_zero(phys_to_virt(paddr_add(base, (uint64_t)i << PAGE_SHIFT)));
    }
}

status_t kernel_table_page_alloc(paddr_t *out)
{
    if (LIKELY(map.phase == PHASE_RUNNING)) {
        struct page *p = NULL;
        status_t status = page_alloc_one(PAGE_ZEROED, PAGE_TABLE, &p);
        if (status == OK) {
            *out = page_paddr(p);
        }
        return status;
    }
    status_t status = take_early(1, out);
    if (status == OK && map.phase == PHASE_MAPPED) {
        zero_early(*out, 1);
    }
    return status;
}

void kernel_table_page_free(paddr_t page)
{
    // Tables made before the page array never become empty: they map the linear map and the array.
    assert(map.phase == PHASE_RUNNING && page_of(page)->kind == PAGE_TABLE);
    page_free(page_of(page), 0);
}

static status_t map_range(uint64_t start, uint64_t end, uint32_t prot)
{
    if (start >= end) {
        return OK;
    }
    return arch_map(&arch_kernel_aspace, LINEAR_BASE + start, paddr(start), end - start, prot);
}

static status_t map_ram(void)
{
    uint64_t text = align_down(arch_image_paddr().raw, PAGE_SIZE);
    uint64_t data = align_down(arch_image_paddr().raw + arch_image_readonly_size(), PAGE_SIZE);
    uint32_t rw = ARCH_MAP_READ | ARCH_MAP_WRITE;
    for (size_t i = 0; i < map.ram.count; i++) {
        struct range r = map.ram.items[i];
        status_t status = map_range(r.start, u64_min(r.end, text), rw);
        if (status == OK) {
            status = map_range(u64_max(r.start, text), u64_min(r.end, data), ARCH_MAP_READ);
        }
        if (status == OK) {
            status = map_range(u64_max(r.start, data), r.end, rw);
        }
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

// Makes the page tables of the page array, so that bringing a section on line cannot fail.
static status_t prepare_page_array(void)
{
    for (size_t i = 0; i < map.ram.count; i++) {
        uint64_t start = align_down(map.ram.items[i].start, SECTION_SIZE);
        uint64_t end = align_up(map.ram.items[i].end, SECTION_SIZE);
        vaddr_t va = (vaddr_t)page_of(paddr(start));
        status_t status = arch_map_prepare(&arch_kernel_aspace, va,
                                           (end - start) / PAGE_SIZE * sizeof(struct page));
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

// Calls for each zone that has RAM once, in order: fills `zones` unless it is NULL.
static size_t list_zones(struct zone *zones)
{
    size_t count = 0;
    uint64_t next = 0;
    for (size_t i = 0; i < map.ram.count; i++) {
        uint64_t base = u64_max(next, align_down(map.ram.items[i].start, ZONE_SIZE));
        for (; base < map.ram.items[i].end; base += ZONE_SIZE) {
            if (zones != NULL) {
                zones[count].base = base;
            }
            count++;
            next = base + ZONE_SIZE;
        }
    }
    return count;
}

static status_t make_zones(void)
{
    size_t count = list_zones(NULL);
    size_t pages = pages_for(count * sizeof(struct zone));
    paddr_t memory;
    status_t status = take_early(pages, &memory);
    if (status != OK) {
        return status;
    }
    zero_early(memory, pages);
    struct zone *zones = phys_to_virt(memory);
    list_zones(zones);
    zone_init(zones, count, &map.usable);
    page_init();
    cache_init();
    return zone_total() < MEMORY_PAGES_MIN ? ERR_NOMEM : OK;
}

status_t memory_init(void)
{
    find_usable();
    map.phase = PHASE_UNMAPPED;
    status_t status = map_ram();
    if (status != OK) {
        return status;
    }
    arch_linear_map_ready();
    map.phase = PHASE_MAPPED;
    status = prepare_page_array();
    if (status == OK) {
        status = make_zones();
    }
    if (status != OK) {
        return status;
    }
    map.phase = PHASE_RUNNING;
    return OK;
}

bool memory_has_ram(paddr_t base, uint64_t size)
{
    return ranges_overlap(&map.ram, base.raw, end_of(base, size)) != 0;
}

void memory_release(paddr_t base, uint64_t size)
{
    uint64_t at = align_up(base.raw, PAGE_SIZE);
    uint64_t end = align_down(end_of(base, size), PAGE_SIZE);
    struct range piece;
    while (at < end && ranges_next(&map.ram, at, end, &piece)) {
        at = u64_min(piece.end, align_down(piece.start, SECTION_SIZE) + SECTION_SIZE);
        // No room in the map costs memory only.
        (void)zone_add(piece.start, at);
    }
}
