// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel heap: caches of equal objects (slabs with per-CPU magazines), and general allocation by
 * size on top of them.  Any context; never sleeps.
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "lib/base/types.h"

struct heap_cache;

// A cache of objects of `size` bytes aligned to `align` (a power of two, 8 to 4096).  ERR_NOMEM.
// `name` is a string constant.
status_t heap_cache_create(const char *name, size_t size, size_t align, struct heap_cache **out);
void heap_cache_destroy(struct heap_cache *cache); // no object is in use

// An object with undefined content.  ERR_NOMEM.
status_t heap_cache_alloc(struct heap_cache *cache, void **out);
void heap_cache_free(struct heap_cache *cache, void *object); // NULL is fine

// `size` bytes aligned to at least 16 (to the size, for powers of two up to 4096).  heap_zalloc
// zeroes.  ERR_NOMEM, also for absurd sizes.
status_t heap_alloc(size_t size, void **out);
status_t heap_zalloc(size_t size, void **out);
status_t heap_alloc_array(size_t count, size_t size, void **out); // checks the product; zeroed
void heap_free(void *p);                                          // NULL is fine

struct heap_stats {
    size_t objects_in_use;
    size_t slab_pages;
};
void heap_stats(struct heap_stats *out);

// Walks all caches for a report (name, object size, objects in use, pages).
void heap_for_each_cache(void (*visit)(void *context, const char *name, size_t size, size_t in_use,
                                       size_t pages),
                         void *context);

// Returns everything cached to the page allocator (tests, memory shortage); gives pages freed.
size_t heap_shrink(void);

void heap_init(void);
