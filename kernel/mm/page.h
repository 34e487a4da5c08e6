// SPDX-License-Identifier: Apache-2.0
/*
 * Physical memory: page frames, the page array, and the page allocator.
 *
 * RAM known from the firmware lies off line until it is needed: the allocator brings it on line one
 * section (16 MiB, aligned) at a time, taking the section's part of the page array from the section
 * itself.  So boot time and memory in use do not grow with RAM.  Free counts include what is still
 * off line.
 *
 * On line, a buddy allocator (bookkeeping in lib/alloc) holds blocks of 1 << order pages; per-CPU
 * lists in front of it serve single pages without a lock.  Every page that is not free has at least
 * one reference.
 *
 * Locking: per-CPU lists by masking interrupts; the buddy by one spinlock per 64 sections (a zone),
 * rank RANK_PAGES.  All functions may be called in any context.
 */
#pragma once

#include "kernel/mm/layout.h"
#include "lib/base/refcount.h"
#include "lib/base/types.h"

enum { PAGE_MAX_ORDER = 10 }; // largest block: 4 MiB

enum page_kind : uint8_t {
    PAGE_FREE,
    PAGE_RESERVED, // firmware's, the kernel image, the page array
    PAGE_KERNEL,   // kernel data
    PAGE_SLAB,
    PAGE_TABLE,    // page table
    PAGE_VMO,      // content of a memory object
};

struct page {
    union {
        struct {          // free: buddy list, by page frame number
            uint32_t next;
            uint32_t prev;
        };
        void *owner;      // slab cache, memory object
    };
    union {
        uint64_t index;   // page offset in the memory object
        void *freelist;   // slab: first free object
    };
    refcount_t refs;      // [a] references; 0 while free
    uint32_t count;       // slab: objects in use
    enum page_kind kind;  // [owner]
    uint8_t order;        // of the block that starts here
    uint16_t flags;       // [owner]
    uint32_t link;        // spare link (LRU, slab partial list), page frame number
};
static_assert(sizeof(struct page) <= 40);

static inline void *phys_to_virt(paddr_t pa)
{
    return (void *)(LINEAR_BASE + pa.raw);
}

static inline paddr_t virt_to_phys(const void *va)
{
    return (paddr_t){(vaddr_t)va - LINEAR_BASE};
}

struct page *page_of(paddr_t pa);        // of a frame that is on line
paddr_t page_paddr(const struct page *p);
void *page_virt(const struct page *p);   // its address in the linear map

enum page_flags {
    PAGE_ANY = 0,
    PAGE_ZEROED = 1u << 0,  // content is zero
    PAGE_URGENT = 1u << 1,  // may use the reserve kept for the way out of memory shortage
};

// Gives a block of 1 << order pages, naturally aligned, with one reference on its first page.
// ERR_NOMEM.
status_t page_alloc(unsigned order, enum page_flags flags, enum page_kind kind, struct page **out);

// One page: the fast path.
status_t page_alloc_one(enum page_flags flags, enum page_kind kind, struct page **out);

// Frees a block regardless of references (its last holder knows).
void page_free(struct page *p, unsigned order);

// Reference counting of single pages: page_unref frees at zero.
void page_ref(struct page *p);
void page_unref(struct page *p);

struct page_stats {
    size_t total_pages;    // all RAM that the kernel may use
    size_t free_pages;     // free on line + per-CPU lists + off line
    size_t offline_pages;  // part of free_pages
    size_t by_kind[8];     // on line, by enum page_kind
};
void page_stats(struct page_stats *out);

// Puts this CPU's free lists back (tests, memory shortage).
void page_drain_cpu(void);

// A shrinker gives memory back when allocation fails: frees about `pages` and gives the number
// freed.  Registered by caches; called without locks, in the context of the allocation that failed
// when that may sleep, else from the reclaim thread.
struct page_shrinker {
    size_t (*shrink)(struct page_shrinker *s, size_t pages);
    struct page_shrinker *next;
};
void page_add_shrinker(struct page_shrinker *s);
