// SPDX-License-Identifier: Apache-2.0
/*
 * A queue of bytes in pages that come as it fills and go as it drains: what a pipe holds.
 *
 * One page more than the capacity has a slot, so that bytes may begin anywhere in the first page.  An
 * emptied page is kept for the next bytes, so small transfers allocate nothing.
 *
 * Locking: the owner's, a sleeping lock: user memory is touched.
 */
#pragma once

#include "kernel/object/uio.h"

struct page_ring {
    void **pages; // NULL: not there yet
    uint32_t slots;
    uint32_t head_slot;
    uint32_t head_offset; // of the first byte, in the page of head_slot
    size_t count;         // bytes in it
    void *spare;          // an emptied page, or NULL
};

status_t page_ring_init(struct page_ring *r, size_t capacity); // in bytes, whole pages.  ERR_NOMEM
void page_ring_fini(struct page_ring *r);

// Changes the capacity.  ERR_BUSY: more than that is in it.  ERR_NOMEM.
status_t page_ring_resize(struct page_ring *r, size_t capacity);

// Moves bytes until `from` is empty or the ring full, or until `to` is full or the ring empty.
// ERR_NOMEM, ERR_FAULT: after what the uio says.
status_t page_ring_put(struct page_ring *r, struct uio *from);
status_t page_ring_take(struct page_ring *r, struct uio *to);

void page_ring_clear(struct page_ring *r);

static inline size_t page_ring_capacity(const struct page_ring *r)
{
    return (size_t)(r->slots - 1) << PAGE_SHIFT;
}

static inline size_t page_ring_room(const struct page_ring *r)
{
    return page_ring_capacity(r) - r->count;
}
