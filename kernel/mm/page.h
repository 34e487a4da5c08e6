// SPDX-License-Identifier: Apache-2.0
/*
 * Physical memory: page frames, the page array, and the page allocator.
 *
 *   off line --memory shortage--> free in a zone <--batches--> free in a per-CPU list
 *                                      |  page_free                 ^  |
 *                                      '------> allocated <---------'--' page_alloc_one
 *
 * RAM known from the firmware lies off line until it is needed: the allocator brings it on line one
 * section (16 MiB, aligned) at a time, taking the section's part of the page array from the section
 * itself.  So boot time and memory in use do not grow with RAM.  Free counts include what is still
 * off line, less what its page array will take.
 *
 * On line, a buddy allocator (bookkeeping in lib/alloc) per zone of 64 sections holds blocks of
 * 1 << order pages; per-CPU lists in front of it serve single pages without a lock.
 *
 * Invariants: 1. a frame that is on line has a struct page; 2. every page that is not free has at
 * least one reference, or is part of a block whose first page has; 3. `kind` of a free page is
 * PAGE_FREE (in a zone, first of its block), PAGE_CACHED (in a per-CPU list) or PAGE_RESERVED
 * (inside a block).
 *
 * Locking: per-CPU lists by masking interrupts; a zone by a spinlock, rank RANK_PAGES; which
 * sections are on line by another, rank RANK_MEMMAP.  All functions may be called in any context,
 * with any lock of a lower rank held.
 *
 * Shortage: when nothing is free, shrinkers are asked, then the caller gets ERR_NOMEM.  A small
 * reserve is kept for callers that need a page to free more of them (PAGE_URGENT).
 */
#pragma once

#include "kernel/mm/layout.h"
#include "lib/base/types.h"

enum { PAGE_MAX_ORDER = 10 }; // largest block: 4 MiB

enum page_kind : uint8_t {
    PAGE_RESERVED, // firmware's, the kernel image, the page array, inside of a block
    PAGE_FREE,     // first page of a free block
    PAGE_CACHED,   // free, in a per-CPU list
    PAGE_KERNEL,   // kernel data
    PAGE_SLAB,     // objects of a heap cache
    PAGE_TABLE,    // page table
    PAGE_VMO,      // content of a memory object
    PAGE_KINDS,
};

struct page {
    uint32_t next; // [owner] links by page frame number; free: see struct buddy_frame
    uint32_t prev;
    uint8_t order;       // of the block that starts here
    enum page_kind kind; // [owner]
    union {
        uint16_t flags; // [owner]
        uint16_t
            in_use; // [cache lock] slab: objects handed out; [tables] page table: entries in use
    };
    _Atomic uint32_t refs; // [a] references; 0 while free.  page_unref releases, the last acquires
    void *owner;           // [owner] heap cache, memory object
    union {
        uint64_t index; // [owner] page offset in the memory object; size of a large heap block
        void *freelist; // [cache lock] slab: first free object
    };
};
static_assert(sizeof(struct page) == 32);

static inline void *phys_to_virt(paddr_t pa)
{
    return (void *)(LINEAR_BASE + pa.raw);
}

// `va` is in the linear map.
static inline paddr_t virt_to_phys(const void *va)
{
    return (paddr_t){(vaddr_t)va - LINEAR_BASE};
}

static inline struct page *page_of_frame(uint32_t frame)
{
    return (struct page *)PAGE_ARRAY_BASE + frame;
}

static inline uint32_t page_frame(const struct page *p)
{
    return (uint32_t)(p - (const struct page *)PAGE_ARRAY_BASE);
}

// Of a frame that is on line.
static inline struct page *page_of(paddr_t pa)
{
    return page_of_frame((uint32_t)(pa.raw >> PAGE_SHIFT));
}

static inline paddr_t page_paddr(const struct page *p)
{
    return (paddr_t){(uint64_t)page_frame(p) << PAGE_SHIFT};
}

// Its address in the linear map.
static inline void *page_virt(const struct page *p)
{
    return phys_to_virt(page_paddr(p));
}

enum page_flags {
    PAGE_ANY = 0,
    PAGE_ZEROED = 1u << 0, // content is zero
    PAGE_URGENT = 1u << 1, // may use the reserve kept for the way out of memory shortage
};

// Gives a block of 1 << order pages, naturally aligned, with one reference on its first page.
// ERR_NOMEM, also for orders above PAGE_MAX_ORDER.
status_t page_alloc(unsigned order, enum page_flags flags, enum page_kind kind, struct page **out);

// One page: the fast path.
status_t page_alloc_one(enum page_flags flags, enum page_kind kind, struct page **out);

// Frees a block regardless of references (its last holder knows).
void page_free(struct page *p, unsigned order);

// Reference counting of single pages: page_unref frees at zero.
void page_ref(struct page *p);
void page_unref(struct page *p);

// The same for those of `count` pages that are not NULL; they give how many these are.
size_t page_ref_all(struct page *const *pages, size_t count);
size_t page_unref_all(struct page *const *pages, size_t count);

// Whether somebody else has a reference too.  Stable while the caller keeps others from taking one.
bool page_is_shared(const struct page *p);

struct page_stats {
    size_t total_pages;   // all RAM that the allocator has, used or not
    size_t free_pages;    // free on line + per-CPU lists + off line
    size_t offline_pages; // part of free_pages
};
// Exact while nobody allocates.
void page_stats(struct page_stats *out);

// Pages on line of each kind: a walk over the page array, so not for frequent use.
void page_count_kinds(size_t by_kind[PAGE_KINDS]);

// Pages that page_stats calls free.
size_t page_free_count(void);

// Asks all shrinkers for everything, and puts this CPU's free list back (tests, memory shortage).
// Gives the number of pages that went to the zones.
size_t page_reclaim(void);

// A shrinker gives memory back when allocation fails: `shrink` frees about `pages` pages and gives
// the number freed.  It runs in the context of the failed allocation, whatever that is, so it takes
// locks by trying only and allocates nothing.  Registered for ever.
struct page_shrinker {
    size_t (*shrink)(size_t pages);     // [I]
    struct page_shrinker *_Atomic next; // [a]
};
void page_add_shrinker(struct page_shrinker *s);
