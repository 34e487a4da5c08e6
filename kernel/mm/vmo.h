// SPDX-License-Identifier: Apache-2.0
/*
 * Memory objects: what can be mapped into address spaces.
 *
 *   anonymous   pages appear zeroed at first touch; copy-on-write copies share them
 *   physical    a device window, or RAM that somebody else owns; no pages of its own
 *   contiguous  physically contiguous pages for DMA, allocated at creation, zeroed
 *
 * (File objects, over the page cache, come with the file system.)
 *
 * Copy on write works by page reference: a copy is a second object that takes a reference on every
 * page present; a page with more than one reference is never written in place, the writer copies
 * it.  Nothing is chained, so no object keeps another alive.
 *
 * An object knows the regions that map it.  That is how a copy write-protects every mapping of the
 * source, and how a page that leaves the object leaves all page tables before its frame is reused.
 *
 * Pages stand in a radix tree by page index (lib/alloc/radix).  Sizes are in pages, up to
 * VMO_PAGES_MAX.
 *
 * Invariants: 1. a page table entry for a page of the object stands only inside a region of its
 * list; 2. it is writable only if the object has the only reference to the page.
 *
 * Locking: `lock` (RANK_VMO, sleeping, inside an address space's) guards pages, the list of regions
 * and all page table entries of these.  All functions run in thread context.
 * Lifetimes: counted by holders and by each region; the last vmo_unref frees all pages.
 */
#pragma once

#include "kernel/mm/page.h"

struct vmo;

constexpr uint64_t VMO_PAGES_MAX = 1ull << 40;

// ERR_INVAL: no pages, or more than VMO_PAGES_MAX.  ERR_NOMEM.
status_t vmo_create_anonymous(uint64_t size_pages, struct vmo **out);

// [base, base + size), which is page aligned; `is_device` makes mappings uncached device memory.
// ERR_INVAL: not aligned, empty, or it wraps.  ERR_NOMEM.
status_t vmo_create_physical(paddr_t base, uint64_t size_pages, bool is_device, struct vmo **out);

// 1 << order pages in one piece.  ERR_NOMEM.
status_t vmo_create_contiguous(unsigned order, struct vmo **out);

void vmo_ref(struct vmo *v);
void vmo_unref(struct vmo *v);

// A copy-on-write copy of [start, start + count) pages of an anonymous object.  ERR_NOMEM,
// ERR_RANGE, ERR_NOTSUP (other kinds).
status_t vmo_clone_cow(struct vmo *v, uint64_t start, uint64_t count, struct vmo **out);

uint64_t vmo_size_pages(const struct vmo *v);
size_t vmo_resident_pages(const struct vmo *v);
bool vmo_is_device(const struct vmo *v);

// The page for `index`: absent pages appear zeroed, and for writing a shared page is copied first.
// *can_write says whether it may be written in place.  Gives no reference: the page stays as long
// as the caller keeps others from decommitting or copying.  ERR_NOMEM, ERR_RANGE.
status_t vmo_fault(struct vmo *v, uint64_t index, bool for_write, paddr_t *page, bool *can_write);

// Frees the pages in the range, so that they read as zero again; mappings of them go.  Nothing
// happens to objects that are not anonymous.
void vmo_decommit(struct vmo *v, uint64_t start, uint64_t count);
