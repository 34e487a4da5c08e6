// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/region_priv.h"

#include "kernel/core/panic.h"
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"

// Page tables are changed this much at a time under the spinlock.
constexpr uint64_t CLEAR_CHUNK = 32ull << 20;

void aspace_clear(struct aspace *as, vaddr_t va, size_t size)
{
    for (size_t done = 0; done < size;) {
        size_t chunk = u64_min(size - done, CLEAR_CHUNK);
        spin_lock(&as->tables);
        arch_unmap(&as->arch, va + done, chunk, NULL, NULL);
        spin_unlock(&as->tables);
        done += chunk;
        thread_preempt_point();
    }
}

/* ---- Splitting and merging ---- */

static bool can_merge(const struct region *a, const struct region *b)
{
    return a->extent.end == b->extent.start && a->vmo == b->vmo && a->prot == b->prot &&
           a->max_prot == b->max_prot && a->is_shared == b->is_shared &&
           a->offset + region_pages(a) == b->offset;
}

// Cuts `r` at `va`, which is inside: `r` keeps the lower part, `upper` becomes the upper one.
static void split(struct aspace *as, struct region *r, vaddr_t va, struct region *upper)
    REQUIRES(as -> lock)
{
    vmo_ref(r->vmo);
    vmo_lock(r->vmo);
    *upper = *r;
    upper->offset += (va - r->extent.start) >> PAGE_SHIFT;
    upper->extent.start = va;
    extent_resize(&r->extent, r->extent.start, va);
    extent_insert(&as->regions, &upper->extent);
    vmo_add_region(r->vmo, upper);
    vmo_unlock(r->vmo);
}

// Takes `r` out of the tree and off its object; the reference stays with the caller.
static void detach(struct aspace *as, struct vmo *v, struct region *r) REQUIRES(as -> lock, v->lock)
{
    extent_remove(&as->regions, &r->extent);
    vmo_remove_region(v, r);
    if (as->last_fault == r) {
        as->last_fault = NULL;
    }
}

// Merges `r` with the region above it if they fit.
static void merge_up(struct aspace *as, struct region *r, struct change *c) REQUIRES(as -> lock)
{
    struct region *next = region_next(r);
    if (next == NULL || !can_merge(r, next)) {
        return;
    }
    struct vmo *v = next->vmo;
    vmo_lock(v);
    vaddr_t end = next->extent.end;
    detach(as, v, next);
    extent_resize(&r->extent, r->extent.start, end);
    vmo_unlock(v);
    list_add_tail(&c->dead, &next->vmo_link);
}

void region_merge_range(struct aspace *as, vaddr_t start, vaddr_t end, struct change *c)
{
    struct region *r = region_find(as, start == 0 ? 0 : start - 1);
    while (r != NULL && r->extent.start <= end) {
        vaddr_t before = r->extent.end;
        merge_up(as, r, c);
        if (r->extent.end == before) {
            r = region_next(r);
        }
    }
}

/* ---- What a change needs ---- */

void change_init(struct change *c)
{
    c->count = 0;
    list_init(&c->dead);
}

static status_t fill(struct change *c, size_t count)
{
    while (c->count < count) {
        void *memory;
        status_t status = heap_alloc(sizeof(struct region), &memory);
        if (status != OK) {
            return status;
        }
        c->records[c->count++] = memory;
    }
    return OK;
}

static bool cuts(const struct region *r, vaddr_t va)
{
    return r != NULL && r->extent.start < va && va < r->extent.end;
}

status_t change_prepare(struct change *c, const struct aspace *as, vaddr_t start, vaddr_t end)
{
    size_t count = (size_t)cuts(region_find(as, start), start) + cuts(region_find(as, end), end);
    return fill(c, count);
}

status_t change_prepare_more(struct change *c, const struct aspace *as, vaddr_t va)
{
    return fill(c, c->count + cuts(region_find(as, va), va));
}

void change_fini(struct change *c)
{
    while (c->count > 0) {
        heap_free(c->records[--c->count]);
    }
    for (struct list *node = list_pop(&c->dead); node != NULL; node = list_pop(&c->dead)) {
        struct region *r = container_of(node, struct region, vmo_link);
        vmo_unref(r->vmo);
        heap_free(r);
    }
}

static struct region *take_record(struct change *c)
{
    assert(c->count > 0);
    struct region *r = c->records[--c->count];
    assert(r != NULL);
    return r;
}

void region_split_range(struct aspace *as, vaddr_t start, vaddr_t end, struct change *c)
{
    struct region *r = region_find(as, start);
    if (cuts(r, start)) {
        split(as, r, start, take_record(c));
    }
    r = region_find(as, end);
    if (cuts(r, end)) {
        split(as, r, end, take_record(c));
    }
}

/* ---- Unmapping ---- */

void region_free_unreachable(struct vmo *v, const struct region *r)
{
    uint64_t start = r->offset;
    uint64_t end = r->offset + region_pages(r);
    // The region's own reference is still counted.
    if (v->kind != VMO_ANONYMOUS || v->region_count == 0 ||
        refcount_read(&v->refs) != v->region_count + 1) {
        return;
    }
    list_for_each (node, &v->regions) {
        const struct region *other = container_of(node, struct region, vmo_link);
        if (other->offset < end && other->offset + region_pages(other) > start) {
            return;
        }
    }
    vmo_free_pages_locked(v, start, end);
}

static void remove_region(struct aspace *as, struct region *r, struct change *c)
    REQUIRES(as -> lock)
{
    struct vmo *v = r->vmo;
    vmo_lock(v);
    if (vmo_may_be_mapped(v)) {
        aspace_clear(as, r->extent.start, r->extent.end - r->extent.start);
    }
    detach(as, v, r);
    region_free_unreachable(v, r);
    vmo_unlock(v);
    as->mapped_pages -= region_pages(r);
    list_add_tail(&c->dead, &r->vmo_link);
}

void region_remove_range(struct aspace *as, vaddr_t start, vaddr_t end, struct change *c)
{
    struct region *r = region_find(as, start);
    while (r != NULL && r->extent.start < end) {
        struct region *next = region_next(r);
        remove_region(as, r, c);
        r = next;
    }
}

void region_insert(struct aspace *as, struct region *r)
{
    vmo_ref(r->vmo);
    vmo_lock(r->vmo);
    extent_insert(&as->regions, &r->extent);
    vmo_add_region(r->vmo, r);
    vmo_unlock(r->vmo);
    as->mapped_pages += region_pages(r);
}

/* ---- Ranges ---- */

bool region_is_user_range(vaddr_t va, size_t size_pages)
{
    return is_aligned(va, PAGE_SIZE) && size_pages != 0 && va >= USER_BASE && va < USER_END &&
           size_pages <= (USER_END - va) >> PAGE_SHIFT;
}

bool region_is_valid_prot(unsigned prot, unsigned max_prot)
{
    return (max_prot & ~(unsigned)PROT_ALL_BITS) == 0 && (prot & ~max_prot) == 0 &&
           (prot & (PROT_WRITE | PROT_EXEC)) != (PROT_WRITE | PROT_EXEC);
}

size_t region_pages_in(const struct aspace *as, vaddr_t start, vaddr_t end)
{
    size_t pages = 0;
    for (struct region *r = region_find(as, start); r != NULL && r->extent.start < end;
         r = region_next(r)) {
        pages += (u64_min(end, r->extent.end) - u64_max(start, r->extent.start)) >> PAGE_SHIFT;
    }
    return pages;
}

// Where mappings anywhere start: in the lower half of the user's addresses, page by page.
static vaddr_t choose_base(uint64_t random)
{
    return USER_BASE + align_down(random % (USER_END / 2), PAGE_SIZE);
}

status_t region_find_room(struct aspace *as, size_t size_pages, uint64_t random, vaddr_t *va)
{
    if (size_pages > USER_END >> PAGE_SHIFT) {
        return ERR_NOMEM;
    }
    uint64_t size = (uint64_t)size_pages << PAGE_SHIFT;
    if (region_is_user_range(*va, size_pages) && extent_is_free(&as->regions, *va, *va + size)) {
        return OK;
    }
    if (as->base == 0 && random != 0) {
        as->base = choose_base(random);
    }
    struct extent_wish wish = {u64_max(as->base, USER_BASE), USER_END, size, 1};
    if (extent_find_room(&as->regions, &wish, va)) {
        return OK;
    }
    wish.low = USER_BASE;
    return extent_find_room(&as->regions, &wish, va) ? OK : ERR_NOMEM;
}
