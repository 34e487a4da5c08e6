// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/vmo_priv.h"

#include "kernel/core/panic.h"
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"

enum {
    CHUNK_PAGES = 1 << 12, // between preemption points
    HOLE_PAGES = 64,       // worth a change of page tables on its own
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

static status_t create(enum vmo_kind kind, uint64_t size_pages, struct vmo **out)
{
    if (size_pages == 0 || size_pages > VMO_PAGES_MAX) {
        return ERR_INVAL;
    }
    void *memory;
    status_t status = heap_zalloc(sizeof(struct vmo), &memory);
    if (status != OK) {
        return status;
    }
    struct vmo *v = memory;
    mutex_init(&v->lock, "vmo", RANK_VMO);
    v->kind = kind;
    v->size_pages = size_pages;
    refcount_init(&v->refs, 1);
    radix_init(&v->pages, &node_ops);
    list_init(&v->regions);
    *out = v;
    return OK;
}

status_t vmo_create_anonymous(uint64_t size_pages, struct vmo **out)
{
    return create(VMO_ANONYMOUS, size_pages, out);
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

static void drop_page(void *, uint64_t, void *page)
{
    page_unref(page);
}

// Frees all pages of an object without holders, with preemption points in between.
static void free_all_pages(struct vmo *v)
{
    uint64_t index = 0;
    void **slot;
    while (radix_next(&v->pages, &index, &slot)) {
        uint64_t end = align_down(index, CHUNK_PAGES) + CHUNK_PAGES;
        radix_erase(&v->pages, index, end, drop_page, NULL);
        index = end;
        thread_preempt_point();
    }
    // Nodes that a failed insertion left without values.
    radix_erase(&v->pages, 0, VMO_PAGES_MAX, drop_page, NULL);
}

void vmo_unref(struct vmo *v)
{
    if (!refcount_dec(&v->refs)) {
        return;
    }
    assert(v->region_count == 0);
    if (v->kind == VMO_ANONYMOUS) {
        free_all_pages(v);
    } else if (v->kind == VMO_CONTIGUOUS) {
        page_free(page_of(v->base), log2_floor(v->size_pages));
    }
    heap_free(v);
}

uint64_t vmo_size_pages(const struct vmo *v)
{
    return v->size_pages;
}

size_t vmo_resident_pages(const struct vmo *v)
{
    return v->kind == VMO_ANONYMOUS ? v->resident : v->size_pages;
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

void vmo_add_region(struct vmo *v, struct region *r)
{
    list_add_tail(&v->regions, &r->vmo_link);
    v->region_count++;
}

void vmo_remove_region(struct vmo *v, struct region *r)
{
    list_del(&r->vmo_link);
    v->region_count--;
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

static void unmap_pages(struct vmo *v, uint64_t start, uint64_t end) REQUIRES(v -> lock)
{
    list_for_each (node, &v->regions) {
        unmap_from(container_of(node, struct region, vmo_link), start, end);
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

static void write_protect_pages(struct vmo *v, uint64_t start, uint64_t end) REQUIRES(v -> lock)
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

static status_t add_page(struct vmo *v, void **slot, struct vmo_page *out) REQUIRES(v -> lock)
{
    struct page *p = NULL;
    status_t status = page_alloc_one(PAGE_ZEROED, PAGE_VMO, &p);
    if (status != OK) {
        return status;
    }
    *slot = p;
    v->resident++;
    out->page = page_paddr(p);
    out->can_write = true;
    out->stale = NULL;
    return OK;
}

// Gives the object a copy of its own of the page in `slot`.
static status_t replace_page(struct vmo *v, uint64_t index, void **slot, const struct region *r,
                             struct vmo_page *out) REQUIRES(v -> lock)
{
    struct page *old = *slot;
    struct page *p = NULL;
    status_t status = page_alloc_one(PAGE_ANY, PAGE_VMO, &p);
    if (status != OK) {
        return status;
    }
    arch_page_copy(page_virt(p), page_virt(old));
    if (r == NULL) {
        unmap_pages(v, index, index + 1);
    } else if (v->region_count > 1) {
        unmap_page_elsewhere(v, index, r);
    }
    *slot = p;
    out->page = page_paddr(p);
    out->can_write = true;
    out->stale = old;
    return OK;
}

status_t vmo_fault_locked(struct vmo *v, uint64_t index, bool for_write, const struct region *r,
                          struct vmo_page *out)
{
    if (UNLIKELY(index >= v->size_pages)) {
        return ERR_RANGE;
    }
    if (UNLIKELY(v->kind != VMO_ANONYMOUS)) {
        *out =
            (struct vmo_page){.page = paddr_add(v->base, index << PAGE_SHIFT), .can_write = true};
        return OK;
    }
    void **slot = NULL;
    status_t status = radix_insert(&v->pages, index, &slot);
    if (UNLIKELY(status != OK)) {
        return status;
    }
    out->slot = slot;
    struct page *p = *slot;
    if (p == NULL) {
        return add_page(v, slot, out);
    }
    bool is_shared = page_is_shared(p);
    if (is_shared && for_write) {
        return replace_page(v, index, slot, r, out);
    }
    out->page = page_paddr(p);
    out->can_write = !is_shared;
    out->stale = NULL;
    return OK;
}

status_t vmo_fault(struct vmo *v, uint64_t index, bool for_write, paddr_t *page, bool *can_write)
{
    struct vmo_page found = {};
    mutex_lock(&v->lock);
    status_t status = vmo_fault_locked(v, index, for_write, NULL, &found);
    mutex_unlock(&v->lock);
    if (status == OK) {
        if (found.stale != NULL) {
            page_unref(found.stale);
        }
        *page = found.page;
        *can_write = found.can_write;
    }
    return status;
}

static void forget_page(void *context, uint64_t, void *page)
{
    struct vmo *v = context;
    v->resident--;
    page_unref(page);
}

void vmo_free_pages_locked(struct vmo *v, uint64_t start, uint64_t end)
{
    if (v->resident != 0) {
        radix_erase(&v->pages, start, end, forget_page, v);
    }
}

void vmo_decommit(struct vmo *v, uint64_t start, uint64_t count)
{
    if (v->kind != VMO_ANONYMOUS || start >= v->size_pages) {
        return;
    }
    uint64_t end = start + u64_min(count, v->size_pages - start);
    mutex_lock(&v->lock);
    unmap_pages(v, start, end);
    vmo_free_pages_locked(v, start, end);
    mutex_unlock(&v->lock);
}

/* ---- Copies ---- */

// Gives the copy a reference on each page in [start, end), and takes writing away from all mappings
// of these.  Large holes between pages are left out: page tables need not be walked there.
static status_t share_pages(struct vmo *v, uint64_t start, uint64_t end, struct vmo *copy)
    REQUIRES(v -> lock)
{
    status_t status = OK;
    uint64_t first = start; // of pages not protected yet
    uint64_t last = start;
    void **from;
    // Once all pages of the source are there, the rest need not be searched.
    for (uint64_t i = start;
         copy->resident < v->resident && radix_next(&v->pages, &i, &from) && i < end; i++) {
        void **to = NULL;
        status = radix_insert(&copy->pages, i - start, &to);
        if (status != OK) {
            break;
        }
        page_ref(*from);
        *to = *from;
        copy->resident++;
        if (i > last + HOLE_PAGES) {
            write_protect_pages(v, first, last);
            first = i;
        }
        last = i + 1;
    }
    write_protect_pages(v, first, last);
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
    status_t status = create(VMO_ANONYMOUS, count, &copy);
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
