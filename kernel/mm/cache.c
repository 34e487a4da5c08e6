// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/cache.h"

#include <stdatomic.h>

#include "kernel/core/thread.h"
#include "kernel/mm/vmo_priv.h"
#include "kernel/mm/zone_priv.h"
#include "lib/base/bits.h"

constexpr uint32_t NONE = UINT32_MAX; // no page frame
enum {
    SHARE_FREE = 64, // of RAM that is kept for the kernel, within these bounds
    FREE_MIN = 32,
    FREE_MAX = 2048,
};

static struct {
    struct spinlock lock;
    uint32_t first;       // [l] page frame of the oldest; NONE: there is none
    uint32_t last;        // [l]
    _Atomic size_t count; // [l to write]
    size_t keep_free;     // [I] pages
} cache = {.lock = SPINLOCK_INIT("page cache", RANK_CACHE), .first = NONE, .last = NONE};

void cache_init(void)
{
    cache.keep_free = u64_min(FREE_MAX, u64_max(FREE_MIN, zone_total() / SHARE_FREE));
}

size_t cache_pages(void)
{
    return atomic_load_explicit(&cache.count, memory_order_relaxed);
}

bool cache_is_short(void)
{
    return zone_available() < cache.keep_free && cache_pages() != 0;
}

static void link_last(struct page *p) REQUIRES(cache.lock)
{
    uint32_t frame = page_frame(p);
    p->next = NONE;
    p->prev = cache.last;
    if (cache.last == NONE) {
        cache.first = frame;
    } else {
        page_of_frame(cache.last)->next = frame;
    }
    cache.last = frame;
}

static void unlink_page(struct page *p) REQUIRES(cache.lock)
{
    if (p->prev == NONE) {
        cache.first = p->next;
    } else {
        page_of_frame(p->prev)->next = p->next;
    }
    if (p->next == NONE) {
        cache.last = p->prev;
    } else {
        page_of_frame(p->next)->prev = p->prev;
    }
}

static void count_by(size_t change) REQUIRES(cache.lock)
{
    atomic_store_explicit(&cache.count, cache_pages() + change, memory_order_relaxed);
}

void cache_add(struct vmo_file *f, struct page *p)
{
    spin_lock(&cache.lock);
    p->owner = f;
    link_last(p);
    count_by(1);
    spin_unlock(&cache.lock);
}

void cache_remove(struct page *p)
{
    if (p->owner == NULL) {
        return;
    }
    spin_lock(&cache.lock);
    p->owner = NULL;
    unlink_page(p);
    count_by(-(size_t)1);
    spin_unlock(&cache.lock);
}

// Sends the oldest page to the end; gives its file with a reference, or NULL if that is dying.
static struct vmo_file *take_oldest(struct page **page, uint64_t *index)
{
    struct vmo_file *f = NULL;
    spin_lock(&cache.lock);
    if (cache.first != NONE) {
        struct page *p = page_of_frame(cache.first);
        unlink_page(p);
        link_last(p);
        *page = p;
        *index = p->index;
        f = p->owner;
        f = refcount_inc_unless_zero(&f->vmo.refs) ? f : NULL;
    }
    spin_unlock(&cache.lock);
    return f;
}

static bool shrink_by_one(void)
{
    struct page *p;
    uint64_t index;
    struct vmo_file *f = take_oldest(&p, &index);
    if (f == NULL) {
        return false;
    }
    bool is_gone = false;
    if (mutex_try_lock(&f->vmo.lock)) {
        is_gone = vmo_file_evict(f, index, p);
        mutex_unlock(&f->vmo.lock);
    }
    if (refcount_dec(&f->vmo.refs)) {
        work_queue(&f->destroy); // the file system hears of it, which is not to happen here
    }
    return is_gone;
}

size_t cache_shrink(size_t pages)
{
    size_t freed = 0;
    // Twice around: once to see what is in use.
    for (size_t looks = 2 * cache_pages(); looks > 0 && freed < pages; looks--) {
        freed += shrink_by_one();
        thread_preempt_point();
    }
    return freed;
}
