// SPDX-License-Identifier: Apache-2.0
/* Mappings that change their size or place, and what is asked about their objects. */
#include "kernel/mm/heap.h"
#include "kernel/mm/region_priv.h"
#include "lib/base/bits.h"

/* ---- Size and place ---- */

// What a remapping changes, and what it needs.
struct plan {
    vaddr_t old_start;
    vaddr_t old_end;
    vaddr_t start; // where it will be
    vaddr_t end;
    struct change source;
    struct change target;
    struct region *extension; // a region for what is new, if that cannot be part of the last one
    struct vmo *vmo;          // its object
};

static bool is_mapped_whole(const struct aspace *as, vaddr_t start, vaddr_t end)
{
    return region_pages_in(as, start, end) == (end - start) >> PAGE_SHIFT;
}

// Whether the region can grow by these pages without another object.
static bool can_grow(const struct region *r, size_t pages)
{
    uint64_t end = r->offset + region_pages(r);
    if (r->vmo->kind == VMO_FILE || r->vmo->below != NULL) {
        return pages <= VMO_PAGES_MAX - end;
    }
    return r->vmo->kind == VMO_ANONYMOUS && end == r->vmo->size_pages &&
           pages <= VMO_PAGES_MAX - end;
}

// The region that holds the last page of the old range.
static struct region *last_region(const struct aspace *as, const struct plan *p)
{
    return region_find(as, p->old_end - PAGE_SIZE);
}

static status_t prepare_extension(const struct aspace *as, struct plan *p)
{
    size_t old_size = p->old_end - p->old_start;
    size_t new_size = p->end - p->start;
    if (new_size <= old_size) {
        return OK;
    }
    const struct region *r = last_region(as, p);
    size_t more = (new_size - old_size) >> PAGE_SHIFT;
    bool is_of_file = r->vmo->kind == VMO_FILE || r->vmo->below != NULL;
    // Anonymous memory that reaches further than the range stays behind, and so does the object's end.
    if ((is_of_file || r->extent.end == p->old_end) && can_grow(r, more)) {
        return OK;
    }
    if (r->vmo->kind != VMO_ANONYMOUS || is_of_file) {
        return ERR_NOMEM;
    }
    void *memory;
    status_t status = heap_zalloc(sizeof(struct region), &memory);
    if (status == OK) {
        p->extension = memory;
        status = vmo_create_anonymous(more, &p->vmo);
    }
    return status;
}

static void move_region(struct aspace *as, struct region *r, vaddr_t to) REQUIRES(as -> lock)
{
    struct vmo *v = r->vmo;
    size_t size = r->extent.end - r->extent.start;
    vmo_lock(v);
    if (vmo_may_be_mapped(v)) {
        aspace_clear(as, r->extent.start, size);
    }
    extent_remove(&as->regions, &r->extent);
    r->extent.start = to;
    r->extent.end = to + size;
    extent_insert(&as->regions, &r->extent);
    vmo_unlock(v);
}

// Lowest first: regions keep their order, and the new place overlaps none of them.
static void move_range(struct aspace *as, const struct plan *p) REQUIRES(as -> lock)
{
    as->last_fault = NULL;
    struct region *r = region_find(as, p->old_start);
    while (r != NULL && r->extent.start < p->old_end && r->extent.start >= p->old_start) {
        vaddr_t next = r->extent.end;
        move_region(as, r, p->start + (r->extent.start - p->old_start));
        r = next < p->old_end ? region_find(as, next) : NULL;
    }
}

static void grow_region(struct aspace *as, struct region *r, vaddr_t end) REQUIRES(as -> lock)
{
    struct vmo *v = r->vmo;
    size_t more = (end - r->extent.end) >> PAGE_SHIFT;
    vmo_lock(v);
    if (v->kind == VMO_ANONYMOUS && v->below == NULL) {
        vmo_grow_locked(v, r->offset + region_pages(r) + more);
    }
    extent_resize(&r->extent, r->extent.start, end);
    vmo_unlock(v);
    as->mapped_pages += more;
}

// The range is in its place; [p->start + its old size, p->end) is free.
static void extend(struct aspace *as, struct plan *p) REQUIRES(as -> lock)
{
    vaddr_t from = p->start + (p->old_end - p->old_start);
    if (from >= p->end) {
        return;
    }
    struct region *last = region_find(as, from - PAGE_SIZE);
    if (p->extension == NULL) {
        grow_region(as, last, p->end);
        return;
    }
    struct region *r = p->extension;
    p->extension = NULL;
    *r = (struct region){
        .vmo = p->vmo, .aspace = as, .max_prot = last->max_prot, .is_shared = last->is_shared};
    r->extent.start = from;
    r->extent.end = p->end;
    region_set_prot(r, last->prot);
    region_insert(as, r);
}

// Decides where the range will be.
static status_t choose_place(struct aspace *as, const struct remap *m, struct plan *p, vaddr_t to)
    REQUIRES(as -> lock)
{
    size_t new_size = m->new_pages << PAGE_SHIFT;
    p->start = p->old_start;
    if ((m->flags & REMAP_FIXED) != 0) {
        if (!region_is_user_range(to, m->new_pages) ||
            (to < p->old_end && p->old_start < to + new_size)) {
            return ERR_INVAL;
        }
        p->start = to;
    } else if (new_size > p->old_end - p->old_start &&
               (!region_is_user_range(p->old_start, m->new_pages) ||
                !extent_is_free(&as->regions, p->old_end, p->old_start + new_size))) {
        if ((m->flags & REMAP_MAY_MOVE) == 0) {
            return ERR_NOMEM;
        }
        p->start = 0;
        status_t status = region_find_room(as, m->new_pages, m->random, &p->start);
        if (status != OK) {
            return status;
        }
    }
    p->end = p->start + new_size;
    return OK;
}

static bool is_within_limit(const struct aspace *as, const struct remap *m, const struct plan *p)
{
    size_t replaced = p->start == p->old_start ? 0 : region_pages_in(as, p->start, p->end);
    size_t others = as->mapped_pages - replaced - m->old_pages;
    return others <= as->limit_pages && m->new_pages <= as->limit_pages - others;
}

static status_t remap_locked(struct aspace *as, const struct remap *m, struct plan *p, vaddr_t *to)
    REQUIRES(as -> lock)
{
    if (!is_mapped_whole(as, p->old_start, p->old_end)) {
        return ERR_FAULT;
    }
    status_t status = choose_place(as, m, p, *to);
    if (status != OK) {
        return status;
    }
    bool moves = p->start != p->old_start;
    vaddr_t kept_end = p->old_start + u64_min(p->old_end - p->old_start, p->end - p->start);
    if (!is_within_limit(as, m, p)) {
        return ERR_NOMEM;
    }
    status = prepare_extension(as, p);
    if (status == OK && (moves || kept_end < p->old_end)) {
        status = change_prepare(&p->source, as, p->old_start, p->old_end);
    }
    if (status == OK && kept_end < p->old_end) {
        status = change_prepare_more(&p->source, as, kept_end);
    }
    if (status == OK && moves) {
        status = change_prepare(&p->target, as, p->start, p->end);
    }
    if (status != OK) {
        return status;
    }
    // No failure below.
    if (kept_end < p->old_end) {
        region_split_range(as, kept_end, p->old_end, &p->source);
        region_remove_range(as, kept_end, p->old_end, &p->source);
        p->old_end = kept_end;
    }
    if (moves) {
        region_split_range(as, p->start, p->end, &p->target);
        region_remove_range(as, p->start, p->end, &p->target);
        region_split_range(as, p->old_start, p->old_end, &p->source);
        move_range(as, p);
    }
    extend(as, p);
    region_merge_range(as, p->start, p->end, &p->target);
    *to = p->start;
    return OK;
}

status_t aspace_remap(struct aspace *as, const struct remap *m, vaddr_t *to)
{
    if (!region_is_user_range(m->va, m->old_pages) || m->new_pages == 0) {
        return ERR_INVAL;
    }
    if (m->new_pages > USER_END >> PAGE_SHIFT) {
        return ERR_NOMEM;
    }
    struct plan p = {.old_start = m->va, .old_end = m->va + (m->old_pages << PAGE_SHIFT)};
    change_init(&p.source);
    change_init(&p.target);
    mutex_lock(&as->lock);
    status_t status = remap_locked(as, m, &p, to);
    mutex_unlock(&as->lock);
    change_fini(&p.source);
    change_fini(&p.target);
    heap_free(p.extension);
    if (p.vmo != NULL) {
        vmo_unref(p.vmo); // a region has its own reference
    }
    return status;
}

/* ---- Content ---- */

// The part of `r` in [start, end).
static void discard_part(struct aspace *as, struct region *r, vaddr_t start, vaddr_t end)
    REQUIRES(as -> lock)
{
    vaddr_t from = u64_max(start, r->extent.start);
    size_t size = u64_min(end, r->extent.end) - from;
    if (!r->is_shared && r->vmo->kind == VMO_ANONYMOUS) {
        uint64_t first = r->offset + ((from - r->extent.start) >> PAGE_SHIFT);
        vmo_decommit(r->vmo, first, size >> PAGE_SHIFT);
        return;
    }
    vmo_lock(r->vmo);
    aspace_clear(as, from, size);
    vmo_unlock(r->vmo);
}

status_t aspace_discard(struct aspace *as, vaddr_t va, size_t size_pages)
{
    if (!region_is_user_range(va, size_pages)) {
        return ERR_INVAL;
    }
    vaddr_t end = va + (size_pages << PAGE_SHIFT);
    mutex_lock(&as->lock);
    bool is_whole = is_mapped_whole(as, va, end);
    for (struct region *r = region_find(as, va); r != NULL && r->extent.start < end;
         r = region_next(r)) {
        discard_part(as, r, va, end);
    }
    mutex_unlock(&as->lock);
    return is_whole ? OK : ERR_NOMEM;
}

status_t aspace_object_at(struct aspace *as, vaddr_t va, struct object_view *out)
{
    mutex_lock(&as->lock);
    const struct region *r = region_find(as, va);
    bool is_there = r != NULL && r->extent.start <= va;
    if (is_there) {
        vmo_ref(r->vmo);
        *out = (struct object_view){
            .vmo = r->vmo,
            .index = r->offset + ((va - r->extent.start) >> PAGE_SHIFT),
            .size_pages = (r->extent.end - va) >> PAGE_SHIFT,
            .is_shared = r->is_shared,
            .prot = r->prot,
        };
    }
    mutex_unlock(&as->lock);
    return is_there ? OK : ERR_NOMEM;
}
