// SPDX-License-Identifier: Apache-2.0
/* The short way to a page, for the page allocator itself and for the fault path. */
#pragma once

#include <stdatomic.h>

#include "kernel/core/percpu.h"
#include "kernel/mm/page.h"
#include "lib/base/attr.h"

enum { PAGE_LIST_MAX = 64 }; // most pages that a CPU keeps to itself

// A stack: what was freed last is still in the cache.
struct page_list {
    uint32_t count; // [c]
    struct page *pages[PAGE_LIST_MAX];
};
extern PERCPU(struct page_list, page_list);

// A page from this CPU's list, or NULL.  Nobody owns it yet.
static ALWAYS_INLINE struct page *page_take_cached(void)
{
    irqflags_t flags = arch_irq_save();
    struct page_list *l = this_cpu(page_list);
    uint32_t count = l->count;
    struct page *p = NULL;
    if (LIKELY(count != 0)) {
        l->count = count - 1;
        p = l->pages[count - 1];
    }
    arch_irq_restore(flags);
    return p;
}

// Makes a free page, or the first of a block, the caller's.
static ALWAYS_INLINE void page_own(struct page *p, enum page_kind kind, unsigned order)
{
    p->order = (uint8_t)order;
    p->kind = kind;
    p->flags = 0;
    atomic_store_explicit(&p->refs, 1, memory_order_relaxed);
}
