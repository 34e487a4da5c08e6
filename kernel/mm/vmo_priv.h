// SPDX-License-Identifier: Apache-2.0
/* Between memory objects and the address spaces that map them. */
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/core/worker.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/vmo.h"
#include "lib/alloc/extent.h"
#include "lib/alloc/radix.h"
#include "lib/base/list.h"

enum vmo_kind { VMO_ANONYMOUS, VMO_FILE, VMO_PHYSICAL, VMO_CONTIGUOUS };

struct vmo {
    struct mutex lock;
    enum vmo_kind kind;  // [I]
    bool is_device;      // [I]
    bool may_share;      // [l] a copy was made once: pages may have other holders
    refcount_t refs;     // [a]
    uint64_t size_pages; // [l] grows (anonymous) or changes (files) only
    paddr_t base;        // [I] physical, contiguous
    struct radix pages;  // [l] anonymous, files: struct page by index
    size_t resident;     // [l] pages in it
    struct list regions; // [l] struct region.vmo_link
    size_t region_count; // [l]
    struct vmo *below;   // [I] private: the file, with a reference; else NULL
};

// State of a file's page, in struct page.flags: guarded by the file's lock.
enum file_page_flags : uint16_t {
    FILE_PAGE_BUSY = 1 << 0,  // the pager fills it: its content is nobody's business
    FILE_PAGE_DIRTY = 1 << 1, // has what the pager does not have
    FILE_PAGE_USED = 1 << 2,  // since eviction looked last
    FILE_PAGE_CODE = 1 << 3,  // instruction fetch sees its content
};

struct vmo_file {
    struct vmo vmo;              // first
    const struct pager_ops *ops; // [I]
    void *context;               // [I]
    _Atomic uint64_t size;       // [l to write] bytes
    struct list private_regions; // [l] struct region.file_link
    size_t dirty;                // [l] pages marked so
    _Atomic nsec_t mapped_write; // [a] vmo_take_mapped_write
    uint64_t next_read;          // [l] page behind the last one that was asked for
    unsigned window;             // [l] pages asked for at the last time
    bool is_syncing;             // [l] somebody has the pager write
    struct wait_queue io_wait;   // waits for io_done to change
    _Atomic uint32_t io_done;    // [a] work of the pager that has ended, ever
    struct work destroy;         // once evicting had the last reference
};

static inline struct vmo_file *file_of_vmo(struct vmo *v)
{
    return container_of(v, struct vmo_file, vmo);
}

/*
 * A mapped run of pages.  `extent` (bytes) and `offset` change under the locks of the address space,
 * the object, and the file below it, so any of them is enough to read them.
 */
struct region {
    struct extent extent;  // [aspace and vmo locks]
    uint64_t offset;       // [aspace and vmo locks] first page within the object
    struct vmo *vmo;       // [I] holds a reference
    struct aspace *aspace; // [I]
    struct list vmo_link;  // [vmo lock]
    struct list file_link; // [lock of vmo->below] only of private objects
    uint32_t map_prot;     // [aspace and vmo lock] ARCH_MAP_*: `prot` for pages written in place
    uint8_t prot;          // [aspace and vmo lock] enum prot
    uint8_t max_prot;      // [I]
    bool is_shared;        // [I] a fork shares the object
};

// Gives the region a protection; its page table entries are the caller's business.
void region_set_prot(struct region *r, unsigned prot);

// What the entry of a page has to say; one that cannot be written in place is mapped read-only.
static inline uint32_t region_entry_prot(const struct region *r, bool can_write)
{
    return can_write ? r->map_prot : r->map_prot & ~(uint32_t)ARCH_MAP_WRITE;
}

// Takes [va, va + size) out of the page tables of `as`; with preemption points for large ranges.
void aspace_clear(struct aspace *as, vaddr_t va, size_t size);

// The object's lock, and that of the file below a private one: what a region says may change then.
void vmo_lock(struct vmo *v) ACQUIRES(v -> lock);
void vmo_unlock(struct vmo *v) RELEASES(v -> lock);

// Links a region that has its reference, or takes it off; with vmo_lock held.
void vmo_add_region(struct vmo *v, struct region *r) REQUIRES(v -> lock);
void vmo_remove_region(struct vmo *v, struct region *r) REQUIRES(v -> lock);

// Fills a new object of a kind; `v` is zero.
void vmo_init(struct vmo *v, enum vmo_kind kind, uint64_t size_pages);
// The slot of a page, made if it is not there.  ERR_NOMEM.
status_t vmo_insert_slot(struct vmo *v, uint64_t index, void ***slot);
// A page for user memory: makes room in the page cache for it if it must.  ERR_NOMEM.
status_t vmo_page_alloc(enum page_flags flags, struct page **out);

// Whether page table entries may become writable without looking at each page.
bool vmo_is_written_in_place(const struct vmo *v) REQUIRES(v -> lock);
// Whether page table entries of its regions may exist at all.
bool vmo_may_be_mapped(const struct vmo *v) REQUIRES(v -> lock);

// Takes the pages out of all mappings, those of private objects above a file too.
void vmo_unmap_pages(struct vmo *v, uint64_t start, uint64_t end) REQUIRES(v -> lock);
// Takes writing away from all mappings of the pages.
void vmo_write_protect(struct vmo *v, uint64_t start, uint64_t end) REQUIRES(v -> lock);

struct vmo_page {
    struct page *page;  // NULL: no page of the object, see `pa`
    paddr_t pa;         // its address
    bool can_write;     // in place
    struct page *stale; // the page that a copy replaced, or NULL: page_unref it once unmapped
    void **slot;        // where the page stands; NULL unless in a tree
};

// vmo_fault for a region of an object that is not a file: all mappings of a replaced page are gone
// but the entry in `r` (NULL: no exception), which the caller replaces before it drops `stale`.
status_t vmo_fault_locked(struct vmo *v, uint64_t index, bool for_write, const struct region *r,
                          struct vmo_page *out) REQUIRES(v -> lock);

// Frees pages of an anonymous object that no page table shows.
void vmo_free_pages_locked(struct vmo *v, uint64_t start, uint64_t end) REQUIRES(v -> lock);

// More room at the end of an anonymous object.
void vmo_grow_locked(struct vmo *v, uint64_t size_pages) REQUIRES(v -> lock);

/* ---- Private objects ---- */

// The page of its own that a private object has for `index`, or NULL.
struct page *vmo_private_page(const struct vmo *v, uint64_t index); // lock held

// Gives the object a copy of the file's page, which the caller keeps from going.  ERR_NOMEM.
status_t vmo_private_copy(struct vmo *v, uint64_t index, const struct page *from,
                          struct vmo_page *out) REQUIRES(v -> lock);

/* ---- Files ---- */

void vmo_file_destroy(struct vmo_file *f);

// vmo_decommit: makes holes, of a file that may have them.
void vmo_file_punch(struct vmo_file *f, uint64_t start, uint64_t count);

// A page for a fault.  ERR_RANGE: beyond the end.  ERR_AGAIN: it is not there; vmo_file_get waits for
// it.  Marks it dirty for a write.
status_t vmo_file_fault(struct vmo_file *f, uint64_t index, bool for_write, struct vmo_page *out)
    REQUIRES(f -> vmo.lock);

// Whether a page found in the tree can be mapped as it is, and for writing.  Lock held.
bool vmo_file_is_mappable(const struct vmo_file *f, const struct page *p, bool *can_write);

// Makes instruction fetch see the page, once.
void vmo_file_sync_code(struct page *p);

// The page with a reference for the caller; reads it in or fills a hole if it must.  Sleeps, no lock
// held.  ERR_RANGE, ERR_IO, ERR_NOMEM, ERR_NOSPC.
status_t vmo_file_get(struct vmo_file *f, uint64_t index, struct page **out);

// Evicts the page if nobody needs it: true.  What was used since the last call is spared, and leaves
// the page tables, so that further use shows.
bool vmo_file_evict(struct vmo_file *f, uint64_t index, const struct page *p)
    REQUIRES(f -> vmo.lock);
