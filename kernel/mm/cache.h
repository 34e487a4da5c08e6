// SPDX-License-Identifier: Apache-2.0
/*
 * Which pages of files go first when memory is short: all pages that a pager can bring back, in the
 * order in which they came.  The oldest is looked at first; one that was used meanwhile goes to the
 * end once more (second chance), others leave, unless they are dirty, pinned, or their file is busy.
 *
 * Locking: a spinlock (RANK_CACHE) for the order.  Files are locked by trying, so shrinking may be
 * asked for with any sleeping lock held; not with a spinlock.
 * Lifetimes: a page in the order has a file; a file takes its pages out before it dies.
 */
#pragma once

#include "kernel/mm/page.h"

struct vmo_file;

// Adds a page of the file, whose lock is held; takes one out, if it is in.
void cache_add(struct vmo_file *f, struct page *p);
void cache_remove(struct page *p);

// Frees about `pages` pages; gives how many.
size_t cache_shrink(size_t pages);

// Whether so little memory is left that user memory is to make room before it takes more.
bool cache_is_short(void);

// Pages in the order.
size_t cache_pages(void);

// Boot, after page_init: how much memory is to stay free for the kernel's own use.
void cache_init(void);
