// SPDX-License-Identifier: Apache-2.0
/*
 * Page faults.  The path of a first touch of anonymous memory is the one that counts: last region,
 * one radix insertion, one page from this CPU's list, one page table entry.
 */
#include <inject_hook.h>

#include "kernel/mm/aspace.h"
#include "kernel/mm/page_priv.h"
#include "kernel/mm/vmo_priv.h"
#include "lib/base/bits.h"

enum { AROUND_PAGES = 16 }; // aligned neighbourhood that a read fault maps

static ALWAYS_INLINE struct region *region_at(struct aspace *as, vaddr_t va) REQUIRES(as -> lock)
{
    struct region *r = as->last_fault;
    if (LIKELY(r != NULL && va >= r->extent.start && va < r->extent.end)) {
        return r;
    }
    struct extent *e = extent_find(&as->regions, va);
    if (e == NULL || e->start > va) {
        return NULL;
    }
    r = container_of(e, struct region, extent);
    as->last_fault = r;
    return r;
}

// Maps those neighbours in the window that are present in the object and not in the page tables.
// Whatever fails here only costs a fault later.
static void map_around(struct aspace *as, const struct region *r, uint64_t index, void **slot)
    REQUIRES(as -> tables)
{
    uint64_t window = align_down(index, AROUND_PAGES);
    uint64_t end = r->offset + ((r->extent.end - r->extent.start) >> PAGE_SHIFT);
    uint64_t last = u64_min(window + AROUND_PAGES, end);
    for (uint64_t i = u64_max(window, r->offset); i < last; i++) {
        // The window does not leave the radix node, whose slots lie side by side.
        const struct page *p = slot[(int64_t)(i - index)];
        if (i != index && p != NULL) {
            vaddr_t va = r->extent.start + ((i - r->offset) << PAGE_SHIFT);
            uint32_t prot = region_entry_prot(r, !page_is_shared(p));
            (void)arch_map(&as->arch, va, page_paddr(p), PAGE_SIZE, prot);
        }
    }
}

static ALWAYS_INLINE status_t map_page(struct aspace *as, vaddr_t va, paddr_t page, uint32_t prot)
    REQUIRES(as -> tables)
{
    return arch_map_page(&as->arch, align_down(va, PAGE_SIZE), page, prot);
}

struct touch {
    vaddr_t va;
    uint64_t index; // of the page in the object
    bool is_write;
};

// Any fault in a region of `v`.
static status_t fault_slow(struct aspace *as, const struct region *r, struct vmo *v,
                           const struct touch *t) REQUIRES(v -> lock)
{
    struct vmo_page found;
    status_t status = vmo_fault_locked(v, t->index, t->is_write, r, &found);
    if (status != OK) {
        return status;
    }
    spin_lock(&as->tables);
    status = map_page(as, t->va, found.page, region_entry_prot(r, found.can_write));
    if (!t->is_write && found.slot != NULL && v->resident > 1) {
        map_around(as, r, t->index, found.slot);
    }
    spin_unlock(&as->tables);
    if (found.stale != NULL) {
        page_unref(found.stale);
    }
    return status;
}

// The first touch of a page of anonymous memory next to one touched before: the slot of the object
// is known, the page comes from this CPU's list.  NULL: it is not that simple.
static ALWAYS_INLINE struct page *first_touch(struct vmo *v, uint64_t index) REQUIRES(v -> lock)
{
    void **slot = radix_find_near(&v->pages, index);
    if (UNLIKELY(slot == NULL || *slot != NULL || inject_is_active())) {
        return NULL;
    }
    struct page *p = page_take_cached();
    if (LIKELY(p != NULL)) {
        page_own(p, PAGE_VMO, 0);
        arch_page_zero(page_virt(p));
        *slot = p;
        v->resident++;
    }
    return p;
}

static ALWAYS_INLINE status_t fault_in(struct aspace *as, struct region *r, vaddr_t va,
                                       bool for_write) REQUIRES(as -> lock)
{
    struct vmo *v = r->vmo;
    uint64_t index = r->offset + ((va - r->extent.start) >> PAGE_SHIFT);
    status_t status;
    mutex_lock(&v->lock);
    const struct page *p = first_touch(v, index);
    if (LIKELY(p != NULL)) {
        spin_lock(&as->tables);
        status = map_page(as, va, page_paddr(p), r->map_prot);
        spin_unlock(&as->tables);
    } else {
        status = fault_slow(as, r, v, &(struct touch){va, index, for_write});
    }
    mutex_unlock(&v->lock);
    return status;
}

// What can be written or executed can be read as well: page tables know no difference.
enum { NEED_READ = PROT_READ | PROT_WRITE | PROT_EXEC };

// `need`: protection of which the region must have at least one bit.
static ALWAYS_INLINE status_t resolve(struct aspace *as, vaddr_t va, unsigned need)
    REQUIRES(as -> lock)
{
    struct region *r = region_at(as, va);
    if (r == NULL) {
        return ERR_FAULT;
    }
    if ((r->prot & need) == 0) {
        return ERR_ACCES;
    }
    return fault_in(as, r, va, need == PROT_WRITE);
}

status_t aspace_fault(struct aspace *as, const struct fault *fault)
{
    unsigned need = fault->is_write ? PROT_WRITE : fault->is_exec ? PROT_EXEC : NEED_READ;
    mutex_lock(&as->lock);
    status_t status = resolve(as, fault->address, need);
    mutex_unlock(&as->lock);
    return status;
}

status_t aspace_populate(struct aspace *as, vaddr_t va, size_t size_pages, bool for_write)
{
    status_t status = OK;
    mutex_lock(&as->lock);
    for (size_t i = 0; i < size_pages && status == OK; i++) {
        status = resolve(as, va + (i << PAGE_SHIFT), for_write ? PROT_WRITE : NEED_READ);
    }
    mutex_unlock(&as->lock);
    return status;
}
