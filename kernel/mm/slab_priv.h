// SPDX-License-Identifier: Apache-2.0
/*
 * Slabs: blocks of pages cut into objects of one size.  A free object's first word is the next free
 * object of its slab; struct page of the slab's first page has the head and the count.
 *
 *   empty or partly used: in the cache's ring          all objects handed out: in no list
 *
 * A cache keeps one empty slab, so that a single object freed and allocated again and again does not
 * carry a page back and forth; further empty ones go to the page allocator at once.
 *
 * Locking: `lock` is held for the ring and the slabs' free lists, never while pages are allocated.
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/mm/page.h"
#include "lib/base/list.h"

struct heap_cache {
    struct spinlock lock;
    const char *name;     // [I]
    uint32_t size;        // [I] bytes from one object to the next
    uint16_t per_slab;    // [I] objects in a slab
    uint8_t order;        // [I] a slab is 1 << order pages
    uint8_t batch;        // [I] objects that move between a magazine and the slabs at a time
    uint32_t id;          // [I] index of its magazines
    struct page *partial; // [l] ring of slabs with free objects; NULL: none
    size_t slabs;         // [l]
    size_t empty;         // [l] slabs in the ring without an object handed out
    size_t in_use;        // [l] objects handed out, to magazines too
    struct list link;     // [heap lock]
};

// Fills `c`, whose slabs hold objects of `size` bytes, a multiple of the alignment wanted.
void slab_init(struct heap_cache *c, const char *name, size_t size);

// Takes up to `count` objects; gives how many.  0: no memory.
size_t slab_take(struct heap_cache *c, void **objects, size_t count);

// Gives objects back.  The second form does nothing, and says so, when the lock is not free.
void slab_put(struct heap_cache *c, void *const *objects, size_t count);
bool slab_try_put(struct heap_cache *c, void *const *objects, size_t count);

// Gives empty slabs to the page allocator, if the lock is free; gives pages freed.
size_t slab_release_empty(struct heap_cache *c);
