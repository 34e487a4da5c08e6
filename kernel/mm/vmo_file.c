// SPDX-License-Identifier: Apache-2.0
/*
 * The page cache of one file: pages come, are written back, and go.
 *
 * A page that the pager works on is marked, and the lock is dropped.  Who needs a busy page takes
 * the number of works ended so far under the lock, and waits for it to change.
 */
#include "kernel/core/panic.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/mm/cache.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/pager.h"
#include "kernel/mm/vmo_file_priv.h"
#include "kernel/mm/vmo_priv.h"
#include "lib/base/bits.h"

enum { WINDOW_MIN = 4 }; // pages that a reader who jumps about gets at a time

/* ---- Life ---- */

static void destroy_work(struct work *w)
{
    vmo_file_destroy(container_of(w, struct vmo_file, destroy));
}

status_t vmo_create_file(const struct pager_ops *ops, void *context, uint64_t size,
                         struct vmo **out)
{
    if (size > VMO_PAGES_MAX << PAGE_SHIFT) {
        return ERR_FBIG;
    }
    void *memory;
    status_t status = heap_zalloc(sizeof(struct vmo_file), &memory);
    if (status != OK) {
        return status;
    }
    struct vmo_file *f = memory;
    vmo_init(&f->vmo, VMO_FILE, pages_for(size));
    f->ops = ops;
    f->context = context;
    f->size = size;
    list_init(&f->private_regions);
    wait_init(&f->io_wait, "page cache");
    work_init(&f->destroy, destroy_work);
    *out = &f->vmo;
    return OK;
}

static void forget_page(struct vmo_file *f, struct page *p)
{
    cache_remove(p);
    f->vmo.resident--;
    f->dirty -= (p->flags & FILE_PAGE_DIRTY) != 0;
    if (f->ops->read == NULL && f->ops->uncharge != NULL) {
        f->ops->uncharge(f->context, 1);
    }
    page_unref(p);
}

void vmo_file_forget_pages(void *context, const struct radix_run *run)
{
    for (unsigned i = 0; i < run->count; i++) {
        if (run->slots[i] != NULL) {
            forget_page(context, run->slots[i]);
        }
    }
}

// For radix_clear: nobody has the file any more, so no lock is held.
static void forget_last_pages(void *context, const struct radix_run *run)
{
    vmo_file_forget_pages(context, run);
    thread_preempt_point();
}

void vmo_file_destroy(struct vmo_file *f)
{
    radix_clear(&f->vmo.pages, forget_last_pages, f);
    if (f->ops->release != NULL) {
        f->ops->release(f->context);
    }
    heap_free(f);
}

uint64_t vmo_size(const struct vmo *v)
{
    return v->kind == VMO_FILE
               ? atomic_load_explicit(&file_of_vmo((struct vmo *)v)->size, memory_order_relaxed)
               : v->size_pages << PAGE_SHIFT;
}

/* ---- Finding and adding pages ---- */

struct page *vmo_file_find(const struct vmo_file *f, uint64_t index)
{
    void **slot = radix_find(&f->vmo.pages, index);
    return slot == NULL ? NULL : *slot;
}

// Puts a page into the file, with `flags`; it takes the caller's reference.
static status_t insert(struct vmo_file *f, uint64_t index, struct page *p, uint16_t flags)
    REQUIRES(f -> vmo.lock)
{
    void **slot = NULL;
    status_t status = vmo_insert_slot(&f->vmo, index, &slot);
    if (status != OK) {
        return status;
    }
    assert(*slot == NULL);
    p->owner = NULL;
    p->index = index;
    p->flags = flags;
    *slot = p;
    f->vmo.resident++;
    return OK;
}

// A hole gets its page, zeroed; also what is beyond the end and about to be written.
static status_t add_zero_page(struct vmo_file *f, uint64_t index, struct page **out)
    REQUIRES(f -> vmo.lock)
{
    bool is_charged = f->ops->read == NULL && f->ops->charge != NULL;
    status_t status = is_charged ? f->ops->charge(f->context, 1) : OK;
    if (status != OK) {
        return status;
    }
    struct page *p = NULL;
    status = vmo_page_alloc(PAGE_ZEROED, &p);
    if (status == OK) {
        status = insert(f, index, p, FILE_PAGE_USED);
        if (status != OK) {
            page_unref(p);
        }
    }
    if (status != OK) {
        if (is_charged && f->ops->uncharge != NULL) {
            f->ops->uncharge(f->context, 1);
        }
        return status;
    }
    if (f->ops->read != NULL) {
        cache_add(f, p);
    }
    *out = p;
    return OK;
}

void vmo_file_mark_dirty(struct vmo_file *f, struct page *p)
{
    if (f->ops->write != NULL && (p->flags & FILE_PAGE_DIRTY) == 0) {
        p->flags |= FILE_PAGE_DIRTY;
        f->dirty++;
    }
}

nsec_t vmo_take_mapped_write(struct vmo *v)
{
    _Atomic nsec_t *at = &file_of_vmo(v)->mapped_write;
    return atomic_load_explicit(at, memory_order_relaxed) == 0
               ? 0
               : atomic_exchange_explicit(at, 0, memory_order_relaxed);
}

void vmo_file_sync_code(struct page *p)
{
    if ((p->flags & FILE_PAGE_CODE) == 0) {
        arch_sync_icache(page_virt(p), PAGE_SIZE);
        p->flags |= FILE_PAGE_CODE;
    }
}

/* ---- The pager's work ---- */

void vmo_file_wait(struct vmo_file *f, uint32_t seen)
{
    status_t status;
    WAIT_UNTIL(&f->io_wait, vmo_file_works(f) != seen, NSEC_NEVER, WAIT_DEFAULT, &status);
    (void)status; // nothing ends this sleep but the work
}

void vmo_file_work_ended(struct vmo_file *f)
{
    atomic_fetch_add_explicit(&f->io_done, 1, memory_order_release);
    wait_wake_all(&f->io_wait);
}

// How many pages to ask for at `index`, which is absent; at least `wanted` of them will be used.
static size_t choose_window(struct vmo_file *f, uint64_t index, size_t wanted)
    REQUIRES(f -> vmo.lock)
{
    bool is_sequential = index == f->next_read && f->window != 0;
    unsigned window = is_sequential ? f->window * 2 : WINDOW_MIN;
    f->window = (unsigned)u64_min(window, PAGER_READ_MAX);
    uint64_t count = u64_min(u64_max(f->window, wanted), PAGER_READ_MAX);
    return u64_min(count, f->vmo.size_pages - index);
}

struct batch {
    uint64_t first;
    size_t count;
    struct page *pages[PAGER_READ_MAX];
};

static void batch_alloc(struct batch *b, size_t count)
{
    while (b->count < count && vmo_page_alloc(PAGE_ANY, &b->pages[b->count]) == OK) {
        b->count++;
    }
}

static void batch_free_from(struct batch *b, size_t first)
{
    while (b->count > first) {
        page_unref(b->pages[--b->count]);
    }
}

// Puts the pages into the file, busy, up to the next one present or the end; gives how many.
static size_t batch_insert(struct vmo_file *f, struct batch *b, status_t *status)
    REQUIRES(f -> vmo.lock)
{
    size_t n = 0;
    *status = OK;
    while (n < b->count && b->first + n < f->vmo.size_pages &&
           vmo_file_find(f, b->first + n) == NULL) {
        *status = insert(f, b->first + n, b->pages[n], FILE_PAGE_BUSY);
        if (*status != OK) {
            break;
        }
        n++;
    }
    f->next_read = b->first + n;
    return n;
}

// The first `good` pages are filled; the others leave again.
static void batch_publish(struct vmo_file *f, const struct batch *b, size_t good)
{
    mutex_lock(&f->vmo.lock);
    for (size_t i = 0; i < good; i++) {
        b->pages[i]->flags &= (uint16_t)~FILE_PAGE_BUSY;
        cache_add(f, b->pages[i]);
    }
    if (good < b->count) {
        radix_erase(&f->vmo.pages, b->first + good, b->first + b->count, vmo_file_forget_pages, f);
    }
    mutex_unlock(&f->vmo.lock);
    vmo_file_work_ended(f);
}

// Reads the batch; where that fails, the first page alone.
static status_t batch_read(struct vmo_file *f, const struct batch *b)
{
    status_t status = f->ops->read(f->context, b->first, b->pages, b->count);
    size_t good = status == OK ? b->count : 0;
    if (status != OK && b->count > 1) {
        status = f->ops->read(f->context, b->first, b->pages, 1);
        good = status == OK;
    }
    batch_publish(f, b, good);
    return status;
}

// Asks the pager for the absent page `index` and what is likely to be wanted with it.  OK: look again.
static status_t read_in(struct vmo_file *f, uint64_t index, size_t count)
{
    struct batch b;
    b.first = index;
    b.count = 0;
    batch_alloc(&b, count);
    if (b.count == 0) {
        return ERR_NOMEM;
    }
    status_t status;
    mutex_lock(&f->vmo.lock);
    size_t inserted = batch_insert(f, &b, &status);
    mutex_unlock(&f->vmo.lock);
    batch_free_from(&b, inserted);
    if (inserted == 0) {
        return status;
    }
    return batch_read(f, &b);
}

/* ---- Getting pages ---- */

static void pin(struct page *p)
{
    page_ref(p);
    p->flags |= FILE_PAGE_USED;
}

// What stands between the caller and a page.
enum obstacle { NOTHING, BEYOND_END, BUSY, ABSENT };

static enum obstacle look(const struct vmo_file *f, uint64_t index, struct page **out)
    REQUIRES(f -> vmo.lock)
{
    if (index >= f->vmo.size_pages) {
        return BEYOND_END;
    }
    *out = vmo_file_find(f, index);
    if (*out == NULL) {
        return ABSENT;
    }
    return ((*out)->flags & FILE_PAGE_BUSY) != 0 ? BUSY : NOTHING;
}

struct page *vmo_file_pin_present(struct vmo_file *f, uint64_t index)
{
    struct page *p;
    if (look(f, index, &p) != NOTHING) {
        return NULL;
    }
    pin(p);
    return p;
}

// References to what is present in a row, which ends with a node of the tree.  Fewer than `count`, and
// none: *obstacle says why.
static size_t pin_row(const struct vmo_file *f, uint64_t index, size_t count, bool holes_too,
                      struct page **pages, enum obstacle *obstacle) REQUIRES(f -> vmo.lock)
{
    size_t row;
    size_t n = 0;
    *obstacle = BEYOND_END;
    if (index >= f->vmo.size_pages) {
        return 0;
    }
    void *const *slots = radix_find_row(&f->vmo.pages, index, &row);
    size_t end = u64_min(u64_min(count, row), f->vmo.size_pages - index);
    for (; n < end; n++) {
        struct page *p = slots == NULL ? NULL : slots[n];
        if (p == NULL ? !holes_too : (p->flags & FILE_PAGE_BUSY) != 0) {
            *obstacle = p == NULL ? ABSENT : BUSY;
            break;
        }
        if (p != NULL) {
            p->flags |= FILE_PAGE_USED;
        }
        pages[n] = p;
    }
    page_ref_all(pages, n);
    return n;
}

// Does something about what keeps the caller from the page at `index`; gives the lock away.  OK: look
// again.
static status_t overcome(struct vmo_file *f, uint64_t index, size_t count, enum obstacle obstacle)
    RELEASES(f -> vmo.lock)
{
    status_t status = OK;
    size_t window = 0;
    uint32_t seen = vmo_file_works(f);
    if (obstacle == ABSENT && f->ops->read == NULL) {
        struct page *p;
        status = add_zero_page(f, index, &p);
    } else if (obstacle == ABSENT) {
        window = choose_window(f, index, count);
    }
    mutex_unlock(&f->vmo.lock);
    if (obstacle == BEYOND_END) {
        return ERR_RANGE;
    }
    if (obstacle == BUSY) {
        vmo_file_wait(f, seen);
    } else if (window != 0) {
        status = read_in(f, index, window);
    }
    return status;
}

status_t vmo_file_pin_run(struct vmo_file *f, uint64_t index, size_t count, bool holes_too,
                          struct page **pages, size_t *out)
{
    holes_too = holes_too && f->ops->read == NULL;
    for (;;) {
        enum obstacle obstacle;
        mutex_lock(&f->vmo.lock);
        *out = pin_row(f, index, count, holes_too, pages, &obstacle);
        if (LIKELY(*out != 0)) {
            mutex_unlock(&f->vmo.lock);
            return OK;
        }
        status_t status = overcome(f, index, count, obstacle);
        if (status != OK) {
            return status;
        }
    }
}

status_t vmo_get_pages(struct vmo *v, uint64_t index, size_t count, struct page **pages,
                       size_t *out)
{
    return v->kind == VMO_FILE ? vmo_file_pin_run(file_of_vmo(v), index, count, false, pages, out)
                               : ERR_NOTSUP;
}

status_t vmo_file_get(struct vmo_file *f, uint64_t index, struct page **out)
{
    size_t n;
    return vmo_file_pin_run(f, index, 1, false, out, &n);
}

status_t vmo_file_get_new(struct vmo_file *f, uint64_t index, struct page **out)
{
    status_t status = OK;
    mutex_lock(&f->vmo.lock);
    *out = vmo_file_find(f, index);
    bool is_beyond = index >= f->vmo.size_pages;
    if (is_beyond && *out == NULL) {
        status = add_zero_page(f, index, out);
    }
    if (is_beyond && status == OK) {
        pin(*out);
    }
    mutex_unlock(&f->vmo.lock);
    return is_beyond ? status : vmo_file_get(f, index, out);
}

void vmo_file_wrote(struct vmo_file *f, uint64_t index, struct page *p)
{
    if (p != NULL && vmo_file_find(f, index) == p) {
        vmo_file_mark_dirty(f, p);
        p->flags &= (uint16_t)~FILE_PAGE_CODE;
    }
}

status_t vmo_file_fault(struct vmo_file *f, uint64_t index, bool for_write, struct vmo_page *out)
{
    struct page *p = NULL;
    enum obstacle obstacle = look(f, index, &p);
    if (obstacle == BEYOND_END) {
        return ERR_RANGE;
    }
    if (obstacle == ABSENT && f->ops->read == NULL) {
        status_t status = add_zero_page(f, index, &p);
        if (status != OK) {
            return status;
        }
        obstacle = NOTHING;
    }
    if (obstacle != NOTHING) {
        return ERR_AGAIN;
    }
    if (for_write) {
        vmo_file_mark_dirty(f, p);
        atomic_store_explicit(&f->mapped_write, time_wall(), memory_order_relaxed);
    }
    p->flags |= FILE_PAGE_USED;
    *out = (struct vmo_page){.page = p, .pa = page_paddr(p)};
    out->slot = radix_find(&f->vmo.pages, index);
    (void)vmo_file_is_mappable(f, p, &out->can_write);
    return OK;
}

bool vmo_file_is_mappable(const struct vmo_file *f, const struct page *p, bool *can_write)
{
    *can_write = f->ops->write == NULL || (p->flags & FILE_PAGE_DIRTY) != 0;
    return (p->flags & FILE_PAGE_BUSY) == 0;
}

void vmo_read_ahead(struct vmo *v, uint64_t first, uint64_t count)
{
    struct vmo *file = v->below != NULL ? v->below : v;
    if (file->kind != VMO_FILE || file_of_vmo(file)->ops->read == NULL) {
        return;
    }
    struct vmo_file *f = file_of_vmo(file);
    for (uint64_t i = first, end = first + u64_min(count, VMO_PAGES_MAX); i < end;) {
        struct page *pages[PAGER_READ_MAX];
        size_t n;
        if (vmo_file_pin_run(f, i, u64_min(end - i, PAGER_READ_MAX), true, pages, &n) != OK) {
            return;
        }
        for (size_t k = 0; k < n; k++) {
            page_unref(pages[k]);
        }
        i += n;
    }
}

bool vmo_file_evict(struct vmo_file *f, uint64_t index, const struct page *p)
{
    struct page *present = vmo_file_find(f, index);
    if (present == NULL || present != p || (p->flags & (FILE_PAGE_BUSY | FILE_PAGE_DIRTY)) != 0 ||
        page_is_shared(p)) {
        return false;
    }
    vmo_unmap_pages(&f->vmo, index, index + 1);
    if ((p->flags & FILE_PAGE_USED) != 0) {
        present->flags &= (uint16_t)~FILE_PAGE_USED;
        return false;
    }
    radix_erase(&f->vmo.pages, index, index + 1, vmo_file_forget_pages, f);
    return true;
}

/* ---- Questions ---- */

// What lies below a private object is a file, which has nothing below.
bool vmo_is_present(struct vmo *v, uint64_t index) // NOLINT(misc-no-recursion): one level deep
{
    bool is_present = v->kind == VMO_PHYSICAL || v->kind == VMO_CONTIGUOUS;
    mutex_lock(&v->lock);
    void **slot = radix_find(&v->pages, index);
    is_present |= slot != NULL && *slot != NULL;
    mutex_unlock(&v->lock);
    return is_present || (v->below != NULL && vmo_is_present(v->below, index));
}

bool vmo_next_present(struct vmo *v, uint64_t *index)
{
    void **slot;
    mutex_lock(&v->lock);
    bool is_found = radix_next(&v->pages, index, &slot) && *index < v->size_pages;
    mutex_unlock(&v->lock);
    return is_found;
}

size_t vmo_writable_mappings(struct vmo *v)
{
    size_t count = 0;
    mutex_lock(&v->lock);
    list_for_each (node, &v->regions) {
        const struct region *r = container_of(node, struct region, vmo_link);
        count += (r->max_prot & PROT_WRITE) != 0;
    }
    mutex_unlock(&v->lock);
    return count;
}
