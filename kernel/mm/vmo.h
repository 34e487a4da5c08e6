// SPDX-License-Identifier: Apache-2.0
/*
 * Memory objects: what can be mapped into address spaces.
 *
 *   anonymous   pages appear zeroed at first touch; copy-on-write children share them
 *   physical    a device window; no pages of its own
 *   contiguous  physically contiguous pages for DMA, allocated at creation
 *
 * (File objects, over the page cache, come with the file system.)
 *
 * Copy on write works by page reference: a fork makes a second object that takes a reference on
 * every page present; a page with more than one reference is never written in place, the writer
 * copies it.  Nothing is chained, so no object keeps another alive.
 *
 * Pages stand in a radix tree by page index (lib/alloc/radix).  Sizes are in pages and can grow to
 * 2^40.
 *
 * Locking: `lock` (RANK_VMO) guards the tree.  Lifetimes: counted; the last vmo_unref frees all pages.
 */
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/mm/page.h"

struct vmo;

status_t vmo_create_anonymous(uint64_t size_pages, struct vmo **out);
status_t vmo_create_physical(paddr_t base, uint64_t size_pages, bool is_device, struct vmo **out);
status_t vmo_create_contiguous(unsigned order, struct vmo **out);

void vmo_ref(struct vmo *v);
void vmo_unref(struct vmo *v);

// A copy-on-write copy of [start, start + count) pages of an anonymous object.  ERR_NOMEM,
// ERR_NOTSUP (other kinds).  The caller has write-protected all mappings of the source.
status_t vmo_clone_cow(struct vmo *v, uint64_t start, uint64_t count, struct vmo **out);

uint64_t vmo_size_pages(const struct vmo *v);
size_t vmo_resident_pages(const struct vmo *v);

// The page for `index`, as a fault needs it.  For writing, a shared page is copied first and an
// absent page appears zeroed; for reading, an absent page appears zeroed too.  *can_write says
// whether the mapping may be writable without another fault.  Does not give a reference: the object
// keeps one as long as the page is in it and the caller holds the aspace lock.
// ERR_NOMEM, ERR_RANGE.
status_t vmo_fault(struct vmo *v, uint64_t index, bool for_write, paddr_t *page, bool *can_write);

// Frees the pages in the range (they read as zero again); the caller has unmapped them everywhere.
void vmo_decommit(struct vmo *v, uint64_t start, uint64_t count);
bool vmo_is_device(const struct vmo *v);
