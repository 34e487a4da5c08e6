// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/page.h"

#include <inject_hook.h>
#include <stdatomic.h>

#include "kernel/core/cpu.h"
#include "kernel/core/panic.h"
#include "kernel/mm/page_priv.h"
#include "kernel/mm/zone_priv.h"
#include "lib/base/bits.h"

enum {
    BATCH_ORDER = 5,  // a refill is a block of this order, or what there is
    RESERVE_MAX = 64, // pages kept for PAGE_URGENT
};
static_assert(1 << BATCH_ORDER <= PAGE_LIST_MAX / 2);

PERCPU(struct page_list, page_list);

static struct page_shrinker *_Atomic shrinkers; // [a] only grows; release when added

static struct {
    uint32_t list_limit; // [I] pages in a CPU's list
    unsigned batch;      // [I] order of a refill
    size_t reserve;      // [I] pages for PAGE_URGENT
} pager;

void page_init(void)
{
    // On a small machine the lists must not hide a good part of the memory from other CPUs.
    size_t share = zone_total() / 256;
    pager.list_limit = (uint32_t)u64_max(2, u64_min(PAGE_LIST_MAX, share));
    pager.batch = (1u << BATCH_ORDER) <= pager.list_limit / 2 ? BATCH_ORDER : 0;
    pager.reserve = u64_min(RESERVE_MAX, share);
}

static bool is_within_reserve(unsigned order)
{
    return zone_available() < pager.reserve + (1u << order);
}

// Fills the empty list of this CPU.  Interrupts are masked.
static NOINLINE bool refill(struct page_list *l, enum page_flags flags)
{
    unsigned batch = pager.batch;
    if (is_within_reserve(batch)) {
        // Only as much as is asked for, so that the reserve does not end in a list.
        batch = 0;
        if ((flags & PAGE_URGENT) == 0 && is_within_reserve(0)) {
            return false;
        }
    }
    uint32_t frame = 0;
    unsigned order = 0;
    if (!zone_alloc_up_to(batch, &frame, &order) &&
        (!zone_grow() || !zone_alloc_up_to(batch, &frame, &order))) {
        return false;
    }
    for (uint32_t i = 1u << order; i-- > 0;) {
        struct page *p = page_of_frame(frame + i);
        p->kind = PAGE_CACHED;
        p->order = 0;
        l->pages[l->count++] = p;
    }
    return true;
}

// Gives the `count` oldest pages of the list to their zones.  Interrupts are masked.
static NOINLINE void drain(struct page_list *l, uint32_t count)
{
    zone_free_pages(l->pages, count);
    l->count -= count;
    for (uint32_t i = 0; i < l->count; i++) {
        l->pages[i] = l->pages[i + count];
    }
}

static size_t drain_cpu(void)
{
    irqflags_t irq = arch_irq_save();
    struct page_list *l = this_cpu(page_list);
    uint32_t count = l->count;
    drain(l, count);
    arch_irq_restore(irq);
    return count;
}

static COLD size_t shrink_all(size_t pages)
{
    size_t freed = 0;
    struct page_shrinker *s = atomic_load_explicit(&shrinkers, memory_order_acquire);
    while (s != NULL && freed < pages) {
        freed += s->shrink(pages - freed);
        s = atomic_load_explicit(&s->next, memory_order_relaxed);
    }
    return freed + drain_cpu();
}

static struct page *take_from_list(enum page_flags flags)
{
    irqflags_t irq = arch_irq_save();
    struct page_list *l = this_cpu(page_list);
    struct page *p = NULL;
    if (l->count != 0 || refill(l, flags)) {
        p = l->pages[--l->count];
    }
    arch_irq_restore(irq);
    return p;
}

status_t page_alloc_one(enum page_flags flags, enum page_kind kind, struct page **out)
{
    if (inject_fails()) {
        return ERR_NOMEM;
    }
    struct page *p = page_take_cached();
    if (UNLIKELY(p == NULL)) {
        p = take_from_list(flags);
        if (p == NULL && shrink_all(1) != 0) {
            p = take_from_list(flags);
        }
        if (p == NULL) {
            return ERR_NOMEM;
        }
    }
    page_own(p, kind, 0);
    if ((flags & PAGE_ZEROED) != 0) {
        arch_page_zero(page_virt(p));
    }
    *out = p;
    return OK;
}

static bool take_block(unsigned order, enum page_flags flags, uint32_t *frame)
{
    if ((flags & PAGE_URGENT) == 0 && is_within_reserve(order)) {
        return false;
    }
    do {
        if (zone_alloc(order, frame)) {
            return true;
        }
    } while (zone_grow());
    return false;
}

status_t page_alloc(unsigned order, enum page_flags flags, enum page_kind kind, struct page **out)
{
    if (order == 0) {
        return page_alloc_one(flags, kind, out);
    }
    if (order > PAGE_MAX_ORDER || inject_fails()) {
        return ERR_NOMEM;
    }
    uint32_t frame = 0;
    if (!take_block(order, flags, &frame) &&
        (shrink_all(1u << order) == 0 || !take_block(order, flags, &frame))) {
        return ERR_NOMEM;
    }
    struct page *p = page_of_frame(frame);
    page_own(p, kind, order);
    if ((flags & PAGE_ZEROED) != 0) {
        for (size_t i = 0; i < 1u << order; i++) {
            arch_page_zero(page_virt(p + i));
        }
    }
    *out = p;
    return OK;
}

static void free_one(struct page *p)
{
    irqflags_t irq = arch_irq_save();
    struct page_list *l = this_cpu(page_list);
    if (UNLIKELY(l->count >= pager.list_limit)) {
        drain(l, l->count / 2);
    }
    l->pages[l->count++] = p;
    arch_irq_restore(irq);
}

void page_free(struct page *p, unsigned order)
{
    assert(p->kind > PAGE_CACHED && p->order == order);
    atomic_store_explicit(&p->refs, 0, memory_order_relaxed);
    if (order == 0) {
        p->kind = PAGE_CACHED;
        free_one(p);
    } else {
        p->kind = PAGE_RESERVED;
        zone_free(page_frame(p), order);
    }
}

static ALWAYS_INLINE void take_reference(struct page *p)
{
    // Relaxed: who takes another reference already has one, or a lock.
    uint32_t before = atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    assert(before != 0 && before != UINT32_MAX);
}

static ALWAYS_INLINE void drop_reference(struct page *p)
{
    // Release: our use of the page is over before the last holder frees it; acquire pairs with it.
    uint32_t before = atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel);
    assert(before != 0);
    if (before == 1) {
        page_free(p, 0);
    }
}

void page_ref(struct page *p)
{
    take_reference(p);
}

void page_unref(struct page *p)
{
    drop_reference(p);
}

size_t page_ref_all(struct page *const *pages, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (pages[i] != NULL) {
            take_reference(pages[i]);
            found++;
        }
    }
    return found;
}

size_t page_unref_all(struct page *const *pages, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (pages[i] != NULL) {
            drop_reference(pages[i]);
            found++;
        }
    }
    return found;
}

bool page_is_shared(const struct page *p)
{
    // Acquire: pairs with page_unref, so that what the last sharer did comes before our writes.
    return atomic_load_explicit(&p->refs, memory_order_acquire) > 1;
}

COLD size_t page_reclaim(void)
{
    return shrink_all(SIZE_MAX);
}

static size_t cached_pages(void)
{
    size_t pages = 0;
    cpu_for_each_online(c)
    {
        pages += cpu_var(c, page_list)->count;
    }
    return pages;
}

size_t page_free_count(void)
{
    return zone_available() + cached_pages();
}

void page_stats(struct page_stats *out)
{
    *out = (struct page_stats){
        .total_pages = zone_total(),
        .free_pages = page_free_count(),
        .offline_pages = zone_offline(),
    };
}

void page_add_shrinker(struct page_shrinker *s)
{
    struct page_shrinker *first = atomic_load_explicit(&shrinkers, memory_order_relaxed);
    do {
        atomic_store_explicit(&s->next, first, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&shrinkers, &first, s, memory_order_release,
                                                    memory_order_relaxed));
}
