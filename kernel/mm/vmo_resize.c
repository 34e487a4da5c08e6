// SPDX-License-Identifier: Apache-2.0
/* Files that change their size, and holes made in them. */
#include <stdatomic.h>

#include "kernel/mm/pager.h"
#include "kernel/mm/vmo_file_priv.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

// What lies behind byte `from` in its page becomes zero, if the page is there.
static void zero_tail(struct vmo_file *f, uint64_t from) REQUIRES(f -> vmo.lock)
{
    size_t at = from & (PAGE_SIZE - 1);
    struct page *p = at == 0 ? NULL : vmo_file_find(f, from >> PAGE_SHIFT);
    if (p != NULL) {
        memset((char *)page_virt(p) + at, 0, PAGE_SIZE - at);
    }
}

static void set_size(struct vmo_file *f, uint64_t size) REQUIRES(f -> vmo.lock)
{
    atomic_store_explicit(&f->size, size, memory_order_relaxed);
    f->vmo.size_pages = pages_for(size);
}

void vmo_file_grow(struct vmo_file *f, uint64_t size)
{
    if (size > f->size) {
        set_size(f, size);
    }
}

void vmo_file_zero_tail(struct vmo_file *f)
{
    zero_tail(f, f->size);
}

// Whether the pager fills a page at or above `first`.
static bool has_busy_page(const struct vmo_file *f, uint64_t first) REQUIRES(f -> vmo.lock)
{
    void **slot;
    for (uint64_t i = first; radix_next(&f->vmo.pages, &i, &slot); i++) {
        const struct page *p = *slot;
        if ((p->flags & FILE_PAGE_BUSY) != 0) {
            return true;
        }
    }
    return false;
}

// Gives the lock away while it waits.
static void wait_while_busy(struct vmo_file *f, uint64_t first) REQUIRES(f -> vmo.lock)
{
    while (has_busy_page(f, first)) {
        uint32_t seen = vmo_file_works(f);
        mutex_unlock(&f->vmo.lock);
        vmo_file_wait(f, seen);
        mutex_lock(&f->vmo.lock);
    }
}

void vmo_file_drop_pages(struct vmo_file *f, uint64_t first, uint64_t end)
{
    vmo_unmap_pages(&f->vmo, first, end);
    radix_erase(&f->vmo.pages, first, end, vmo_file_forget_pages, f);
}

status_t vmo_resize(struct vmo *v, uint64_t size)
{
    struct vmo_file *f = file_of_vmo(v);
    if (size > VMO_PAGES_MAX << PAGE_SHIFT) {
        return ERR_FBIG;
    }
    mutex_lock(&f->vmo.lock);
    uint64_t old = f->size;
    if (size >= old) {
        zero_tail(f, old);
        set_size(f, size);
    } else {
        set_size(f, size); // first, so that no further pages come
        wait_while_busy(f, size >> PAGE_SHIFT);
        vmo_file_drop_pages(f, pages_for(size), VMO_PAGES_MAX);
        zero_tail(f, size);
    }
    mutex_unlock(&f->vmo.lock);
    return OK;
}

void vmo_file_punch(struct vmo_file *f, uint64_t start, uint64_t count)
{
    if (f->ops->read != NULL || start >= VMO_PAGES_MAX) {
        return;
    }
    mutex_lock(&f->vmo.lock);
    vmo_file_drop_pages(f, start, start + u64_min(count, VMO_PAGES_MAX - start));
    mutex_unlock(&f->vmo.lock);
}
