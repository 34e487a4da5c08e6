// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/slab_priv.h"

#include "kernel/core/panic.h"
#include "lib/base/bits.h"

enum {
    SLAB_ORDER_MAX = 3,
    EMPTY_KEPT = 1,
    BATCH_MAX = 15,
    BATCH_BYTES = 4096,
};

// The smallest slab that wastes at most an eighth.
static uint8_t slab_order(size_t size)
{
    uint8_t order = 0;
    while (order < SLAB_ORDER_MAX &&
           ((size_t)PAGE_SIZE << order) % size > ((size_t)PAGE_SIZE << order) / 8) {
        order++;
    }
    return order;
}

void slab_init(struct heap_cache *c, const char *name, size_t size)
{
    *c = (struct heap_cache){.name = name, .size = (uint32_t)size, .order = slab_order(size)};
    c->per_slab = (uint16_t)(((size_t)PAGE_SIZE << c->order) / size);
    c->batch = (uint8_t)u64_max(2, u64_min(BATCH_MAX, BATCH_BYTES / size));
    spin_init(&c->lock, name, RANK_SLAB);
}

static void ring_add_head(struct heap_cache *c, struct page *p) REQUIRES(c -> lock)
{
    uint32_t frame = page_frame(p);
    if (c->partial == NULL) {
        p->next = frame;
        p->prev = frame;
    } else {
        p->next = page_frame(c->partial);
        p->prev = c->partial->prev;
        page_of_frame(p->prev)->next = frame;
        c->partial->prev = frame;
    }
    c->partial = p;
}

static void ring_add_tail(struct heap_cache *c, struct page *p) REQUIRES(c -> lock)
{
    ring_add_head(c, p);
    c->partial = page_of_frame(p->next);
}

static void ring_del(struct heap_cache *c, struct page *p) REQUIRES(c -> lock)
{
    struct page *next = page_of_frame(p->next);
    page_of_frame(p->prev)->next = p->next;
    next->prev = p->prev;
    if (c->partial == p) {
        c->partial = next == p ? NULL : next;
    }
}

// A slab with all objects free, or NULL.
static struct page *make_slab(struct heap_cache *c)
{
    struct page *p = NULL;
    if (page_alloc(c->order, PAGE_ANY, PAGE_SLAB, &p) != OK) {
        return NULL;
    }
    // heap_free finds the cache through any page of the slab.
    for (unsigned i = 0; i < 1u << c->order; i++) {
        p[i].kind = PAGE_SLAB;
        p[i].owner = c;
    }
    p->in_use = 0;
    p->freelist = NULL;
    char *first = page_virt(p);
    for (unsigned i = c->per_slab; i-- > 0;) {
        void **object = (void **)(first + (size_t)i * c->size);
        *object = p->freelist;
        p->freelist = (void *)object;
    }
    return p;
}

static void destroy_slab(struct heap_cache *c, struct page *p)
{
    for (unsigned i = 1; i < 1u << c->order; i++) {
        p[i].kind = PAGE_RESERVED;
    }
    page_free(p, c->order);
}

static size_t take_locked(struct heap_cache *c, void **objects, size_t count) REQUIRES(c -> lock)
{
    size_t taken = 0;
    while (taken < count && c->partial != NULL) {
        struct page *p = c->partial;
        c->empty -= p->in_use == 0;
        while (taken < count && p->freelist != NULL) {
            objects[taken++] = p->freelist;
            p->freelist = *(void **)p->freelist;
            p->in_use++;
        }
        if (p->freelist == NULL) {
            ring_del(c, p);
        }
    }
    c->in_use += taken;
    return taken;
}

size_t slab_take(struct heap_cache *c, void **objects, size_t count)
{
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    size_t taken = take_locked(c, objects, count);
    spin_unlock_irqrestore(&c->lock, flags);
    if (taken != 0) {
        return taken;
    }
    struct page *p = make_slab(c);
    if (p == NULL) {
        return 0;
    }
    flags = spin_lock_irqsave(&c->lock);
    ring_add_head(c, p);
    c->slabs++;
    c->empty++;
    taken = take_locked(c, objects, count);
    spin_unlock_irqrestore(&c->lock, flags);
    return taken;
}

static struct page *slab_of(struct heap_cache *c, const void *object)
{
    uint32_t frame = page_frame(page_of(virt_to_phys(object)));
    struct page *p = page_of_frame(frame & ~((1u << c->order) - 1));
    assert(p->kind == PAGE_SLAB && p->owner == c && p->in_use != 0);
    return p;
}

// Gives the slab if it became empty and is too many; the caller destroys it without the lock.
static struct page *put_one(struct heap_cache *c, void *object) REQUIRES(c -> lock)
{
    struct page *p = slab_of(c, object);
    bool was_full = p->freelist == NULL;
    *(void **)object = p->freelist;
    p->freelist = object;
    p->in_use--;
    if (was_full) {
        ring_add_head(c, p);
    }
    if (p->in_use != 0) {
        return NULL;
    }
    ring_del(c, p);
    if (c->empty < EMPTY_KEPT) {
        ring_add_tail(c, p);
        c->empty++;
        return NULL;
    }
    c->slabs--;
    return p;
}

// Gives a chain of slabs to destroy, linked by `next`, that ends with the one that links to itself.
static struct page *put_locked(struct heap_cache *c, void *const *objects, size_t count)
    REQUIRES(c -> lock)
{
    struct page *chain = NULL;
    for (size_t i = 0; i < count; i++) {
        struct page *p = put_one(c, objects[i]);
        if (p != NULL) {
            p->next = page_frame(chain == NULL ? p : chain);
            chain = p;
        }
    }
    c->in_use -= count;
    return chain;
}

static size_t destroy_chain(struct heap_cache *c, struct page *chain)
{
    size_t pages = 0;
    while (chain != NULL) {
        struct page *next = page_of_frame(chain->next);
        next = next == chain ? NULL : next;
        destroy_slab(c, chain);
        pages += 1u << c->order;
        chain = next;
    }
    return pages;
}

void slab_put(struct heap_cache *c, void *const *objects, size_t count)
{
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    struct page *chain = put_locked(c, objects, count);
    spin_unlock_irqrestore(&c->lock, flags);
    destroy_chain(c, chain);
}

bool slab_try_put(struct heap_cache *c, void *const *objects, size_t count)
{
    irqflags_t flags = arch_irq_save();
    if (!spin_try_lock(&c->lock)) {
        arch_irq_restore(flags);
        return false;
    }
    struct page *chain = put_locked(c, objects, count);
    spin_unlock(&c->lock);
    arch_irq_restore(flags);
    destroy_chain(c, chain);
    return true;
}

size_t slab_release_empty(struct heap_cache *c)
{
    irqflags_t flags = arch_irq_save();
    if (!spin_try_lock(&c->lock)) {
        arch_irq_restore(flags);
        return 0;
    }
    struct page *chain = NULL;
    // Empty slabs are at the tail of the ring.
    while (c->empty > 0 && c->partial != NULL) {
        struct page *p = page_of_frame(c->partial->prev);
        assert(p->in_use == 0);
        ring_del(c, p);
        c->empty--;
        c->slabs--;
        p->next = page_frame(chain == NULL ? p : chain);
        chain = p;
    }
    spin_unlock(&c->lock);
    arch_irq_restore(flags);
    return destroy_chain(c, chain);
}
