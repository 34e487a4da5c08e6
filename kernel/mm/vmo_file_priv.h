// SPDX-License-Identifier: Apache-2.0
/* Between the parts of the page cache of a file. */
#pragma once

#include <stdatomic.h>

#include "kernel/mm/vmo_priv.h"

// The page present at `index`, busy or not, or NULL.
struct page *vmo_file_find(const struct vmo_file *f, uint64_t index) REQUIRES(f -> vmo.lock);

// For radix_erase: pages of the file leave it.
void vmo_file_forget_pages(void *context, const struct radix_run *run);

void vmo_file_mark_dirty(struct vmo_file *f, struct page *p) REQUIRES(f -> vmo.lock);

// Works of the pager that have ended; read with the lock held, it tells vmo_file_wait what to wait
// for, which is any further one.
static inline uint32_t vmo_file_works(const struct vmo_file *f)
{
    return atomic_load_explicit(&f->io_done, memory_order_acquire);
}
void vmo_file_wait(struct vmo_file *f, uint32_t seen);
void vmo_file_work_ended(struct vmo_file *f);

// References to up to `count` pages from `index` on that are present in a row, at least one: what is
// absent is read, and holes are filled, or given as NULL with `holes_too`.  Sleeps, no lock held.
// Errors as vmo_file_get.
status_t vmo_file_pin_run(struct vmo_file *f, uint64_t index, size_t count, bool holes_too,
                          struct page **pages, size_t *out);

// A reference to the page at `index` if it is there, can be used at once and lies within the file; or
// NULL.
struct page *vmo_file_pin_present(struct vmo_file *f, uint64_t index) REQUIRES(f -> vmo.lock);

// vmo_file_get for writing: beyond the end a page appears, zeroed.
status_t vmo_file_get_new(struct vmo_file *f, uint64_t index, struct page **out);

// The page that stood at `index` was written to.
void vmo_file_wrote(struct vmo_file *f, uint64_t index, struct page *p) REQUIRES(f -> vmo.lock);

// The file is at least so large; its tail is zero up to there.
void vmo_file_grow(struct vmo_file *f, uint64_t size) REQUIRES(f -> vmo.lock);

// Zeros what lies behind the end in the last page.
void vmo_file_zero_tail(struct vmo_file *f) REQUIRES(f -> vmo.lock);

// Takes pages out, and out of all mappings.
void vmo_file_drop_pages(struct vmo_file *f, uint64_t first, uint64_t end) REQUIRES(f -> vmo.lock);
