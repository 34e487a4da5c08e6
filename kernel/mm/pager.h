// SPDX-License-Identifier: Apache-2.0
/*
 * Where the pages of a file's memory object come from and go to: the file system's half of the page
 * cache.  The other half is kernel/mm/vmo.h.
 *
 *   absent --a fault, read or write--> busy (read runs) --> clean <--write-back / written--> dirty
 *      ^------------ read failed -------'                     '--evicted: memory is short--> absent
 *
 * Locking: read and write may sleep and are called in thread context.  The caller of vmo_read and
 * vmo_write may hold a vnode's lock, a page fault holds no lock at all; so they take none of rank
 * RANK_FS or below.  charge and uncharge are called with the object's lock held: they count, and
 * take at most a spinlock.  What one page needs is never asked for twice at the same time.
 * Lifetimes: `context` stays valid until `release`.
 */
#pragma once

#include "kernel/mm/page.h"

struct pager_ops {
    // Fills `count` pages (page_virt) of the object, from page `first` on, all of it within the
    // object's size; bytes beyond the end of the file as zeros.  What it gives is good: content that
    // has to be verified has been.  ERR_IO: none of the pages counts; if there were
    // several, the one that is needed is asked for again alone.  NULL: absent pages are holes that read as zero (tmpfs); then pages
    // stay until the object shrinks or goes.
    status_t (*read)(void *context, uint64_t first, struct page *const *pages, size_t count);

    // Stores pages that were written.  They may be written again meanwhile, and then come again.
    // NULL: nothing is ever dirty (read-only file systems, and those that are memory).
    status_t (*write)(void *context, uint64_t first, struct page *const *pages, size_t count);

    // Before `count` pages are added to holes (without `read` only): ERR_NOSPC if that is too much.
    // Both may be NULL.
    status_t (*charge)(void *context, size_t count);
    void (*uncharge)(void *context, size_t count);

    // The object is gone: its last mapping too.  Thread context, nothing of rank RANK_FS or above is
    // held; may be NULL.
    void (*release)(void *context);
};

enum { PAGER_READ_MAX = 32 }; // most pages that a pager is asked for at a time
