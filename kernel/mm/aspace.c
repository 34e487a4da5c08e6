// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/aspace.h"

#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/region_priv.h"
#include "lib/base/bits.h"

/* ---- Mapping and unmapping ---- */

static status_t check_mapping(const struct mapping *m)
{
    // A file may become larger: what is behind its end is there, but cannot be touched.
    uint64_t size = m->vmo->kind == VMO_FILE ? VMO_PAGES_MAX : vmo_size_pages(m->vmo);
    if (!region_is_valid_prot(m->prot, m->max_prot) || m->size_pages == 0 || m->offset > size ||
        m->size_pages > size - m->offset) {
        return ERR_INVAL;
    }
    return OK;
}

// Decides on the place, within all limits.
static status_t place(struct aspace *as, const struct mapping *m, vaddr_t *va) REQUIRES(as -> lock)
{
    size_t replaced = 0;
    if ((m->flags & ASPACE_FIXED) != 0) {
        if (!region_is_user_range(*va, m->size_pages)) {
            return ERR_INVAL;
        }
        replaced = region_pages_in(as, *va, *va + (m->size_pages << PAGE_SHIFT));
        if (replaced != 0 && (m->flags & ASPACE_NOREPLACE) != 0) {
            return ERR_EXIST;
        }
    } else {
        status_t status = region_find_room(as, m->size_pages, m->random, va);
        if (status != OK) {
            return status;
        }
    }
    size_t others = as->mapped_pages - replaced;
    return others <= as->limit_pages && m->size_pages <= as->limit_pages - others ? OK : ERR_NOMEM;
}

static status_t map_locked(struct aspace *as, const struct mapping *m, struct region *r,
                           struct change *c, vaddr_t *va) REQUIRES(as -> lock)
{
    vaddr_t at = *va;
    status_t status = place(as, m, &at);
    vaddr_t end = at + (m->size_pages << PAGE_SHIFT);
    if (status == OK) {
        status = change_prepare(c, as, at, end);
    }
    if (status != OK) {
        return status;
    }
    // No failure below.
    region_split_range(as, at, end, c);
    region_remove_range(as, at, end, c);
    *r = (struct region){
        .offset = m->offset,
        .vmo = m->vmo,
        .aspace = as,
        .max_prot = (uint8_t)m->max_prot,
        .is_shared = (m->flags & ASPACE_SHARED) != 0,
    };
    r->extent.start = at;
    r->extent.end = end;
    region_set_prot(r, m->prot);
    region_insert(as, r);
    region_merge_range(as, at, end, c);
    *va = at;
    return OK;
}

status_t aspace_map(struct aspace *as, const struct mapping *m, vaddr_t *va)
{
    status_t status = check_mapping(m);
    if (status != OK) {
        return status;
    }
    void *memory;
    status = heap_alloc(sizeof(struct region), &memory);
    if (status != OK) {
        return status;
    }
    struct change change;
    change_init(&change);
    mutex_lock(&as->lock);
    status = map_locked(as, m, memory, &change, va);
    mutex_unlock(&as->lock);
    change_fini(&change);
    if (status != OK) {
        heap_free(memory);
    }
    return status;
}

status_t aspace_unmap(struct aspace *as, vaddr_t va, size_t size_pages)
{
    if (!region_is_user_range(va, size_pages)) {
        return ERR_INVAL;
    }
    vaddr_t end = va + (size_pages << PAGE_SHIFT);
    struct change change;
    change_init(&change);
    mutex_lock(&as->lock);
    status_t status = change_prepare(&change, as, va, end);
    if (status == OK) {
        // No failure below.
        region_split_range(as, va, end, &change);
        region_remove_range(as, va, end, &change);
    }
    mutex_unlock(&as->lock);
    change_fini(&change);
    return status;
}

/* ---- Life ---- */

status_t aspace_create(struct aspace **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct aspace), &memory);
    if (status != OK) {
        return status;
    }
    struct aspace *as = memory;
    status = arch_aspace_init(&as->arch);
    if (status != OK) {
        heap_free(as);
        return status;
    }
    mutex_init(&as->lock, "aspace", RANK_ASPACE);
    spin_init(&as->tables, "page tables", RANK_TABLES);
    as->limit_pages = USER_END >> PAGE_SHIFT;
    refcount_init(&as->refs, 1);
    *out = as;
    return OK;
}

void aspace_ref(struct aspace *as)
{
    refcount_inc(&as->refs);
}

// Page tables need no clearing: no CPU has them active, and they go as a whole.
static void drop_regions(struct aspace *as)
{
    for (struct extent *e = extent_first(&as->regions); e != NULL; e = extent_first(&as->regions)) {
        struct region *r = region_of(e);
        struct vmo *v = r->vmo;
        extent_remove(&as->regions, e);
        vmo_lock(v);
        vmo_remove_region(v, r);
        region_free_unreachable(v, r);
        vmo_unlock(v);
        vmo_unref(v);
        heap_free(r);
        thread_preempt_point();
    }
}

void aspace_unref(struct aspace *as)
{
    if (!refcount_dec(&as->refs)) {
        return;
    }
    sched_forget_aspace(&as->arch);
    drop_regions(as);
    arch_aspace_fini(&as->arch);
    heap_free(as);
}

static bool stays_the_same(const struct region *r)
{
    return r->is_shared || (r->max_prot & PROT_WRITE) == 0 || r->vmo->kind != VMO_ANONYMOUS;
}

static status_t fork_region(struct region *r, struct aspace *child)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct region), &memory);
    if (status != OK) {
        return status;
    }
    struct region *copy = memory;
    *copy = *r;
    copy->aspace = child;
    if (stays_the_same(r)) {
        vmo_ref(r->vmo);
    } else {
        status = vmo_clone_cow(r->vmo, r->offset, region_pages(r), &copy->vmo);
        if (status != OK) {
            heap_free(copy);
            return status;
        }
    }
    region_insert(child, copy);
    vmo_unref(copy->vmo); // the region has its own
    return OK;
}

status_t aspace_fork(struct aspace *as, struct aspace **out)
{
    struct aspace *child = NULL;
    status_t status = aspace_create(&child);
    if (status != OK) {
        return status;
    }
    mutex_lock(&as->lock);
    child->base = as->base;
    child->limit_pages = as->limit_pages;
    for (struct extent *e = extent_first(&as->regions); e != NULL && status == OK;
         e = extent_next(e)) {
        status = fork_region(region_of(e), child);
    }
    mutex_unlock(&as->lock);
    if (status != OK) {
        aspace_unref(child);
        return status;
    }
    *out = child;
    return OK;
}

status_t aspace_next_region(struct aspace *as, vaddr_t va, struct region_info *out)
{
    mutex_lock(&as->lock);
    const struct region *r = region_find(as, va);
    if (r != NULL) {
        *out = (struct region_info){.start = r->extent.start,
                                    .size_pages = region_pages(r),
                                    .prot = r->prot,
                                    .max_prot = r->max_prot,
                                    .is_shared = r->is_shared};
    }
    mutex_unlock(&as->lock);
    return r == NULL ? ERR_NOENT : OK;
}

void aspace_usage(struct aspace *as, struct aspace_usage *out)
{
    mutex_lock(&as->lock);
    out->mapped_pages = as->mapped_pages;
    spin_lock(&as->tables);
    arch_aspace_pages(&as->arch, &out->resident_pages, &out->peak_resident_pages);
    spin_unlock(&as->tables);
    mutex_unlock(&as->lock);
}

status_t aspace_find_shared(struct aspace *as, vaddr_t va, struct shared_place *out)
{
    status_t status = ERR_FAULT;
    mutex_lock(&as->lock);
    const struct region *r = region_find(as, va);
    if (r != NULL && r->extent.start <= va) {
        *out = (struct shared_place){};
        if (r->is_shared) {
            vmo_ref(r->vmo);
            out->vmo = r->vmo;
            out->offset = (r->offset << PAGE_SHIFT) + (va - r->extent.start);
        }
        status = OK;
    }
    mutex_unlock(&as->lock);
    return status;
}

struct aspace *aspace_current(void)
{
    struct arch_aspace *arch = thread_current()->aspace;
    return arch == NULL ? NULL : container_of(arch, struct aspace, arch);
}
