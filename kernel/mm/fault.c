// SPDX-License-Identifier: Apache-2.0
/*
 * Page faults.  The path of a first touch of anonymous memory is the one that counts: last region,
 * one radix insertion, one page from this CPU's list, one page table entry.
 *
 * A page of a file that is absent is got without any lock, and then the fault is resolved anew; a
 * reference keeps the page meanwhile.
 */
#include <inject_hook.h>

#include "kernel/core/thread.h"
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

// A page of a file that the fault needs and that is not there.
struct missing {
    struct vmo *file;  // NULL: nothing is missing; else a reference
    uint64_t index;    // of its page
    struct page *page; // once it is there: a reference
};

struct touch {
    vaddr_t va;
    uint64_t index; // of the page in the object
    bool is_write;
    struct missing *missing;
};

// What neighbours of a page may be mapped, and how.  The locks of both objects are held.
struct around {
    struct vmo *owner; // of the pages
    bool is_private;   // they are the file's below the region's object
};

static bool is_mappable(const struct around *a, const struct region *r, const struct page *p,
                        bool *can_write)
{
    if (a->owner->kind != VMO_FILE) {
        *can_write = !page_is_shared(p);
        return (r->prot & PROT_EXEC) == 0; // made visible to instruction fetch one by one
    }
    bool is_ready = vmo_file_is_mappable(file_of_vmo(a->owner), p, can_write);
    *can_write &= !a->is_private;
    return is_ready && ((r->prot & PROT_EXEC) == 0 || (p->flags & FILE_PAGE_CODE) != 0);
}

// Maps those neighbours in the window that are present in the object and not in the page tables.
// Whatever fails here only costs a fault later.
static void map_around(struct aspace *as, const struct region *r, uint64_t index, void **slot,
                       const struct around *a) REQUIRES(as -> tables)
{
    uint64_t window = align_down(index, AROUND_PAGES);
    uint64_t end = r->offset + ((r->extent.end - r->extent.start) >> PAGE_SHIFT);
    uint64_t last = u64_min(window + AROUND_PAGES, end);
    for (uint64_t i = u64_max(window, r->offset); i < last; i++) {
        // The window does not leave the radix node, whose slots lie side by side.
        const struct page *p = slot[(int64_t)(i - index)];
        bool can_write;
        bool is_own = a->is_private && p != NULL && vmo_private_page(r->vmo, i) != NULL;
        if (i != index && p != NULL && !is_own && is_mappable(a, r, p, &can_write)) {
            vaddr_t va = r->extent.start + ((i - r->offset) << PAGE_SHIFT);
            (void)arch_map(&as->arch, va, page_paddr(p), PAGE_SIZE,
                           region_entry_prot(r, can_write));
        }
    }
}

static ALWAYS_INLINE status_t map_page(struct aspace *as, vaddr_t va, paddr_t page, uint32_t prot)
    REQUIRES(as -> tables)
{
    return arch_map_page(&as->arch, align_down(va, PAGE_SIZE), page, prot);
}

static status_t map_found(struct aspace *as, const struct region *r, const struct touch *t,
                          const struct vmo_page *found, const struct around *a)
{
    spin_lock(&as->tables);
    status_t status = map_page(as, t->va, found->pa, region_entry_prot(r, found->can_write));
    if (!t->is_write && found->slot != NULL && a->owner->resident > 1) {
        map_around(as, r, t->index, found->slot, a);
    }
    spin_unlock(&as->tables);
    return status;
}

// Notes that the page of the file has to be got first.
static status_t get_first(struct vmo *file, const struct touch *t)
{
    vmo_ref(file);
    t->missing->file = file;
    t->missing->index = t->index;
    return ERR_AGAIN;
}

// A page of a file in a region that shows it, itself or through a private object.
static status_t fault_file(struct aspace *as, const struct region *r, struct vmo_file *f,
                           const struct touch *t) REQUIRES(f -> vmo.lock)
{
    struct around a = {.owner = &f->vmo, .is_private = r->vmo != &f->vmo};
    struct vmo_page found;
    status_t status = vmo_file_fault(f, t->index, t->is_write, &found);
    if (status == ERR_AGAIN) {
        return get_first(&f->vmo, t);
    }
    if (status != OK) {
        return status;
    }
    if ((r->prot & PROT_EXEC) != 0) {
        vmo_file_sync_code(found.page);
    }
    found.can_write &= !a.is_private;
    return map_found(as, r, t, &found, &a);
}

// The same with the object's lock, of which the analysis does not see that it is the file's.
static status_t fault_shared(struct aspace *as, const struct region *r, struct vmo_file *f,
                             const struct touch *t) NO_THREAD_ANALYSIS
{
    return fault_file(as, r, f, t);
}

static status_t fault_below(struct aspace *as, const struct region *r, struct vmo_file *f,
                            const struct touch *t)
{
    mutex_lock(&f->vmo.lock);
    status_t status = fault_file(as, r, f, t);
    mutex_unlock(&f->vmo.lock);
    return status;
}

// The first write to a page of a private object: it gets a copy.
static status_t fault_copy(struct aspace *as, const struct region *r, struct vmo *v,
                           const struct touch *t) REQUIRES(v -> lock)
{
    struct vmo_file *f = file_of_vmo(v->below);
    struct around a = {.owner = v};
    struct vmo_page original;
    struct vmo_page found;
    mutex_lock(&f->vmo.lock);
    status_t status = vmo_file_fault(f, t->index, false, &original);
    if (status == OK) {
        page_ref(original.page);
    }
    mutex_unlock(&f->vmo.lock);
    if (status != OK) {
        return status == ERR_AGAIN ? get_first(v->below, t) : status;
    }
    status = vmo_private_copy(v, t->index, original.page, &found);
    if (status == OK) {
        status = map_found(as, r, t, &found, &a);
    }
    page_unref(original.page);
    return status;
}

// A page of the object's own, or of a device.
static status_t fault_own(struct aspace *as, const struct region *r, struct vmo *v,
                          const struct touch *t) REQUIRES(v -> lock)
{
    struct around a = {.owner = v};
    struct vmo_page found;
    status_t status = vmo_fault_locked(v, t->index, t->is_write, r, &found);
    if (status != OK) {
        return status;
    }
    if ((r->prot & PROT_EXEC) != 0 && found.page != NULL) {
        arch_sync_icache(page_virt(found.page), PAGE_SIZE);
    }
    // Pages of a private object lie far apart: what is between them is the file's.
    found.slot = v->below == NULL ? found.slot : NULL;
    status = map_found(as, r, t, &found, &a);
    if (found.stale != NULL) {
        page_unref(found.stale);
    }
    return status;
}

// Any fault in a region of `v`.
static status_t fault_slow(struct aspace *as, const struct region *r, struct vmo *v,
                           const struct touch *t) REQUIRES(v -> lock)
{
    if (v->kind == VMO_FILE) {
        return fault_shared(as, r, file_of_vmo(v), t);
    }
    if (v->below == NULL || vmo_private_page(v, t->index) != NULL) {
        return fault_own(as, r, v, t);
    }
    return t->is_write ? fault_copy(as, r, v, t) : fault_below(as, r, file_of_vmo(v->below), t);
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
                                       bool for_write, struct missing *missing) REQUIRES(as -> lock)
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
        status = fault_slow(as, r, v, &(struct touch){va, index, for_write, missing});
    }
    mutex_unlock(&v->lock);
    return status;
}

// What can be written or executed can be read as well: page tables know no difference.
enum { NEED_READ = PROT_READ | PROT_WRITE | PROT_EXEC };

// `need`: protection of which the region must have at least one bit.
static ALWAYS_INLINE status_t resolve(struct aspace *as, vaddr_t va, unsigned need,
                                      struct missing *missing) REQUIRES(as -> lock)
{
    struct region *r = region_at(as, va);
    if (r == NULL) {
        return ERR_FAULT;
    }
    if ((r->prot & need) == 0) {
        return ERR_ACCES;
    }
    return fault_in(as, r, va, need == PROT_WRITE, missing);
}

static void put_missing(struct missing *m)
{
    if (m->page != NULL) {
        page_unref(m->page);
    }
    if (m->file != NULL) {
        vmo_unref(m->file);
    }
    *m = (struct missing){};
}

// Resolves a fault at `va` that needs pages to be got first.  What it got for one attempt is kept for
// the next; it ends, because a page that is kept is neither evicted nor asked for again.
static COLD status_t resolve_missing(struct aspace *as, vaddr_t va, unsigned need,
                                     struct missing *m)
{
    status_t status = ERR_AGAIN;
    while (status == ERR_AGAIN) {
        struct missing next = {.file = m->file, .index = m->index};
        status = vmo_file_get(file_of_vmo(next.file), next.index, &next.page);
        if (status != OK) {
            break;
        }
        mutex_lock(&as->lock);
        struct missing again = next;
        status = resolve(as, va, need, &again);
        mutex_unlock(&as->lock);
        put_missing(&next);
        *m = status == ERR_AGAIN ? again : (struct missing){};
        m->page = NULL;
    }
    put_missing(m);
    return status;
}

status_t aspace_fault(struct aspace *as, const struct fault *fault)
{
    unsigned need = fault->is_write ? PROT_WRITE : fault->is_exec ? PROT_EXEC : NEED_READ;
    struct missing missing;
    missing.file = NULL;
    missing.page = NULL;
    mutex_lock(&as->lock);
    status_t status = resolve(as, fault->address, need, &missing);
    mutex_unlock(&as->lock);
    if (UNLIKELY(status == ERR_AGAIN)) {
        status = resolve_missing(as, fault->address, need, &missing);
    }
    return status;
}

status_t aspace_populate(struct aspace *as, vaddr_t va, size_t size_pages, bool for_write)
{
    status_t status = OK;
    for (size_t i = 0; i < size_pages && status == OK; i++) {
        struct fault fault = {.is_write = for_write, .address = va + (i << PAGE_SHIFT)};
        status = aspace_fault(as, &fault);
        thread_preempt_point();
    }
    return status;
}
