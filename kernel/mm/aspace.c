// SPDX-License-Identifier: Apache-2.0
/*
 * Changes come in two steps: first everything that can fail (checks, records for regions that have
 * to be split), then the change.
 */
#include "kernel/mm/aspace.h"

#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vmo_priv.h"
#include "lib/base/bits.h"

enum { PROT_ALL_BITS = PROT_READ | PROT_WRITE | PROT_EXEC };
// Page tables are changed this much at a time under the spinlock.
constexpr uint64_t CLEAR_CHUNK = 32ull << 20;

static struct region *region_of(struct extent *e)
{
    return e == NULL ? NULL : container_of(e, struct region, extent);
}

// The first region that ends above `va`.
static struct region *find(const struct aspace *as, vaddr_t va)
{
    return region_of(extent_find(&as->regions, va));
}

static uint64_t region_pages(const struct region *r)
{
    return (r->extent.end - r->extent.start) >> PAGE_SHIFT;
}

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
    mutex_lock(&r->vmo->lock);
    *upper = *r;
    upper->offset += (va - r->extent.start) >> PAGE_SHIFT;
    upper->extent.start = va;
    extent_resize(&r->extent, r->extent.start, va);
    extent_insert(&as->regions, &upper->extent);
    vmo_add_region(r->vmo, upper);
    mutex_unlock(&r->vmo->lock);
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
static void merge_up(struct aspace *as, struct region *r) REQUIRES(as -> lock)
{
    struct region *next = region_of(extent_next(&r->extent));
    if (next == NULL || !can_merge(r, next)) {
        return;
    }
    struct vmo *v = next->vmo;
    mutex_lock(&v->lock);
    vaddr_t end = next->extent.end;
    detach(as, v, next);
    extent_resize(&r->extent, r->extent.start, end);
    mutex_unlock(&v->lock);
    vmo_unref(v);
    heap_free(next);
}

// Merges what touches in [start, end].
static void merge_range(struct aspace *as, vaddr_t start, vaddr_t end) REQUIRES(as -> lock)
{
    struct region *r = find(as, start == 0 ? 0 : start - 1);
    while (r != NULL && r->extent.start <= end) {
        vaddr_t before = r->extent.end;
        merge_up(as, r);
        if (r->extent.end == before) {
            r = region_of(extent_next(&r->extent));
        }
    }
}

// Records for the splits that a change of [start, end) needs at most.
struct spare {
    struct region *records[2];
    size_t count;
};

static status_t spare_fill(struct spare *s, size_t count)
{
    while (s->count < count) {
        void *memory;
        status_t status = heap_alloc(sizeof(struct region), &memory);
        if (status != OK) {
            return status;
        }
        s->records[s->count++] = memory;
    }
    return OK;
}

static void spare_free(struct spare *s)
{
    while (s->count > 0) {
        heap_free(s->records[--s->count]);
    }
}

static struct region *spare_take(struct spare *s)
{
    assert(s->count > 0);
    struct region *r = s->records[--s->count];
    assert(r != NULL);
    return r;
}

static bool cuts(const struct region *r, vaddr_t va)
{
    return r != NULL && r->extent.start < va && va < r->extent.end;
}

static status_t spare_for_range(const struct aspace *as, vaddr_t start, vaddr_t end,
                                struct spare *s)
{
    return spare_fill(s, (size_t)cuts(find(as, start), start) + cuts(find(as, end), end));
}

// Makes [start, end) begin and end at region bounds.
static void split_range(struct aspace *as, vaddr_t start, vaddr_t end, struct spare *s)
    REQUIRES(as -> lock)
{
    struct region *r = find(as, start);
    if (cuts(r, start)) {
        split(as, r, start, spare_take(s));
    }
    r = find(as, end);
    if (cuts(r, end)) {
        split(as, r, end, spare_take(s));
    }
}

/* ---- Unmapping ---- */

// Frees the pages of a region that has just been taken off the object, if nothing can reach them any
// more: only regions hold the object, and none of them covers the pages.
static void free_unreachable(struct vmo *v, const struct region *r) REQUIRES(v -> lock)
{
    uint64_t start = r->offset;
    uint64_t end = r->offset + region_pages(r);
    // The region's own reference is still counted.
    if (v->region_count == 0 || refcount_read(&v->refs) != v->region_count + 1) {
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

static void remove_region(struct aspace *as, struct region *r) REQUIRES(as -> lock)
{
    struct vmo *v = r->vmo;
    mutex_lock(&v->lock);
    if (vmo_resident_pages(v) != 0) {
        aspace_clear(as, r->extent.start, r->extent.end - r->extent.start);
    }
    detach(as, v, r);
    free_unreachable(v, r);
    mutex_unlock(&v->lock);
    as->mapped_pages -= region_pages(r);
    vmo_unref(v);
    heap_free(r);
}

// Removes the regions in [start, end), which no region reaches across.
static void remove_range(struct aspace *as, vaddr_t start, vaddr_t end) REQUIRES(as -> lock)
{
    struct region *r = find(as, start);
    while (r != NULL && r->extent.start < end) {
        struct region *next = region_of(extent_next(&r->extent));
        remove_region(as, r);
        r = next;
    }
}

static bool is_user_range(vaddr_t va, size_t size_pages)
{
    return is_aligned(va, PAGE_SIZE) && size_pages != 0 && va >= USER_BASE && va < USER_END &&
           size_pages <= (USER_END - va) >> PAGE_SHIFT;
}

status_t aspace_unmap(struct aspace *as, vaddr_t va, size_t size_pages)
{
    if (!is_user_range(va, size_pages)) {
        return ERR_INVAL;
    }
    vaddr_t end = va + (size_pages << PAGE_SHIFT);
    struct spare spare = {};
    mutex_lock(&as->lock);
    status_t status = spare_for_range(as, va, end, &spare);
    if (status == OK) {
        // No failure below.
        split_range(as, va, end, &spare);
        remove_range(as, va, end);
    }
    mutex_unlock(&as->lock);
    spare_free(&spare);
    return status;
}

/* ---- Mapping ---- */

static bool is_valid_prot(unsigned prot, unsigned max_prot)
{
    return (max_prot & ~(unsigned)PROT_ALL_BITS) == 0 && (prot & ~max_prot) == 0 &&
           (prot & (PROT_WRITE | PROT_EXEC)) != (PROT_WRITE | PROT_EXEC);
}

static status_t check_mapping(const struct mapping *m)
{
    uint64_t size = vmo_size_pages(m->vmo);
    if (!is_valid_prot(m->prot, m->max_prot) || m->size_pages == 0 || m->offset > size ||
        m->size_pages > size - m->offset) {
        return ERR_INVAL;
    }
    return OK;
}

static size_t pages_mapped_in(const struct aspace *as, vaddr_t start, vaddr_t end)
{
    size_t pages = 0;
    for (struct region *r = find(as, start); r != NULL && r->extent.start < end;
         r = region_of(extent_next(&r->extent))) {
        pages += (u64_min(end, r->extent.end) - u64_max(start, r->extent.start)) >> PAGE_SHIFT;
    }
    return pages;
}

// Where mappings anywhere start: in the lower half of the user's addresses, page by page.
static vaddr_t choose_base(uint64_t random)
{
    return USER_BASE + align_down(random % (USER_END / 2), PAGE_SIZE);
}

static status_t find_room(struct aspace *as, const struct mapping *m, vaddr_t *va)
{
    uint64_t size = (uint64_t)m->size_pages << PAGE_SHIFT;
    if (is_user_range(*va, m->size_pages) && extent_is_free(&as->regions, *va, *va + size)) {
        return OK;
    }
    if (as->base == 0 && m->random != 0) {
        as->base = choose_base(m->random);
    }
    struct extent_wish wish = {u64_max(as->base, USER_BASE), USER_END, size, 1};
    if (extent_find_room(&as->regions, &wish, va)) {
        return OK;
    }
    wish.low = USER_BASE;
    return extent_find_room(&as->regions, &wish, va) ? OK : ERR_NOMEM;
}

// Decides on the place, within all limits.
static status_t place(struct aspace *as, const struct mapping *m, vaddr_t *va)
{
    size_t replaced = 0;
    if ((m->flags & ASPACE_FIXED) != 0) {
        if (!is_user_range(*va, m->size_pages)) {
            return ERR_INVAL;
        }
        replaced = pages_mapped_in(as, *va, *va + (m->size_pages << PAGE_SHIFT));
        if (replaced != 0 && (m->flags & ASPACE_NOREPLACE) != 0) {
            return ERR_EXIST;
        }
    } else if (m->size_pages > USER_END >> PAGE_SHIFT) {
        return ERR_NOMEM;
    } else {
        status_t status = find_room(as, m, va);
        if (status != OK) {
            return status;
        }
    }
    size_t others = as->mapped_pages - replaced;
    return others <= as->limit_pages && m->size_pages <= as->limit_pages - others ? OK : ERR_NOMEM;
}

// The caller holds as->lock, or nobody else knows `as` yet.
static void insert_region(struct aspace *as, struct region *r)
{
    vmo_ref(r->vmo);
    mutex_lock(&r->vmo->lock);
    extent_insert(&as->regions, &r->extent);
    vmo_add_region(r->vmo, r);
    mutex_unlock(&r->vmo->lock);
    as->mapped_pages += region_pages(r);
}

static status_t map_locked(struct aspace *as, const struct mapping *m, struct region *r,
                           vaddr_t *va) REQUIRES(as -> lock)
{
    struct spare spare = {};
    vaddr_t at = *va;
    status_t status = place(as, m, &at);
    vaddr_t end = at + (m->size_pages << PAGE_SHIFT);
    if (status == OK) {
        status = spare_for_range(as, at, end, &spare);
    }
    if (status != OK) {
        spare_free(&spare);
        return status;
    }
    // No failure below.
    split_range(as, at, end, &spare);
    remove_range(as, at, end);
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
    insert_region(as, r);
    merge_range(as, at, end);
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
    mutex_lock(&as->lock);
    status = map_locked(as, m, memory, va);
    mutex_unlock(&as->lock);
    if (status != OK) {
        heap_free(memory);
    }
    return status;
}

/* ---- Protection ---- */

static status_t check_protect(const struct aspace *as, vaddr_t start, vaddr_t end, unsigned prot)
{
    for (vaddr_t at = start; at < end;) {
        const struct region *r = find(as, at);
        if (r == NULL || r->extent.start > at) {
            return ERR_NOMEM;
        }
        if ((prot & ~(unsigned)r->max_prot) != 0) {
            return ERR_ACCES;
        }
        at = r->extent.end;
    }
    return OK;
}

static void protect_region(struct aspace *as, struct region *r, unsigned prot) REQUIRES(as -> lock)
{
    struct vmo *v = r->vmo;
    mutex_lock(&v->lock);
    region_set_prot(r, prot);
    if (vmo_resident_pages(v) != 0) {
        // Pages that may have other holders become writable one by one, as they are written.
        uint32_t bits = region_entry_prot(r, !v->may_share);
        spin_lock(&as->tables);
        arch_protect(&as->arch, r->extent.start, r->extent.end - r->extent.start, bits);
        spin_unlock(&as->tables);
    }
    mutex_unlock(&v->lock);
}

static status_t protect_locked(struct aspace *as, vaddr_t start, vaddr_t end, unsigned prot,
                               struct spare *spare) REQUIRES(as -> lock)
{
    status_t status = check_protect(as, start, end, prot);
    if (status != OK) {
        return status;
    }
    status = spare_for_range(as, start, end, spare);
    if (status != OK) {
        return status;
    }
    // No failure below.
    split_range(as, start, end, spare);
    for (struct region *r = find(as, start); r != NULL && r->extent.start < end;
         r = region_of(extent_next(&r->extent))) {
        if (r->prot != prot) {
            protect_region(as, r, prot);
        }
    }
    merge_range(as, start, end);
    return OK;
}

status_t aspace_protect(struct aspace *as, vaddr_t va, size_t size_pages, unsigned prot)
{
    if (!is_user_range(va, size_pages) || !is_valid_prot(prot, PROT_ALL_BITS)) {
        return ERR_INVAL;
    }
    struct spare spare = {};
    mutex_lock(&as->lock);
    status_t status = protect_locked(as, va, va + (size_pages << PAGE_SHIFT), prot, &spare);
    mutex_unlock(&as->lock);
    spare_free(&spare);
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
        mutex_lock(&v->lock);
        vmo_remove_region(v, r);
        free_unreachable(v, r);
        mutex_unlock(&v->lock);
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
        copy->offset = 0;
        status = vmo_clone_cow(r->vmo, r->offset, region_pages(r), &copy->vmo);
        if (status != OK) {
            heap_free(copy);
            return status;
        }
    }
    insert_region(child, copy);
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
    const struct region *r = find(as, va);
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

struct aspace *aspace_current(void)
{
    struct arch_aspace *arch = thread_current()->aspace;
    return arch == NULL ? NULL : container_of(arch, struct aspace, arch);
}
