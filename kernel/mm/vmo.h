// SPDX-License-Identifier: Apache-2.0
/*
 * Memory objects: what can be mapped into address spaces.
 *
 *   anonymous   pages appear zeroed at first touch; copy-on-write copies share them
 *   private     anonymous above a file: pages that were not written yet are the file's own, and
 *               stand at the file's indices
 *   file        the page cache of one file: pages come from a pager (kernel/mm/pager.h), or are holes
 *   physical    a device window, or RAM that somebody else owns; no pages of its own
 *   contiguous  physically contiguous pages for DMA, allocated at creation, zeroed
 *
 * Copy on write works by page reference: a copy is a second object that takes a reference on every
 * page present; a page with more than one reference is never written in place, the writer copies
 * it.  Nothing is chained but a private object to its file, so no other object keeps one alive.
 *
 * An object knows the regions that map it; a file knows those of private objects above it too.  That
 * is how a copy write-protects every mapping of the source, and how a page that leaves the object
 * (eviction, truncation) leaves all page tables before its frame is reused.
 *
 * Pages stand in a radix tree by page index (lib/alloc/radix).  Sizes are in pages, up to
 * VMO_PAGES_MAX; a file also has a size in bytes.
 *
 * Clean pages of files with a pager are given back when memory is short: in the order in which they
 * came, those used since the last look later.
 *
 * Invariants: 1. a page table entry for a page of the object stands only inside a region of its
 * list; 2. it is writable only if the object has the only reference to the page, or is a file; 3. it
 * is writable in a file whose pager writes only if the page is marked dirty; 4. what lies beyond the
 * end of a file within its last page reads as zero.
 *
 * Locking: `lock` (sleeping; RANK_VMO inside an address space's, RANK_VMO_FILE for files, inside that
 * of a private object) guards pages, the list of regions and all page table entries of these.  It is
 * not held while a pager works or user memory is touched.  All functions run in thread context.
 * Lifetimes: counted by holders, by each region, and by private objects above; the last vmo_unref
 * frees all pages and calls the pager's release.
 */
#pragma once

#include "kernel/mm/page.h"

struct pager_ops;
struct uio;
struct vmo;

constexpr uint64_t VMO_PAGES_MAX = 1ull << 40;

// ERR_INVAL: no pages, or more than VMO_PAGES_MAX.  ERR_NOMEM.
status_t vmo_create_anonymous(uint64_t size_pages, struct vmo **out);

// [base, base + size), which is page aligned; `is_device` makes mappings uncached device memory.
// ERR_INVAL: not aligned, empty, or it wraps.  ERR_NOMEM.
status_t vmo_create_physical(paddr_t base, uint64_t size_pages, bool is_device, struct vmo **out);

// 1 << order pages in one piece.  ERR_NOMEM.
status_t vmo_create_contiguous(unsigned order, struct vmo **out);

// The pages of a file of `size` bytes, which may be 0.  `ops` and `context` are the file system's;
// release is not called when this fails.  ERR_NOMEM; ERR_FBIG: beyond VMO_PAGES_MAX pages.
status_t vmo_create_file(const struct pager_ops *ops, void *context, uint64_t size,
                         struct vmo **out);

// A private view of a file: what is written to it stays in it.  As large as any file.  ERR_NOMEM.
status_t vmo_create_private(struct vmo *file, struct vmo **out);

void vmo_ref(struct vmo *v);
void vmo_unref(struct vmo *v);

// A copy-on-write copy of [start, start + count) pages of an anonymous or private object, at the same
// indices.  ERR_NOMEM, ERR_RANGE, ERR_NOTSUP (other kinds).
status_t vmo_clone_cow(struct vmo *v, uint64_t start, uint64_t count, struct vmo **out);

// Of a file: the wall time at which a page was last made writable through a mapping since the last call,
// 0: none was.  So a file system can tell the times that POSIX wants of mmap's writes.
nsec_t vmo_take_mapped_write(struct vmo *v);

uint64_t vmo_size_pages(const struct vmo *v);
size_t vmo_resident_pages(const struct vmo *v);
bool vmo_is_device(const struct vmo *v);

// The page for `index`: absent pages appear zeroed, and for writing a shared page is copied first.
// *can_write says whether it may be written in place.  Gives no reference: the page stays as long
// as the caller keeps others from decommitting or copying.  Not for files.  ERR_NOMEM, ERR_RANGE;
// ERR_NOTSUP.
status_t vmo_fault(struct vmo *v, uint64_t index, bool for_write, paddr_t *page, bool *can_write);

// Frees the pages in the range, so that they read as zero again (of a private object: as the file);
// mappings of them go.  Nothing happens to objects that are not anonymous, private, or files of holes.
void vmo_decommit(struct vmo *v, uint64_t start, uint64_t count);

/* ---- Files ---- */

// Bytes.  Who must not see it change holds what excludes vmo_resize and vmo_write: the vnode's lock.
uint64_t vmo_size(const struct vmo *v);

// Changes the size in bytes.  Pages beyond it leave all mappings and are freed, whether dirty or not
// (private copies of them stay); what appears reads as zero.  The caller excludes other changes of
// size (the vnode's lock).  Waits for reads of these pages.  ERR_FBIG.
status_t vmo_resize(struct vmo *v, uint64_t size);

// Copies from byte `offset` on until the end of the file or of `to`; at or beyond the end that is
// nothing.  Holes read as zero and stay holes.  What was moved is to see from the uio also when there
// is an error: ERR_FAULT, ERR_IO, ERR_NOMEM.
status_t vmo_read(struct vmo *v, struct uio *to, uint64_t offset);

// Copies all of `from` to byte `offset` on and makes the file larger when it ends behind its end.
// The caller excludes other changes of size.  ERR_FAULT, ERR_IO, ERR_NOMEM, ERR_NOSPC, ERR_FBIG;
// then only what the uio says was moved, and the size agrees with it.
status_t vmo_write(struct vmo *v, struct uio *from, uint64_t offset);

// vmo_read and vmo_write with kernel memory: all `size` bytes, or an error; ERR_RANGE: the file ends
// before.  These take private and anonymous objects too.
status_t vmo_read_bytes(struct vmo *v, uint64_t offset, void *bytes, size_t size);
status_t vmo_write_bytes(struct vmo *v, uint64_t offset, const void *bytes, size_t size);

// Zeros the bytes in the range (of a file within its size); whole pages of a file of holes become
// holes again.  Takes private and anonymous objects too (the tail of a segment).  Errors as vmo_write.
status_t vmo_zero(struct vmo *v, uint64_t offset, uint64_t size);

// Has the pager write all dirty pages in the range.  OK when what was dirty at the call has been
// stored.  The first error of the pager; what it did not store stays dirty.
status_t vmo_sync(struct vmo *v, uint64_t first, uint64_t count);

// Makes the pages present, as far as memory allows, without waiting for anybody to use them.
void vmo_read_ahead(struct vmo *v, uint64_t first, uint64_t count);

// References to up to `count` pages of a file from `index` on, at least one, which are read first if they
// are absent: for who sends them without a copy.  They stay what the file shows, if it changes, or leave
// it; nobody writes to them by such a reference.  ERR_NOTSUP: not a file.  ERR_IO, ERR_NOMEM, ERR_RANGE.
status_t vmo_get_pages(struct vmo *v, uint64_t index, size_t count, struct page **pages,
                       size_t *out);

// Whether the page is present now (mincore).
bool vmo_is_present(struct vmo *v, uint64_t index);

// The first page present at or above *index (SEEK_DATA on files without a pager).
bool vmo_next_present(struct vmo *v, uint64_t *index);

// Regions through which the object can be written, now or after aspace_protect (ETXTBSY).
size_t vmo_writable_mappings(struct vmo *v);
