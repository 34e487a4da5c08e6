// SPDX-License-Identifier: Apache-2.0
/* Between memory objects and the address spaces that map them. */
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/vmo.h"
#include "lib/alloc/extent.h"
#include "lib/alloc/radix.h"
#include "lib/base/list.h"

enum vmo_kind { VMO_ANONYMOUS, VMO_PHYSICAL, VMO_CONTIGUOUS };

struct vmo {
    struct mutex lock;
    enum vmo_kind kind;  // [I]
    bool is_device;      // [I]
    bool may_share;      // [l] a copy was made once: pages may have other holders
    refcount_t refs;     // [a]
    uint64_t size_pages; // [I]
    paddr_t base;        // [I] physical, contiguous
    struct radix pages;  // [l] anonymous: struct page by index
    size_t resident;     // [l] pages in it
    struct list regions; // [l] struct region
    size_t region_count; // [l]
};

/*
 * A mapped run of pages.  `extent` (bytes) and `offset` change under both the address space's and
 * the object's lock, so either is enough to read them.
 */
struct region {
    struct extent extent;  // [aspace and vmo lock]
    uint64_t offset;       // [aspace and vmo lock] first page within the object
    struct vmo *vmo;       // [I] holds a reference
    struct aspace *aspace; // [I]
    struct list vmo_link;  // [vmo lock]
    uint32_t map_prot;     // [aspace and vmo lock] ARCH_MAP_*: `prot` for pages written in place
    uint8_t prot;          // [aspace and vmo lock] enum prot
    uint8_t max_prot;      // [I]
    bool is_shared;        // [I] a fork shares the object
};

// Gives the region a protection; its page table entries are the caller's business.
void region_set_prot(struct region *r, unsigned prot);

// What the entry of a page has to say; one that cannot be written in place is mapped read-only.
static inline uint32_t region_entry_prot(const struct region *r, bool can_write)
{
    return can_write ? r->map_prot : r->map_prot & ~(uint32_t)ARCH_MAP_WRITE;
}

// Takes [va, va + size) out of the page tables of `as`; with preemption points for large ranges.
void aspace_clear(struct aspace *as, vaddr_t va, size_t size);

// Links a region that has its reference, or takes it off.
void vmo_add_region(struct vmo *v, struct region *r) REQUIRES(v -> lock);
void vmo_remove_region(struct vmo *v, struct region *r) REQUIRES(v -> lock);

struct vmo_page {
    paddr_t page;
    bool can_write;
    struct page *stale; // the page that a copy replaced, or NULL: page_unref it once unmapped
    void **slot;        // where the page stands; NULL unless anonymous
};

// vmo_fault for a region: all mappings of a replaced page are gone but the entry in `r` (NULL: no
// exception), which the caller replaces before it drops `stale`.
status_t vmo_fault_locked(struct vmo *v, uint64_t index, bool for_write, const struct region *r,
                          struct vmo_page *out) REQUIRES(v -> lock);

// Frees pages of an anonymous object that no region covers.
void vmo_free_pages_locked(struct vmo *v, uint64_t start, uint64_t end) REQUIRES(v -> lock);
