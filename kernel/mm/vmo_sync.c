// SPDX-License-Identifier: Apache-2.0
/*
 * Dirty pages on their way to the pager.  One thread at a time does it for a file, so who waits for
 * it knows that what was dirty before has been stored.
 */
#include "kernel/mm/pager.h"
#include "kernel/mm/vmo_file_priv.h"
#include "lib/base/bits.h"

struct run {
    uint64_t first;
    size_t count;
    struct page *pages[PAGER_READ_MAX];
};

// The next run of dirty pages in [first, end), no longer marked; each has a reference more.
static bool take_dirty(struct vmo_file *f, uint64_t first, uint64_t end, struct run *run)
    REQUIRES(f -> vmo.lock)
{
    void **slot;
    run->count = 0;
    for (uint64_t i = first; f->dirty != 0 && run->count < PAGER_READ_MAX &&
                             radix_next(&f->vmo.pages, &i, &slot) && i < end;
         i++) {
        struct page *p = *slot;
        bool is_dirty = (p->flags & FILE_PAGE_DIRTY) != 0;
        if (run->count != 0 && (!is_dirty || i != run->first + run->count)) {
            break;
        }
        if (is_dirty) {
            run->first = run->count == 0 ? i : run->first;
            run->pages[run->count++] = p;
            page_ref(p);
            p->flags &= (uint16_t)~FILE_PAGE_DIRTY;
            f->dirty--;
        }
    }
    return run->count != 0;
}

static status_t write_back(struct vmo_file *f, struct run *run)
{
    status_t status = f->ops->write(f->context, run->first, run->pages, run->count);
    mutex_lock(&f->vmo.lock);
    for (size_t i = 0; i < run->count && status != OK; i++) {
        if (vmo_file_find(f, run->first + i) == run->pages[i]) {
            vmo_file_mark_dirty(f, run->pages[i]);
        }
    }
    mutex_unlock(&f->vmo.lock);
    while (run->count > 0) {
        page_unref(run->pages[--run->count]);
    }
    return status;
}

// Waits for its turn.
static void begin(struct vmo_file *f)
{
    mutex_lock(&f->vmo.lock);
    while (f->is_syncing) {
        uint32_t seen = vmo_file_works(f);
        mutex_unlock(&f->vmo.lock);
        vmo_file_wait(f, seen);
        mutex_lock(&f->vmo.lock);
    }
    f->is_syncing = true;
    mutex_unlock(&f->vmo.lock);
}

static void end(struct vmo_file *f)
{
    mutex_lock(&f->vmo.lock);
    f->is_syncing = false;
    mutex_unlock(&f->vmo.lock);
    vmo_file_work_ended(f);
}

status_t vmo_sync(struct vmo *v, uint64_t first, uint64_t count)
{
    if (v->kind != VMO_FILE || file_of_vmo(v)->ops->write == NULL) {
        return OK;
    }
    struct vmo_file *f = file_of_vmo(v);
    uint64_t last = first + u64_min(count, VMO_PAGES_MAX - u64_min(first, VMO_PAGES_MAX));
    status_t result = OK;
    begin(f);
    for (uint64_t at = first;;) {
        struct run run;
        mutex_lock(&f->vmo.lock);
        bool has_dirty = take_dirty(f, at, last, &run);
        if (has_dirty) {
            vmo_write_protect(&f->vmo, run.first, run.first + run.count); // further writes are seen
        }
        mutex_unlock(&f->vmo.lock);
        if (!has_dirty) {
            break;
        }
        at = run.first + run.count;
        status_t status = write_back(f, &run);
        result = result == OK ? status : result;
    }
    end(f);
    return result;
}
