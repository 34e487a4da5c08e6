// SPDX-License-Identifier: Apache-2.0
/*
 * User address spaces: a tree of regions over memory objects.
 *
 * A region is a run of pages with one protection over a run of a memory object.  Regions do not
 * overlap; adjacent ones over adjacent parts of one object merge.  The tree is ordered by address
 * and keeps the largest gap of each subtree, so that finding room is logarithmic.
 *
 * Writable and executable together is refused, now and after any protect: a region remembers what it
 * ever may become (`max_prot`).
 *
 * Locking: `lock` (RANK_ASPACE) guards tree and page tables.  Lifetimes: counted by its threads and
 * by everyone who looks at it; the last reference unmaps and frees everything.
 */
#pragma once

#include "kernel/arch/arch.h"
#include "kernel/core/mutex.h"
#include "kernel/mm/layout.h"
#include "lib/base/rbtree.h"
#include "lib/base/refcount.h"

struct vmo;

enum prot {
    PROT_NONE = 0,
    PROT_READ = 1 << 0,
    PROT_WRITE = 1 << 1,
    PROT_EXEC = 1 << 2,
};

struct aspace {
    struct arch_aspace arch;
    struct mutex lock;
    struct rb_root regions;    // [l]
    struct region *last_fault; // [l] where the last fault was: most faults hit it again
    size_t mapped_pages;       // [l] address space in use
    size_t limit_pages;        // [l] most it may become
    refcount_t refs;           // [a]
};

status_t aspace_create(struct aspace **out);
void aspace_ref(struct aspace *as);
void aspace_unref(struct aspace *as);

enum aspace_flags {
    ASPACE_ANYWHERE = 0,
    ASPACE_FIXED = 1 << 0,     // exactly at *va, replacing what is there
    ASPACE_NOREPLACE = 1 << 1, // with FIXED: ERR_EXIST instead of replacing
    ASPACE_SHARED = 1 << 2,    // a fork shares the object instead of copying it on write
};

// Maps size_pages of `v` from page `offset` at *va (a hint unless FIXED).  Takes its own reference
// on `v`.  `random` spreads the placement (user ASLR); 0: lowest fit.
// ERR_INVAL (alignment, range, W+X), ERR_NOMEM, ERR_EXIST.
status_t aspace_map(struct aspace *as, struct vmo *v, uint64_t offset, size_t size_pages,
                    enum prot prot, enum prot max_prot, enum aspace_flags flags, uint64_t random,
                    vaddr_t *va);

// Unmaps whatever is in the range; splits regions at its ends (so it can fail with ERR_NOMEM, then
// nothing has changed).
status_t aspace_unmap(struct aspace *as, vaddr_t va, size_t size_pages);

// Changes protection; ERR_NOMEM if part of the range is not mapped (as POSIX says) or no memory for
// the split, ERR_ACCES above max_prot, ERR_INVAL for W+X.
status_t aspace_protect(struct aspace *as, vaddr_t va, size_t size_pages, enum prot prot);

// A copy-on-write copy of the whole address space (fork).  ERR_NOMEM.
status_t aspace_fork(struct aspace *as, struct aspace **out);

// Resolves a user fault in `as`, which is active on this CPU.  OK: retry the instruction.
// ERR_FAULT: no such mapping; ERR_ACCES: not for this access; ERR_NOMEM; ERR_IO.
// Maps neighbouring pages that are already present around a read fault.
status_t aspace_fault(struct aspace *as, const struct fault *fault);

// Makes the pages of the range present (reads or writes), so that kernel access will not fault.
status_t aspace_populate(struct aspace *as, vaddr_t va, size_t size_pages, bool for_write);

struct region_info {
    vaddr_t start;
    size_t size_pages;
    enum prot prot;
};
// The first region that ends above `va`.  ERR_NOENT.
status_t aspace_next_region(struct aspace *as, vaddr_t va, struct region_info *out);

// The address space of the running thread, or NULL.
struct aspace *aspace_current(void);
