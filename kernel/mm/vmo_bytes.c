// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes of memory objects, copied through the linear map: read() and write() of files, and what the
 * kernel itself puts into user memory.  No lock is held while user memory is touched: a fault on it
 * may need the same ones.
 */
#include "kernel/mm/pager.h"
#include "kernel/mm/vmo_file_priv.h"
#include "kernel/object/uio.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { RUN_PAGES = 16 }; // looked up at a time

static const char zeros[512]; // written at a time

/* ---- Files ---- */

// How many of the pages lie side by side in memory, or are all holes.
static size_t side_by_side(struct page *const *pages, size_t count)
{
    size_t n = 1;
    while (n < count && pages[n] == (pages[0] == NULL ? NULL : pages[0] + n)) {
        n++;
    }
    return n;
}

// Copies `size` bytes that start within the first of the pages; drops the references on all.
static status_t copy_out(struct uio *to, struct page **pages, size_t count, size_t at, size_t size)
{
    status_t status = OK;
    for (size_t i = 0; i < count && status == OK;) {
        size_t same = side_by_side(pages + i, count - i);
        size_t n = u64_min(size, same * PAGE_SIZE - at);
        status =
            pages[i] == NULL ? uio_zero(to, n) : uio_put(to, (char *)page_virt(pages[i]) + at, n);
        i += same;
        size -= n;
        at = 0;
    }
    page_unref_all(pages, count);
    return status;
}

// A read within one page, if that is there already.
static bool read_present(struct vmo_file *f, struct uio *to, uint64_t offset, size_t size,
                         status_t *status)
{
    mutex_lock(&f->vmo.lock);
    struct page *p = vmo_file_pin_present(f, offset >> PAGE_SHIFT);
    mutex_unlock(&f->vmo.lock);
    if (UNLIKELY(p == NULL)) {
        return false;
    }
    *status = uio_put(to, (char *)page_virt(p) + (offset & (PAGE_SIZE - 1)), size);
    page_unref(p);
    return true;
}

// A read of what lies in several pages, or is not there yet; gives how far it came.
static status_t read_run(struct vmo_file *f, struct uio *to, uint64_t offset, uint64_t *size)
{
    struct page *pages[RUN_PAGES];
    size_t at = offset & (PAGE_SIZE - 1);
    size_t wanted = u64_min(pages_for(at + *size), RUN_PAGES);
    size_t count;
    status_t status = vmo_file_pin_run(f, offset >> PAGE_SHIFT, wanted, true, pages, &count);
    if (status != OK) {
        return status;
    }
    *size = u64_min(*size, count * PAGE_SIZE - at);
    return copy_out(to, pages, count, at, *size);
}

status_t vmo_read(struct vmo *v, struct uio *to, uint64_t offset)
{
    struct vmo_file *f = file_of_vmo(v);
    while (to->left > 0) {
        uint64_t end = atomic_load_explicit(&f->size, memory_order_relaxed);
        if (offset >= end) {
            return OK;
        }
        status_t status;
        uint64_t size = u64_min(to->left, end - offset);
        bool is_one = size <= PAGE_SIZE - (offset & (PAGE_SIZE - 1));
        if (!is_one || !read_present(f, to, offset, size, &status)) {
            status = read_run(f, to, offset, &size);
        }
        if (status != OK) {
            return status == ERR_RANGE ? OK : status; // it became shorter
        }
        offset += size;
    }
    return OK;
}

// Writes within one page; the page appears if it must.
static status_t write_page(struct vmo_file *f, struct uio *from, uint64_t offset, size_t size)
{
    uint64_t index = offset >> PAGE_SHIFT;
    struct page *p;
    status_t status = vmo_file_get_new(f, index, &p);
    if (status != OK) {
        return status;
    }
    size_t before = from->left;
    status = uio_get(from, (char *)page_virt(p) + (offset & (PAGE_SIZE - 1)), size);
    size_t moved = before - from->left;
    mutex_lock(&f->vmo.lock);
    if (moved != 0) {
        vmo_file_wrote(f, index, p);
        vmo_file_grow(f, offset + moved);
    }
    if (index >= f->vmo.size_pages) {
        vmo_file_drop_pages(f, index, index + 1); // it was made for nothing
    }
    mutex_unlock(&f->vmo.lock);
    page_unref(p);
    return status;
}

status_t vmo_write(struct vmo *v, struct uio *from, uint64_t offset)
{
    struct vmo_file *f = file_of_vmo(v);
    const uint64_t largest = VMO_PAGES_MAX << PAGE_SHIFT;
    if (offset > largest || from->left > largest - offset) {
        return ERR_FBIG;
    }
    if (offset + from->left > vmo_size(v)) {
        mutex_lock(&f->vmo.lock);
        vmo_file_zero_tail(f);
        mutex_unlock(&f->vmo.lock);
    }
    status_t status = OK;
    while (from->left > 0 && status == OK) {
        size_t n = u64_min(from->left, PAGE_SIZE - (offset & (PAGE_SIZE - 1)));
        status = write_page(f, from, offset, n);
        offset += n;
    }
    return status;
}

/* ---- Anonymous and private objects ---- */

struct page *vmo_private_page(const struct vmo *v, uint64_t index)
{
    void **slot = radix_find(&v->pages, index);
    return slot == NULL ? NULL : *slot;
}

status_t vmo_private_copy(struct vmo *v, uint64_t index, const struct page *from,
                          struct vmo_page *out)
{
    struct page *p = NULL;
    void **slot = NULL;
    status_t status = vmo_page_alloc(PAGE_ANY, &p);
    if (status != OK) {
        return status;
    }
    status = vmo_insert_slot(v, index, &slot);
    if (status != OK) {
        page_unref(p);
        return status;
    }
    arch_page_copy(page_virt(p), page_virt(from));
    *slot = p;
    v->resident++;
    *out = (struct vmo_page){.page = p, .pa = page_paddr(p), .can_write = true, .slot = slot};
    return OK;
}

// The object's page for writing by the kernel.  `below`: the file's page, for one that has no copy.
static status_t page_to_write(struct vmo *v, uint64_t index, const struct page *below,
                              struct vmo_page *out) REQUIRES(v -> lock)
{
    if (v->below == NULL || vmo_private_page(v, index) != NULL) {
        return vmo_fault_locked(v, index, true, NULL, out);
    }
    status_t status = vmo_private_copy(v, index, below, out);
    if (status == OK) {
        vmo_unmap_pages(v, index, index + 1); // mappings show the file's page
    }
    return status;
}

static status_t write_within_page(struct vmo *v, uint64_t offset, const void *bytes, size_t size)
{
    uint64_t index = offset >> PAGE_SHIFT;
    struct page *below = NULL;
    status_t status = OK;
    if (v->below != NULL) {
        status = vmo_file_get(file_of_vmo(v->below), index, &below);
    }
    if (status != OK) {
        return status;
    }
    struct vmo_page found = {};
    mutex_lock(&v->lock);
    status = page_to_write(v, index, below, &found);
    if (status == OK) {
        memcpy((char *)phys_to_virt(found.pa) + (offset & (PAGE_SIZE - 1)), bytes, size);
    }
    mutex_unlock(&v->lock);
    if (found.stale != NULL) {
        page_unref(found.stale);
    }
    if (below != NULL) {
        page_unref(below);
    }
    return status;
}

static status_t read_file_bytes(struct vmo *v, uint64_t offset, void *bytes, size_t size)
{
    struct uio u;
    uio_init_kernel(&u, bytes, size);
    status_t status = vmo_read(v, &u, offset);
    return status == OK && u.left != 0 ? ERR_RANGE : status;
}

static status_t read_within_page(struct vmo *v, uint64_t offset, void *bytes, size_t size)
{
    size_t at = offset & (PAGE_SIZE - 1);
    mutex_lock(&v->lock);
    if (offset >> PAGE_SHIFT >= v->size_pages) {
        mutex_unlock(&v->lock);
        return ERR_RANGE;
    }
    bool is_tree = v->kind == VMO_ANONYMOUS;
    const struct page *p = is_tree ? vmo_private_page(v, offset >> PAGE_SHIFT) : NULL;
    if (p != NULL) {
        memcpy(bytes, (const char *)page_virt(p) + at, size);
    } else if (!is_tree) {
        memcpy(bytes, (const char *)phys_to_virt(v->base) + offset, size);
    } else if (v->below == NULL) {
        memset(bytes, 0, size);
    }
    mutex_unlock(&v->lock);
    return is_tree && p == NULL && v->below != NULL ? read_file_bytes(v->below, offset, bytes, size)
                                                    : OK;
}

/* ---- Kernel memory ---- */

status_t vmo_read_bytes(struct vmo *v, uint64_t offset, void *bytes, size_t size)
{
    if (v->kind == VMO_FILE) {
        return read_file_bytes(v, offset, bytes, size);
    }
    status_t status = OK;
    for (char *to = bytes; size > 0 && status == OK;) {
        size_t n = u64_min(size, PAGE_SIZE - (offset & (PAGE_SIZE - 1)));
        status = read_within_page(v, offset, to, n);
        to += n;
        offset += n;
        size -= n;
    }
    return status;
}

static status_t write_file_bytes(struct vmo *v, uint64_t offset, const void *bytes, size_t size)
{
    struct uio u;
    uio_init_kernel(&u, (void *)(uintptr_t)bytes, size);
    return vmo_write(v, &u, offset);
}

status_t vmo_write_bytes(struct vmo *v, uint64_t offset, const void *bytes, size_t size)
{
    if (v->kind == VMO_FILE) {
        return write_file_bytes(v, offset, bytes, size);
    }
    status_t status = OK;
    for (const char *from = bytes; size > 0 && status == OK;) {
        size_t n = u64_min(size, PAGE_SIZE - (offset & (PAGE_SIZE - 1)));
        status = write_within_page(v, offset, from, n);
        from += n;
        offset += n;
        size -= n;
    }
    return status;
}

// A page that is absent from a file of holes is zero already.
static bool is_hole(struct vmo *v, uint64_t index)
{
    return v->kind == VMO_FILE && file_of_vmo(v)->ops->read == NULL && !vmo_is_present(v, index);
}

status_t vmo_zero(struct vmo *v, uint64_t offset, uint64_t size)
{
    status_t status = OK;
    while (size > 0 && status == OK) {
        size_t n = u64_min(size, PAGE_SIZE - (offset & (PAGE_SIZE - 1)));
        bool can_punch = v->kind == VMO_FILE && file_of_vmo(v)->ops->read == NULL;
        if (can_punch && n == PAGE_SIZE) {
            n = align_down(size, PAGE_SIZE);
            vmo_decommit(v, offset >> PAGE_SHIFT, n >> PAGE_SHIFT);
        } else if (!is_hole(v, offset >> PAGE_SHIFT)) {
            n = u64_min(n, sizeof(zeros));
            status = vmo_write_bytes(v, offset, zeros, n);
        }
        offset += n;
        size -= n;
    }
    return status;
}
