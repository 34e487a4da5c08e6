// SPDX-License-Identifier: Apache-2.0
/*
 * Page faults.  The path of a first touch of anonymous memory is the one that counts: last region,
 * one radix insertion, one page from this CPU's list, one page table entry.
 */
#include "kernel/core/panic.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/vmo_priv.h"
#include "lib/base/bits.h"

enum { AROUND_PAGES = 16 }; // aligned neighbourhood that a read fault maps

static struct region *region_at(struct aspace *as, vaddr_t va) REQUIRES(as -> lock)
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
            uint32_t prot = region_map_prot(r->vmo, r->prot, !page_is_shared(p));
            (void)arch_map(&as->arch, va, page_paddr(p), PAGE_SIZE, prot);
        }
    }
}

static status_t fault_in(struct aspace *as, struct region *r, vaddr_t va, bool for_write)
    REQUIRES(as -> lock)
{
    struct vmo *v = r->vmo;
    uint64_t index = r->offset + ((va - r->extent.start) >> PAGE_SHIFT);
    struct vmo_page found;
    vmo_lock(v);
    status_t status = vmo_fault_locked(v, index, for_write, r, &found);
    if (LIKELY(status == OK)) {
        uint32_t prot = region_map_prot(v, r->prot, found.can_write);
        spin_lock(&as->tables);
        status = arch_map_page(&as->arch, align_down(va, PAGE_SIZE), found.page, prot);
        if (!for_write && found.slot != NULL && v->resident > 1) {
            map_around(as, r, index, found.slot);
        }
        spin_unlock(&as->tables);
        if (found.stale != NULL) {
            page_unref(found.stale);
        }
    }
    vmo_unlock(v);
    return status;
}

// What can be written or executed can be read as well: page tables know no difference.
enum { NEED_READ = PROT_READ | PROT_WRITE | PROT_EXEC };

// `need`: protection of which the region must have at least one bit.
static status_t resolve(struct aspace *as, vaddr_t va, unsigned need) REQUIRES(as -> lock)
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
