// SPDX-License-Identifier: Apache-2.0
/*
 * Changes of the regions of an address space.  They come in two steps: first everything that can fail
 * (checks, records for regions that have to be split), then the change.  Regions that go are only
 * put aside meanwhile: the end of an object may want locks that an address space's is inside of.
 */
#pragma once

#include "kernel/mm/vmo_priv.h"

enum { PROT_ALL_BITS = PROT_READ | PROT_WRITE | PROT_EXEC };

static inline struct region *region_of(struct extent *e)
{
    return e == NULL ? NULL : container_of(e, struct region, extent);
}

// The first region that ends above `va`.
static inline struct region *region_find(const struct aspace *as, vaddr_t va)
{
    return region_of(extent_find(&as->regions, va));
}

static inline struct region *region_next(const struct region *r)
{
    return region_of(extent_next(&r->extent));
}

static inline uint64_t region_pages(const struct region *r)
{
    return (r->extent.end - r->extent.start) >> PAGE_SHIFT;
}

// What a change of [start, end) needs, and what it leaves.
struct change {
    struct region *records[3]; // for the splits that it needs at most
    size_t count;
    struct list dead; // struct region.vmo_link, each with the reference on its object
};

void change_init(struct change *c);

// Gets the records that are needed.  ERR_NOMEM; change_fini in any case.
status_t change_prepare(struct change *c, const struct aspace *as, vaddr_t start, vaddr_t end);

// One record more if a region has to be split at `va` too.
status_t change_prepare_more(struct change *c, const struct aspace *as, vaddr_t va);

// Without the lock: frees what is left over.
void change_fini(struct change *c);

// Makes [start, end) begin and end at region bounds; cannot fail after change_prepare.
void region_split_range(struct aspace *as, vaddr_t start, vaddr_t end, struct change *c)
    REQUIRES(as -> lock);

// Removes the regions in [start, end), which no region reaches across.
void region_remove_range(struct aspace *as, vaddr_t start, vaddr_t end, struct change *c)
    REQUIRES(as -> lock);

// Merges what touches in [start, end].
void region_merge_range(struct aspace *as, vaddr_t start, vaddr_t end, struct change *c)
    REQUIRES(as -> lock);

// Puts a region that is filled in into its tree and onto its object, on which it takes a reference.
// The caller holds as->lock, or nobody else knows `as` yet.
void region_insert(struct aspace *as, struct region *r);

// Frees the pages of a region that has just been taken off the object, if nothing can reach them any
// more: only regions hold the object, and none of them covers the pages.
void region_free_unreachable(struct vmo *v, const struct region *r) REQUIRES(v -> lock);

// Whether user memory may be there.
bool region_is_user_range(vaddr_t va, size_t size_pages);

// Whether there is such protection: not writable and executable, and within max_prot.
bool region_is_valid_prot(unsigned prot, unsigned max_prot);

size_t region_pages_in(const struct aspace *as, vaddr_t start, vaddr_t end);

// A place for `size_pages` pages: *va if it is free, else the lowest above the start that `random`
// chose once.  ERR_NOMEM.
status_t region_find_room(struct aspace *as, size_t size_pages, uint64_t random, vaddr_t *va)
    REQUIRES(as -> lock);
