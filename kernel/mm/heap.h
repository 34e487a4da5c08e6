// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel heap: caches of equal objects, and general allocation by size on top of them.
 *
 *   page allocator <--slabs--> cache <--batches--> magazine of a CPU <--objects--> callers
 *
 * A magazine is a short stack of free objects that belongs to one CPU and one cache; taking from it
 * and giving to it needs no lock.  Blocks too large for the largest size class are whole pages.
 *
 * Invariants: 1. a free object is either in its slab's free list or in exactly one magazine;
 * 2. the cache of any block follows from its address alone (page array), so heap_free needs nothing
 * else.
 *
 * Locking: magazines by masking interrupts; slabs by their cache's lock (RANK_SLAB), the list of
 * caches by another (RANK_HEAP).  All functions but heap_cache_destroy may be called in any
 * context, and never sleep.
 *
 * Lifetimes: caches live until heap_cache_destroy; the size classes for ever.  Memory comes zeroed
 * only where that is said.
 */
#pragma once

#include "lib/base/types.h"

struct heap_cache;

enum {
    HEAP_OBJECT_MAX = 8192, // largest object of a cache
    HEAP_ALIGN_MIN = 16,    // of heap_alloc
};

// A cache of objects of `size` bytes (1 to HEAP_OBJECT_MAX) aligned to `align` (a power of two, at
// most 4096).  `name` is a string constant.  ERR_INVAL, ERR_NOMEM.
status_t heap_cache_create(const char *name, size_t size, size_t align, struct heap_cache **out);

// Frees the cache; no object of it is in use.  Thread context, interrupts enabled, no spinlock held:
// it visits the magazines of all CPUs.
void heap_cache_destroy(struct heap_cache *cache);

// An object with undefined content.  ERR_NOMEM.
status_t heap_cache_alloc(struct heap_cache *cache, void **out);
void heap_cache_free(struct heap_cache *cache, void *object); // NULL is fine

// `size` bytes aligned to HEAP_ALIGN_MIN, powers of two up to 4096 to themselves.  A size of 0 is
// as good as 1.  ERR_NOMEM, also for absurd sizes (the largest block is 4 MiB).
status_t heap_alloc(size_t size, void **out);
status_t heap_zalloc(size_t size, void **out);                    // zeroed
status_t heap_alloc_array(size_t count, size_t size, void **out); // checks the product; zeroed
void heap_free(void *p);                                          // NULL is fine

struct heap_stats {
    size_t objects_in_use; // large blocks too
    size_t slab_pages;
    size_t large_pages; // of blocks beyond the size classes
};
// Exact while nobody allocates.
void heap_stats(struct heap_stats *out);

// Calls `visit` for all caches (name, object size, objects in use, pages), with interrupts masked
// and a lock held: it does not allocate.
void heap_for_each_cache(void (*visit)(void *context, const char *name, size_t size, size_t in_use,
                                       size_t pages),
                         void *context);

// Gives this CPU's magazines and all empty slabs to the page allocator (tests, memory shortage);
// gives pages freed.  Caches that somebody works on at the moment are left out.
size_t heap_shrink(void);

// Boot, after memory_init.
void heap_init(void);
