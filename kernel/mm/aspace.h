// SPDX-License-Identifier: Apache-2.0
/*
 * User address spaces: a tree of regions over memory objects.
 *
 * A region is a run of pages with one protection over a run of a memory object.  Regions do not
 * overlap; adjacent ones over adjacent parts of one object merge.  The tree (lib/alloc/extent) finds
 * addresses and room in logarithmic time.
 *
 * Invariants: 1. writable and executable together does not exist, now or after any change; 2. a
 * region's protection stays within the max_prot it was mapped with; 3. mapped_pages is the sum of
 * all regions and at most limit_pages; 4. an operation that fails has changed nothing.
 *
 * Locking: `lock` (RANK_ASPACE, sleeping) guards the tree; what a region says is changed with its
 * object's lock held too.  `tables` (RANK_TABLES) guards the page tables, which objects change as
 * well when pages leave them.
 * Lifetimes: counted by its threads and by everyone who looks at it; the last reference unmaps and
 * frees everything.
 */
#pragma once

#include "kernel/arch/arch.h"
#include "kernel/core/mutex.h"
#include "kernel/mm/layout.h"
#include "lib/alloc/extent.h"
#include "lib/base/refcount.h"

struct vmo;

enum prot {
    PROT_NONE = 0,
    PROT_READ = 1 << 0,
    PROT_WRITE = 1 << 1,
    PROT_EXEC = 1 << 2,
};

struct aspace {
    struct arch_aspace arch; // first: threads know the address space by it
    struct mutex lock;
    struct spinlock tables;
    struct extent_tree regions; // [l] struct region
    struct region *last_fault;  // [l] where the last fault was: most faults hit it again
    size_t mapped_pages;        // [l] address space in use
    size_t limit_pages;         // [l] most it may become
    vaddr_t base;               // [l] where mappings anywhere start; 0: not chosen yet
    refcount_t refs;            // [a]
};

status_t aspace_create(struct aspace **out); // ERR_NOMEM
void aspace_ref(struct aspace *as);

// The last reference is dropped in thread context by a thread that has left the address space.
void aspace_unref(struct aspace *as);

enum aspace_flags {
    ASPACE_ANYWHERE = 0,
    ASPACE_FIXED = 1 << 0,     // exactly at the address, replacing what is there
    ASPACE_NOREPLACE = 1 << 1, // with FIXED: ERR_EXIST instead of replacing
    ASPACE_SHARED = 1 << 2,    // a fork shares the object instead of copying it on write
};

struct mapping {
    struct vmo *vmo; // borrowed; the region takes a reference of its own
    uint64_t offset; // first page within the object
    size_t size_pages;
    unsigned prot;     // enum prot
    unsigned max_prot; // what aspace_protect may make of it later
    unsigned flags;    // enum aspace_flags
    uint64_t random;   // not 0: in an address space without mappings anywhere, where these start
};

// Maps `m` at *va; without ASPACE_FIXED that is a hint, and *va becomes the place.  Mappings
// anywhere go to the lowest room above the start that `random` chose once (user ASLR).
// ERR_INVAL: not aligned, empty, outside the user's half or the object, unknown or W+X protection.
// ERR_NOMEM: no memory, no room, or above the limit.  ERR_EXIST.
status_t aspace_map(struct aspace *as, const struct mapping *m, vaddr_t *va);

// Unmaps whatever is in the range, and frees pages that nothing can reach any more.  ERR_INVAL;
// ERR_NOMEM when a region would have to be split and there is no memory.
status_t aspace_unmap(struct aspace *as, vaddr_t va, size_t size_pages);

// Changes protection.  ERR_INVAL: not aligned, unknown or W+X protection.  ERR_NOMEM: part of the
// range is not mapped, or no memory to split.  ERR_ACCES: above max_prot.
status_t aspace_protect(struct aspace *as, vaddr_t va, size_t size_pages, unsigned prot);

enum remap_flags {
    REMAP_IN_PLACE = 0,
    REMAP_MAY_MOVE = 1 << 0,
    REMAP_FIXED = 1 << 1, // to *to, replacing what is there; with MAY_MOVE
};

struct remap {
    vaddr_t va;
    size_t old_pages;
    size_t new_pages;
    unsigned flags;  // enum remap_flags
    uint64_t random; // as in struct mapping
};

// Makes the mappings of a range smaller or larger, where they are or elsewhere, with all they hold;
// *to becomes the place.  ERR_INVAL: not aligned, empty, or a fixed place that overlaps.  ERR_FAULT:
// part of the range is not mapped.  ERR_NOMEM: no memory, no room, above the limit.
status_t aspace_remap(struct aspace *as, const struct remap *m, vaddr_t *to);

// Forgets the content of the range: private memory reads as at first again, of shared memory only the
// page table entries go.  ERR_INVAL; ERR_NOMEM: part of it is not mapped; the rest is done.
status_t aspace_discard(struct aspace *as, vaddr_t va, size_t size_pages);

// A copy of the whole address space (fork): shared regions and those that can never be written
// show the same object, others a copy on write.  ERR_NOMEM.
status_t aspace_fork(struct aspace *as, struct aspace **out);

// Resolves a user fault in `as`; may sleep for a page of a file.  OK: retry the instruction.
// ERR_FAULT: no such mapping; ERR_ACCES: not for this access; ERR_NOMEM; ERR_RANGE: beyond the end of
// a file; ERR_IO, ERR_NOSPC: its page cannot be had.  Maps neighbours that are present around a read.
status_t aspace_fault(struct aspace *as, const struct fault *fault);

// Makes the pages of the range present for reads or writes, as if each were touched.  Errors as
// aspace_fault; then some may be present.
status_t aspace_populate(struct aspace *as, vaddr_t va, size_t size_pages, bool for_write);

struct region_info {
    vaddr_t start;
    size_t size_pages;
    unsigned prot;
    unsigned max_prot;
    bool is_shared;
};
// The first region that ends above `va`.  ERR_NOENT.
status_t aspace_next_region(struct aspace *as, vaddr_t va, struct region_info *out);

// What is mapped at `va`, from there on to the end of the region.
struct object_view {
    struct vmo *vmo; // a reference for the caller
    uint64_t index;  // first page in it
    size_t size_pages;
    bool is_shared;
    unsigned prot;
};
status_t aspace_object_at(struct aspace *as, vaddr_t va,
                          struct object_view *out); // ERR_NOMEM: none

// How much of it there is; exact while nobody changes it.
struct aspace_usage {
    size_t mapped_pages;        // address space
    size_t resident_pages;      // in the page tables
    size_t peak_resident_pages; // the most there have been
};
void aspace_usage(struct aspace *as, struct aspace_usage *out);

// What a shared mapping shows at `va`: the object, with a reference, and the byte within it; vmo NULL
// if the mapping is private.  ERR_FAULT: nothing is mapped.
struct shared_place {
    struct vmo *vmo;
    uint64_t offset;
};
status_t aspace_find_shared(struct aspace *as, vaddr_t va, struct shared_place *out);

// The address space of the running thread, or NULL.  Borrowed.
struct aspace *aspace_current(void);
