// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/vmo_priv.h"

#include "kernel/core/panic.h"
#include "kernel/core/thread.h"
#include "kernel/mm/cache.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/pager.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    HOLE_PAGES = 64, // worth a change of page tables on its own
    ROOM_PAGES = 32, // that the page cache is asked for at a time
};

static struct radix_node *node_alloc(void)
{
    void *node = NULL;
    return heap_zalloc(sizeof(struct radix_node), &node) == OK ? node : NULL;
}

static void node_free(struct radix_node *node)
{
    heap_free(node);
}

static const struct radix_ops node_ops = {node_alloc, node_free};

/* ---- Life ---- */

void vmo_init(struct vmo *v, enum vmo_kind kind, uint64_t size_pages)
{
    mutex_init(&v->lock, "vmo", kind == VMO_FILE ? RANK_VMO_FILE : RANK_VMO);
    v->kind = kind;
    v->size_pages = size_pages;
    refcount_init(&v->refs, 1);
    radix_init(&v->pages, &node_ops);
    list_init(&v->regions);
}

static status_t create(enum vmo_kind kind, uint64_t size_pages, struct vmo **out)
{
    if (size_pages == 0 || size_pages > VMO_PAGES_MAX) {
        return ERR_INVAL;
    }
    void *memory;
    status_t status = heap_zalloc(sizeof(struct vmo), &memory);
    if (status == OK) {
        *out = memory;
        vmo_init(*out, kind, size_pages);
    }
    return status;
}

status_t vmo_create_anonymous(uint64_t size_pages, struct vmo **out)
{
    return create(VMO_ANONYMOUS, size_pages, out);
}

status_t vmo_create_private(struct vmo *file, struct vmo **out)
{
    assert(file->kind == VMO_FILE);
    status_t status = create(VMO_ANONYMOUS, VMO_PAGES_MAX, out);
    if (status == OK) {
        vmo_ref(file);
        (*out)->below = file;
    }
    return status;
}

status_t vmo_create_physical(paddr_t base, uint64_t size_pages, bool is_device, struct vmo **out)
{
    if (!is_aligned(base.raw, PAGE_SIZE) || size_pages > VMO_PAGES_MAX ||
        base.raw + (size_pages << PAGE_SHIFT) < base.raw) {
        return ERR_INVAL;
    }
    status_t status = create(VMO_PHYSICAL, size_pages, out);
    if (status == OK) {
        (*out)->base = base;
        (*out)->is_device = is_device;
    }
    return status;
}

status_t vmo_create_contiguous(unsigned order, struct vmo **out)
{
    if (order > PAGE_MAX_ORDER) {
        return ERR_NOMEM;
    }
    struct page *p = NULL;
    status_t status = page_alloc(order, PAGE_ZEROED, PAGE_VMO, &p);
    if (status != OK) {
        return status;
    }
    status = create(VMO_CONTIGUOUS, 1ull << order, out);
    if (status != OK) {
        page_free(p, order);
        return status;
    }
    (*out)->base = page_paddr(p);
    return OK;
}

void vmo_ref(struct vmo *v)
{
    refcount_inc(&v->refs);
}

static struct page *const *pages_of(const struct radix_run *run)
{
    return (struct page *const *)run->slots;
}

// For radix_erase.
static void forget_pages(void *context, const struct radix_run *run)
{
    struct vmo *v = context;
    v->resident -= page_unref_all(pages_of(run), run->count);
}

// For radix_clear: nobody has the object any more, so no lock is held.
static void forget_last_pages(void *context, const struct radix_run *run)
{
    forget_pages(context, run);
    thread_preempt_point();
}

status_t vmo_insert_slot(struct vmo *v, uint64_t index, void ***slot)
{
    status_t status = radix_insert(&v->pages, index, slot);
    if (v->kind == VMO_FILE || v->below != NULL) {
        // No short way for faults: they would take what is absent for fresh memory.
        v->pages.leaf = NULL;
    }
    return status;
}

// One object may hold one below it, which holds none: see the invariants of vmo_create_private.
void vmo_unref(struct vmo *v) // NOLINT(misc-no-recursion): one level deep
{
    if (!refcount_dec(&v->refs)) {
        return;
    }
    assert(v->region_count == 0);
    if (v->kind == VMO_FILE) {
        vmo_file_destroy(file_of_vmo(v));
        return;
    }
    struct vmo *below = v->below;
    if (v->kind == VMO_ANONYMOUS) {
        radix_clear(&v->pages, forget_last_pages, v);
    } else if (v->kind == VMO_CONTIGUOUS) {
        page_free(page_of(v->base), log2_floor(v->size_pages));
    }
    heap_free(v);
    if (below != NULL) {
        vmo_unref(below); // a file, which is above nothing
    }
}

uint64_t vmo_size_pages(const struct vmo *v)
{
    return v->size_pages;
}

size_t vmo_resident_pages(const struct vmo *v)
{
    return v->kind == VMO_ANONYMOUS || v->kind == VMO_FILE ? v->resident : v->size_pages;
}

bool vmo_is_device(const struct vmo *v)
{
    return v->is_device;
}

/* ---- Mappings ---- */

void region_set_prot(struct region *r, unsigned prot)
{
    uint32_t bits = ARCH_MAP_USER | (r->vmo->is_device ? ARCH_MAP_DEVICE : 0u);
    // Page tables cannot say "not readable" of what can be written or executed.
    bits |= prot != PROT_NONE ? ARCH_MAP_READ : 0u;
    bits |= (prot & PROT_WRITE) != 0 ? ARCH_MAP_WRITE : 0u;
    bits |= (prot & PROT_EXEC) != 0 ? ARCH_MAP_EXEC : 0u;
    r->prot = (uint8_t)prot;
    r->map_prot = bits;
}

// The analysis does not follow a lock that only some objects have.
void vmo_lock(struct vmo *v) NO_THREAD_ANALYSIS
{
    mutex_lock(&v->lock);
    if (v->below != NULL) {
        mutex_lock(&v->below->lock);
    }
}

void vmo_unlock(struct vmo *v) NO_THREAD_ANALYSIS
{
    if (v->below != NULL) {
        mutex_unlock(&v->below->lock);
    }
    mutex_unlock(&v->lock);
}

void vmo_add_region(struct vmo *v, struct region *r)
{
    list_add_tail(&v->regions, &r->vmo_link);
    v->region_count++;
    if (v->below != NULL) {
        list_add_tail(&file_of_vmo(v->below)->private_regions, &r->file_link);
    }
}

void vmo_remove_region(struct vmo *v, struct region *r)
{
    list_del(&r->vmo_link);
    v->region_count--;
    if (v->below != NULL) {
        list_del(&r->file_link);
    }
}

bool vmo_is_written_in_place(const struct vmo *v)
{
    if (v->kind == VMO_FILE) {
        return file_of_vmo((struct vmo *)v)->ops->write ==
               NULL; // else dirty pages are marked first
    }
    return v->below == NULL && !v->may_share;
}

bool vmo_may_be_mapped(const struct vmo *v)
{
    return vmo_resident_pages(v) != 0 || (v->below != NULL && v->below->resident != 0);
}

// The part of region `r` that shows pages [start, end); false: none.
static bool mapped_part(const struct region *r, uint64_t start, uint64_t end, vaddr_t *va,
                        size_t *size)
{
    uint64_t pages = (r->extent.end - r->extent.start) >> PAGE_SHIFT;
    uint64_t first = u64_max(start, r->offset);
    uint64_t last = u64_min(end, r->offset + pages);
    if (first >= last) {
        return false;
    }
    *va = r->extent.start + ((first - r->offset) << PAGE_SHIFT);
    *size = (last - first) << PAGE_SHIFT;
    return true;
}

static void unmap_from(struct region *r, uint64_t start, uint64_t end)
{
    vaddr_t va;
    size_t size;
    if (mapped_part(r, start, end, &va, &size)) {
        aspace_clear(r->aspace, va, size);
    }
}

void vmo_unmap_pages(struct vmo *v, uint64_t start, uint64_t end)
{
    list_for_each (node, &v->regions) {
        unmap_from(container_of(node, struct region, vmo_link), start, end);
    }
    if (v->kind != VMO_FILE) {
        return;
    }
    list_for_each (node, &file_of_vmo(v)->private_regions) {
        unmap_from(container_of(node, struct region, file_link), start, end);
    }
}

// From all regions but `except`, which replaces its entry itself.
static void unmap_page_elsewhere(struct vmo *v, uint64_t index, const struct region *except)
    REQUIRES(v -> lock)
{
    list_for_each (node, &v->regions) {
        if (node != &except->vmo_link) {
            unmap_from(container_of(node, struct region, vmo_link), index, index + 1);
        }
    }
}

void vmo_write_protect(struct vmo *v, uint64_t start, uint64_t end)
{
    list_for_each (node, &v->regions) {
        struct region *r = container_of(node, struct region, vmo_link);
        vaddr_t va;
        size_t size;
        if ((r->prot & PROT_WRITE) != 0 && mapped_part(r, start, end, &va, &size)) {
            spin_lock(&r->aspace->tables);
            arch_protect(&r->aspace->arch, va, size, region_entry_prot(r, false));
            spin_unlock(&r->aspace->tables);
        }
    }
}

/* ---- Pages ---- */

status_t vmo_page_alloc(enum page_flags flags, struct page **out)
{
    if (UNLIKELY(cache_is_short())) {
        cache_shrink(ROOM_PAGES);
    }
    status_t status = page_alloc_one(flags, PAGE_VMO, out);
    if (UNLIKELY(status != OK) && cache_shrink(ROOM_PAGES) != 0) {
        status = page_alloc_one(flags, PAGE_VMO, out);
    }
    return status;
}

static status_t add_page(struct vmo *v, void **slot, struct vmo_page *out) REQUIRES(v -> lock)
{
    struct page *p = NULL;
    status_t status = vmo_page_alloc(PAGE_ZEROED, &p);
    if (status != OK) {
        return status;
    }
    *slot = p;
    v->resident++;
    *out = (struct vmo_page){.page = p, .pa = page_paddr(p), .can_write = true, .slot = slot};
    return OK;
}

// Gives the object a copy of its own of the page in `slot`.
static status_t replace_page(struct vmo *v, uint64_t index, void **slot, const struct region *r,
                             struct vmo_page *out) REQUIRES(v -> lock)
{
    struct page *old = *slot;
    struct page *p = NULL;
    status_t status = vmo_page_alloc(PAGE_ANY, &p);
    if (status != OK) {
        return status;
    }
    arch_page_copy(page_virt(p), page_virt(old));
    if (r == NULL) {
        vmo_unmap_pages(v, index, index + 1);
    } else if (v->region_count > 1) {
        unmap_page_elsewhere(v, index, r);
    }
    *slot = p;
    *out = (struct vmo_page){p, page_paddr(p), .can_write = true, .stale = old, .slot = slot};
    return OK;
}

status_t vmo_fault_locked(struct vmo *v, uint64_t index, bool for_write, const struct region *r,
                          struct vmo_page *out)
{
    if (UNLIKELY(index >= v->size_pages)) {
        return ERR_RANGE;
    }
    if (UNLIKELY(v->kind != VMO_ANONYMOUS)) {
        *out = (struct vmo_page){.pa = paddr_add(v->base, index << PAGE_SHIFT), .can_write = true};
        return OK;
    }
    void **slot = NULL;
    status_t status = vmo_insert_slot(v, index, &slot);
    if (UNLIKELY(status != OK)) {
        return status;
    }
    struct page *p = *slot;
    if (p == NULL) {
        return add_page(v, slot, out);
    }
    bool is_shared = page_is_shared(p);
    if (is_shared && for_write) {
        return replace_page(v, index, slot, r, out);
    }
    *out = (struct vmo_page){p, page_paddr(p), .can_write = !is_shared, .slot = slot};
    return OK;
}

status_t vmo_fault(struct vmo *v, uint64_t index, bool for_write, paddr_t *page, bool *can_write)
{
    struct vmo_page found = {};
    if (v->kind == VMO_FILE || v->below != NULL) {
        return ERR_NOTSUP;
    }
    mutex_lock(&v->lock);
    status_t status = vmo_fault_locked(v, index, for_write, NULL, &found);
    mutex_unlock(&v->lock);
    if (status == OK) {
        if (found.stale != NULL) {
            page_unref(found.stale);
        }
        *page = found.pa;
        *can_write = found.can_write;
    }
    return status;
}

void vmo_grow_locked(struct vmo *v, uint64_t size_pages)
{
    assert(v->kind == VMO_ANONYMOUS && size_pages >= v->size_pages);
    v->size_pages = size_pages;
}

void vmo_free_pages_locked(struct vmo *v, uint64_t start, uint64_t end)
{
    if (v->resident != 0) {
        radix_erase(&v->pages, start, end, forget_pages, v);
    }
}

void vmo_decommit(struct vmo *v, uint64_t start, uint64_t count)
{
    if (v->kind == VMO_FILE) {
        vmo_file_punch(file_of_vmo(v), start, count);
        return;
    }
    if (v->kind != VMO_ANONYMOUS || start >= v->size_pages) {
        return;
    }
    uint64_t end = start + u64_min(count, v->size_pages - start);
    mutex_lock(&v->lock);
    vmo_unmap_pages(v, start, end);
    vmo_free_pages_locked(v, start, end);
    mutex_unlock(&v->lock);
}

/* ---- Copies ---- */

static status_t share_run(const struct radix_run *run, struct vmo *copy)
{
    void **last;
    // The last one: what has nodes has a slot beside it for each of the others, and no less.
    status_t status = vmo_insert_slot(copy, run->index + run->count - 1, &last);
    if (status == OK) {
        memcpy((void *)(last + 1 - run->count), (void *)run->slots, run->count * sizeof(void *));
        copy->resident += page_ref_all(pages_of(run), run->count);
    }
    return status;
}

// Gives the copy a reference on each page in [start, end), and takes writing away from all mappings
// of these.  Large holes between pages are left out: page tables need not be walked there.
static status_t share_pages(struct vmo *v, uint64_t start, uint64_t end, struct vmo *copy)
    REQUIRES(v -> lock)
{
    status_t status = OK;
    uint64_t first = start; // of pages not protected yet
    uint64_t last = start;
    struct radix_run run;
    // Once all pages of the source are there, the rest need not be searched.
    while (copy->resident < v->resident && radix_next_run(&v->pages, last, end, &run)) {
        status = share_run(&run, copy);
        if (status != OK) {
            break;
        }
        if (run.index > last + HOLE_PAGES) {
            vmo_write_protect(v, first, last);
            first = run.index;
        }
        last = run.index + run.count;
    }
    vmo_write_protect(v, first, last);
    return status;
}

status_t vmo_clone_cow(struct vmo *v, uint64_t start, uint64_t count, struct vmo **out)
{
    if (v->kind != VMO_ANONYMOUS) {
        return ERR_NOTSUP;
    }
    if (start > v->size_pages || count > v->size_pages - start) {
        return ERR_RANGE;
    }
    struct vmo *copy = NULL;
    status_t status = v->below != NULL ? vmo_create_private(v->below, &copy)
                                       : vmo_create_anonymous(start + count, &copy);
    if (status != OK) {
        return status;
    }
    copy->may_share = true;
    mutex_lock(&v->lock);
    if (v->resident != 0) {
        v->may_share = true;
        status = share_pages(v, start, start + count, copy);
    }
    mutex_unlock(&v->lock);
    if (status != OK) {
        vmo_unref(copy);
        return status;
    }
    *out = copy;
    return OK;
}
