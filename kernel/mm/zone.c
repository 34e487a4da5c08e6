// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/zone_priv.h"

#include <stdatomic.h>

#include "kernel/core/panic.h"
#include "lib/base/bits.h"

static_assert(sizeof(struct page) == BUDDY_RECORD_SIZE);
static_assert(offsetof(struct page, next) == offsetof(struct buddy_frame, next));
static_assert(offsetof(struct page, prev) == offsetof(struct buddy_frame, prev));
static_assert(offsetof(struct page, order) == offsetof(struct buddy_frame, order));
static_assert(offsetof(struct page, kind) == offsetof(struct buddy_frame, state));
static_assert((int)PAGE_FREE == (int)BUDDY_FREE && (int)PAGE_MAX_ORDER == (int)BUDDY_MAX_ORDER);
// Merging never looks beyond the section, so beyond the page array.
static_assert((1 << PAGE_MAX_ORDER) <= SECTION_FRAMES);

static struct {
    struct spinlock lock;     // the memmap lock
    struct zone *zones;       // [I]
    size_t count;             // [I]
    struct ranges *usable;    // [l] free RAM as the boot found it, in bytes
    size_t offline;           // [l]
    _Atomic size_t total;     // [a] relaxed: a count
    _Atomic size_t available; // [a] relaxed: a count
    _Atomic size_t last;      // [a] relaxed: the zone that had memory last, where to look first
} state = {.lock = SPINLOCK_INIT("memmap", RANK_MEMMAP)};

static struct zone *zone_of(uint64_t pa)
{
    size_t low = 0;
    size_t high = state.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (state.zones[middle].base + ZONE_SIZE > pa) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low < state.count && state.zones[low].base <= pa ? &state.zones[low] : NULL;
}

static void add_available(size_t pages)
{
    atomic_fetch_add_explicit(&state.available, pages, memory_order_relaxed);
}

static void take_available(size_t pages)
{
    atomic_fetch_sub_explicit(&state.available, pages, memory_order_relaxed);
}

// What section `index` of the zone would bring; 0 when it is not worth it.
static size_t section_gain(const struct zone *z, unsigned index)
{
    uint64_t start = z->base + index * SECTION_SIZE;
    uint64_t pages = ranges_overlap(state.usable, start, start + SECTION_SIZE) >> PAGE_SHIFT;
    return pages < SECTION_PAGES_MIN ? 0 : (size_t)pages - SECTION_ARRAY_PAGES;
}

// RAM that has become known, off line.
static void count_new(size_t pages)
{
    state.offline += pages;
    atomic_fetch_add_explicit(&state.total, pages, memory_order_relaxed);
    add_available(pages);
}

static void count_offline(struct zone *z, unsigned index, size_t before)
{
    size_t now = section_gain(z, index);
    if (now != 0) {
        z->worthwhile |= 1ull << index;
    }
    count_new(now - before);
}

void zone_init(struct zone *zones, size_t count, struct ranges *usable)
{
    state.zones = zones;
    state.count = count;
    state.usable = usable;
    for (size_t i = 0; i < count; i++) {
        struct zone *z = &zones[i];
        spin_init(&z->lock, "zone", RANK_PAGES);
        buddy_init(&z->buddy, (void *)PAGE_ARRAY_BASE);
        if (ranges_overlap(usable, z->base, z->base + ZONE_SIZE) == ZONE_SIZE) {
            z->worthwhile = UINT64_MAX;
            count_new(ZONE_SECTIONS * (size_t)(SECTION_FRAMES - SECTION_ARRAY_PAGES));
            continue;
        }
        for (unsigned s = 0; s < ZONE_SECTIONS; s++) {
            count_offline(z, s, 0);
        }
    }
}

// Takes the pages of the section's page array from its first free ranges and maps them.  Gives the
// address below which the free ranges are used up.
static uint64_t map_page_array(uint64_t section)
{
    uint64_t at = section;
    vaddr_t va = (vaddr_t)page_of(paddr(section));
    size_t left = (size_t)SECTION_ARRAY_PAGES << PAGE_SHIFT;
    while (left > 0) {
        struct range piece = {};
        bool has_piece = ranges_next(state.usable, at, section + SECTION_SIZE, &piece);
        assert(has_piece);
        size_t size = (size_t)u64_min(piece.end - piece.start, left);
        for (size_t i = 0; i < size; i += PAGE_SIZE) {
            arch_page_zero(phys_to_virt(paddr(piece.start + i)));
        }
        // memory_init has made the tables, so there is nothing that can fail.
        status_t status = arch_map(&arch_kernel_aspace, va, paddr(piece.start), size,
                                   ARCH_MAP_READ | ARCH_MAP_WRITE);
        assert(status == OK);
        va += size;
        left -= size;
        at = piece.start + size;
    }
    return at;
}

static void add_range(struct zone *z, uint64_t start, uint64_t end) REQUIRES(z -> lock)
{
    buddy_free_range(&z->buddy, (uint32_t)(start >> PAGE_SHIFT), (uint32_t)(end >> PAGE_SHIFT));
}

static void online_section(struct zone *z, unsigned index) REQUIRES(state.lock)
{
    uint64_t section = z->base + index * SECTION_SIZE;
    state.offline -= section_gain(z, index);
    z->worthwhile &= ~(1ull << index);
    z->online |= 1ull << index;
    uint64_t at = map_page_array(section);
    irqflags_t flags = spin_lock_irqsave(&z->lock);
    struct range piece;
    while (ranges_next(state.usable, at, section + SECTION_SIZE, &piece)) {
        add_range(z, piece.start, piece.end);
        at = piece.end;
    }
    spin_unlock_irqrestore(&z->lock, flags);
}

bool zone_grow(void)
{
    irqflags_t flags = spin_lock_irqsave(&state.lock);
    bool has_grown = false;
    for (size_t i = 0; i < state.count && !has_grown; i++) {
        struct zone *z = &state.zones[i];
        if (z->worthwhile != 0) {
            online_section(z, (unsigned)__builtin_ctzll(z->worthwhile));
            atomic_store_explicit(&state.last, i, memory_order_relaxed);
            has_grown = true;
        }
    }
    spin_unlock_irqrestore(&state.lock, flags);
    return has_grown;
}

status_t zone_add(uint64_t start, uint64_t end)
{
    struct zone *z = zone_of(start);
    if (z == NULL) {
        return ERR_NOSPC;
    }
    unsigned index = (unsigned)((start - z->base) >> SECTION_SHIFT);
    status_t status = OK;
    irqflags_t flags = spin_lock_irqsave(&state.lock);
    if ((z->online >> index & 1) != 0) {
        size_t pages = (size_t)((end - start) >> PAGE_SHIFT);
        irqflags_t zone_flags = spin_lock_irqsave(&z->lock);
        add_range(z, start, end);
        spin_unlock_irqrestore(&z->lock, zone_flags);
        atomic_fetch_add_explicit(&state.total, pages, memory_order_relaxed);
        add_available(pages);
    } else {
        size_t before = section_gain(z, index);
        status = ranges_add(state.usable, start, end);
        count_offline(z, index, before);
    }
    spin_unlock_irqrestore(&state.lock, flags);
    return status;
}

bool zone_alloc_up_to(unsigned max_order, uint32_t *frame, unsigned *order)
{
    size_t first = atomic_load_explicit(&state.last, memory_order_relaxed);
    for (size_t i = 0; i < state.count; i++) {
        size_t index = first + i < state.count ? first + i : first + i - state.count;
        struct zone *z = &state.zones[index];
        irqflags_t flags = spin_lock_irqsave(&z->lock);
        bool has_block = buddy_alloc_up_to(&z->buddy, max_order, frame, order);
        spin_unlock_irqrestore(&z->lock, flags);
        if (has_block) {
            if (i != 0) {
                atomic_store_explicit(&state.last, index, memory_order_relaxed);
            }
            take_available(1u << *order);
            return true;
        }
    }
    return false;
}

bool zone_alloc(unsigned order, uint32_t *frame)
{
    for (size_t i = 0; i < state.count; i++) {
        struct zone *z = &state.zones[i];
        irqflags_t flags = spin_lock_irqsave(&z->lock);
        bool has_block = buddy_alloc(&z->buddy, order, frame);
        spin_unlock_irqrestore(&z->lock, flags);
        if (has_block) {
            take_available(1u << order);
            return true;
        }
    }
    return false;
}

static struct zone *zone_of_frame(uint32_t frame)
{
    struct zone *z = zone_of((uint64_t)frame << PAGE_SHIFT);
    assert(z != NULL);
    return z;
}

void zone_free(uint32_t frame, unsigned order)
{
    struct zone *z = zone_of_frame(frame);
    irqflags_t flags = spin_lock_irqsave(&z->lock);
    buddy_free(&z->buddy, frame, order);
    spin_unlock_irqrestore(&z->lock, flags);
    add_available(1u << order);
}

// How many pages from pages[0] on have rising frame numbers without gaps.
static uint32_t run_length(struct page *const *pages, size_t count)
{
    uint32_t length = 1;
    while (length < count && pages[length] == pages[0] + length) {
        length++;
    }
    return length;
}

void zone_free_pages(struct page *const *pages, size_t count)
{
    irqflags_t flags = arch_irq_save();
    for (size_t i = 0; i < count;) {
        uint32_t first = page_frame(pages[i]);
        uint32_t run = run_length(pages + i, count - i);
        // A run within one section is within one zone.
        run = (uint32_t)u64_min(run, SECTION_FRAMES - first % SECTION_FRAMES);
        struct zone *z = zone_of_frame(first);
        spin_lock(&z->lock);
        // Pages that were taken as one block mostly come back as one.
        buddy_free_range(&z->buddy, first, first + run);
        spin_unlock(&z->lock);
        i += run;
    }
    arch_irq_restore(flags);
    add_available(count);
}

size_t zone_total(void)
{
    return atomic_load_explicit(&state.total, memory_order_relaxed);
}

size_t zone_available(void)
{
    return atomic_load_explicit(&state.available, memory_order_relaxed);
}

size_t zone_offline(void)
{
    irqflags_t flags = spin_lock_irqsave(&state.lock);
    size_t pages = state.offline;
    spin_unlock_irqrestore(&state.lock, flags);
    return pages;
}

static void count_section(uint64_t section, size_t by_kind[PAGE_KINDS])
{
    const struct page *p = page_of(paddr(section));
    const struct page *end = p + SECTION_FRAMES;
    while (p < end) {
        // Nothing is locked: a page on its way between kinds may be counted as either.
        unsigned kind = p->kind < PAGE_KINDS ? p->kind : PAGE_RESERVED;
        unsigned order = kind != PAGE_RESERVED && p->order <= PAGE_MAX_ORDER ? p->order : 0;
        by_kind[kind] += 1u << order;
        p += 1u << order;
    }
}

void page_count_kinds(size_t by_kind[PAGE_KINDS])
{
    for (unsigned i = 0; i < PAGE_KINDS; i++) {
        by_kind[i] = 0;
    }
    for (size_t i = 0; i < state.count; i++) {
        for (uint64_t online = state.zones[i].online; online != 0; online &= online - 1) {
            count_section(state.zones[i].base + (unsigned)__builtin_ctzll(online) * SECTION_SIZE,
                          by_kind);
        }
    }
}
