// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/heap.h"

#include <inject_hook.h>
#include <stdatomic.h>

#include "kernel/core/cpu.h"
#include "kernel/core/panic.h"
#include "kernel/core/percpu.h"
#include "kernel/mm/slab_priv.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    MAGAZINE_OBJECTS = 31, // so that a magazine has 256 bytes
    CLASS_LOG2_MIN = 4,
    CLASS_LOG2_MAX = 11, // the largest size class is 2 KiB
    CLASSES = 2 * (CLASS_LOG2_MAX - CLASS_LOG2_MIN) + 1,
};
constexpr size_t CLASS_SIZE_MAX = 1u << CLASS_LOG2_MAX;

struct magazine {
    uint32_t count; // [c]
    void *objects[MAGAZINE_OBJECTS];
};
static_assert(sizeof(struct magazine) == 256);

// This CPU's magazines by cache id; the table grows when a cache with a higher id is used here.
struct heap_cpu {
    struct magazine **magazines; // [c]
    uint32_t capacity;           // [c]
    unsigned order;              // [c] of the table's pages
};
static PERCPU(struct heap_cpu, heap_cpu);

static struct {
    struct spinlock lock;
    struct list caches; // [l] struct heap_cache, by id
    // Made by hand, because every other cache and magazine comes from them.
    struct heap_cache of_caches;
    struct heap_cache of_magazines;
    struct heap_cache classes[CLASSES]; // 16, then (24), 32, 48, 64, 96, ... 2048
    _Atomic size_t large_blocks;        // [a] relaxed: a count
    _Atomic size_t large_pages;         // [a] relaxed: a count
    struct page_shrinker shrinker;
} heap = {.lock = SPINLOCK_INIT("heap", RANK_HEAP), .caches = LIST_INIT(heap.caches)};

static const char *const class_names[CLASSES] = {"size-16",   "size-24",   "size-32",  "size-48",
                                                 "size-64",   "size-96",   "size-128", "size-192",
                                                 "size-256",  "size-384",  "size-512", "size-768",
                                                 "size-1024", "size-1536", "size-2048"};

/* ---- Magazines ---- */

// Interrupts are masked.  NULL: this CPU has none for the cache (yet).
static ALWAYS_INLINE struct magazine *magazine_of(const struct heap_cache *c)
{
    const struct heap_cpu *h = this_cpu(heap_cpu);
    return LIKELY(c->id < h->capacity) ? h->magazines[c->id] : NULL;
}

// Makes room for cache `id` in this CPU's table.  Interrupts are masked.
static bool grow_table(struct heap_cpu *h, uint32_t id)
{
    unsigned order = 0;
    while ((((size_t)PAGE_SIZE << order) / sizeof(h->magazines[0])) <= id) {
        order++;
    }
    struct page *p = NULL;
    if (page_alloc(order, PAGE_ZEROED, PAGE_KERNEL, &p) != OK) {
        return false;
    }
    struct magazine **old = h->magazines;
    h->magazines = (struct magazine **)page_virt(p);
    if (old != NULL) {
        memcpy((void *)h->magazines, (const void *)old, h->capacity * sizeof(old[0]));
        page_free(page_of(virt_to_phys((const void *)old)), h->order);
    }
    h->order = order;
    h->capacity = (uint32_t)(((size_t)PAGE_SIZE << order) / sizeof(h->magazines[0]));
    return true;
}

// Gives this CPU a magazine for the cache; without memory it gets none.  Interrupts are masked.
static void add_magazine(struct heap_cache *c)
{
    struct heap_cpu *h = this_cpu(heap_cpu);
    void *memory = NULL;
    if (slab_take(&heap.of_magazines, &memory, 1) == 0) {
        return;
    }
    // The table last: when memory is short, any allocation may shrink it away.
    if (c->id < h->capacity || grow_table(h, c->id)) {
        struct magazine *m = memory;
        m->count = 0;
        h->magazines[c->id] = m;
    } else {
        slab_put(&heap.of_magazines, &memory, 1);
    }
}

// Puts up to `count` objects into this CPU's magazine; gives how many found room.
static size_t load_magazine(struct heap_cache *c, void *const *objects, size_t count)
{
    irqflags_t flags = arch_irq_save();
    if (magazine_of(c) == NULL) {
        add_magazine(c);
    }
    struct magazine *m = magazine_of(c);
    size_t loaded = 0;
    while (m != NULL && loaded < count && m->count < 2u * c->batch) {
        m->objects[m->count++] = objects[loaded++];
    }
    arch_irq_restore(flags);
    return loaded;
}

// Takes up to `count` objects out of this CPU's magazine.
static size_t unload_magazine(const struct heap_cache *c, void **objects, size_t count)
{
    irqflags_t flags = arch_irq_save();
    struct magazine *m = magazine_of(c);
    size_t taken = 0;
    while (m != NULL && taken < count && m->count > 0) {
        objects[taken++] = m->objects[--m->count];
    }
    arch_irq_restore(flags);
    return taken;
}

static COLD status_t alloc_slow(struct heap_cache *c, void **out)
{
    void *objects[MAGAZINE_OBJECTS];
    size_t taken = slab_take(c, objects, c->batch);
    if (taken == 0) {
        return ERR_NOMEM;
    }
    *out = objects[--taken];
    size_t loaded = load_magazine(c, objects, taken);
    if (loaded < taken) {
        slab_put(c, objects + loaded, taken - loaded);
    }
    return OK;
}

// The magazine is full, or there is none: half of it goes to the slabs.
static COLD void free_slow(struct heap_cache *c, void *object)
{
    void *objects[MAGAZINE_OBJECTS];
    size_t taken = unload_magazine(c, objects, c->batch);
    if (taken != 0) {
        slab_put(c, objects, taken);
    }
    if (load_magazine(c, &object, 1) == 0) {
        slab_put(c, &object, 1);
    }
}

static ALWAYS_INLINE status_t cache_alloc(struct heap_cache *c, void **out)
{
    irqflags_t flags = arch_irq_save();
    struct magazine *m = magazine_of(c);
    if (LIKELY(m != NULL && m->count != 0)) {
        *out = m->objects[--m->count];
        arch_irq_restore(flags);
        return OK;
    }
    arch_irq_restore(flags);
    return alloc_slow(c, out);
}

static ALWAYS_INLINE void cache_free(struct heap_cache *c, void *object)
{
    irqflags_t flags = arch_irq_save();
    struct magazine *m = magazine_of(c);
    if (LIKELY(m != NULL && m->count < 2u * c->batch)) {
        m->objects[m->count++] = object;
        arch_irq_restore(flags);
        return;
    }
    arch_irq_restore(flags);
    free_slow(c, object);
}

/* ---- Caches ---- */

// Links the cache with the lowest free id, so that tables of magazines stay short.
static void add_cache(struct heap_cache *c)
{
    irqflags_t flags = spin_lock_irqsave(&heap.lock);
    struct list *before = heap.caches.next;
    c->id = 0;
    while (before != &heap.caches && container_of(before, struct heap_cache, link)->id == c->id) {
        c->id++;
        before = before->next;
    }
    list_add_tail(before, &c->link);
    spin_unlock_irqrestore(&heap.lock, flags);
}

COLD status_t heap_cache_create(const char *name, size_t size, size_t align,
                                struct heap_cache **out)
{
    if (!is_pow2(align) || align > PAGE_SIZE || size == 0 || size > HEAP_OBJECT_MAX) {
        return ERR_INVAL;
    }
    void *memory;
    status_t status = heap_cache_alloc(&heap.of_caches, &memory);
    if (status != OK) {
        return status;
    }
    *out = memory;
    slab_init(*out, name, align_up(size, u64_max(align, sizeof(void *))));
    add_cache(*out);
    return OK;
}

// Frees this CPU's magazine.  Interrupts are masked.
static void remove_magazine(void *cache)
{
    struct heap_cache *c = cache;
    struct magazine *m = magazine_of(c);
    if (m != NULL) {
        this_cpu(heap_cpu)->magazines[c->id] = NULL;
        slab_put(c, m->objects, m->count);
        void *memory = m;
        slab_put(&heap.of_magazines, &memory, 1);
    }
}

COLD void heap_cache_destroy(struct heap_cache *cache)
{
    cpu_for_each_online(cpu)
    {
        cpu_call(cpu, remove_magazine, cache);
    }
    slab_release_empty(cache);
    assert(cache->in_use == 0 && cache->slabs == 0);
    irqflags_t flags = spin_lock_irqsave(&heap.lock);
    list_del(&cache->link);
    spin_unlock_irqrestore(&heap.lock, flags);
    heap_cache_free(&heap.of_caches, cache);
}

status_t heap_cache_alloc(struct heap_cache *cache, void **out)
{
    return inject_fails() ? ERR_NOMEM : cache_alloc(cache, out);
}

void heap_cache_free(struct heap_cache *cache, void *object)
{
    if (object != NULL) {
        cache_free(cache, object);
    }
}

/* ---- Blocks of any size ---- */

// The class of a size: 16; then for each power of two the one and a half of it and the double.
static unsigned class_index(size_t size)
{
    if (size <= 1u << CLASS_LOG2_MIN) {
        return 0;
    }
    if (size <= 32) {
        return 2; // 24 would break the alignment to 16
    }
    unsigned log2 = log2_floor(size - 1);
    return 2 * (log2 - CLASS_LOG2_MIN) + 1 + (unsigned)((size - 1) >> (log2 - 1) & 1);
}

static size_t class_size(unsigned index)
{
    size_t base = (size_t)1 << (CLASS_LOG2_MIN + (index + 1) / 2);
    return index % 2 == 0 ? base : base / 4 * 3;
}

static NOINLINE status_t alloc_large(size_t size, enum page_flags flags, void **out)
{
    if (size > (size_t)PAGE_SIZE << PAGE_MAX_ORDER) {
        return ERR_NOMEM;
    }
    unsigned order = log2_ceil(pages_for(size));
    struct page *p = NULL;
    status_t status = page_alloc(order, flags, PAGE_KERNEL, &p);
    if (status != OK) {
        return status;
    }
    p->index = size;
    atomic_fetch_add_explicit(&heap.large_blocks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&heap.large_pages, 1u << order, memory_order_relaxed);
    *out = page_virt(p);
    return OK;
}

static void free_large(struct page *p, const void *block)
{
    assert(p->kind == PAGE_KERNEL && page_virt(p) == block);
    atomic_fetch_sub_explicit(&heap.large_blocks, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&heap.large_pages, 1u << p->order, memory_order_relaxed);
    page_free(p, p->order);
}

status_t heap_alloc(size_t size, void **out)
{
    if (size > CLASS_SIZE_MAX) {
        return alloc_large(size, PAGE_ANY, out);
    }
    return heap_cache_alloc(&heap.classes[class_index(size)], out);
}

status_t heap_zalloc(size_t size, void **out)
{
    if (size > CLASS_SIZE_MAX) {
        return alloc_large(size, PAGE_ZEROED, out);
    }
    status_t status = heap_cache_alloc(&heap.classes[class_index(size)], out);
    if (status == OK) {
        memset(*out, 0, size);
    }
    return status;
}

status_t heap_alloc_array(size_t count, size_t size, void **out)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? ERR_NOMEM : heap_zalloc(bytes, out);
}

void heap_free(void *p)
{
    if (p == NULL) {
        return;
    }
    struct page *page = page_of(virt_to_phys(p));
    if (page->kind == PAGE_SLAB) {
        cache_free(page->owner, p);
    } else {
        free_large(page, p);
    }
}

/* ---- Reports and shrinking ---- */

// Objects in magazines of all CPUs.
static size_t magazine_objects(const struct heap_cache *c)
{
    size_t count = 0;
    cpu_for_each_online(cpu)
    {
        const struct heap_cpu *h = cpu_var(cpu, heap_cpu);
        if (c->id < h->capacity && h->magazines[c->id] != NULL) {
            count += h->magazines[c->id]->count;
        }
    }
    return count;
}

void heap_for_each_cache(void (*visit)(void *context, const char *name, size_t size, size_t in_use,
                                       size_t pages),
                         void *context)
{
    irqflags_t flags = spin_lock_irqsave(&heap.lock);
    list_for_each (node, &heap.caches) {
        const struct heap_cache *c = container_of(node, struct heap_cache, link);
        size_t cached = magazine_objects(c);
        size_t in_use = c->in_use > cached ? c->in_use - cached : 0;
        visit(context, c->name, c->size, in_use, c->slabs << c->order);
    }
    spin_unlock_irqrestore(&heap.lock, flags);
}

static void sum_cache(void *context, const char *name, size_t, size_t in_use, size_t pages)
{
    struct heap_stats *sum = context;
    // Magazines are overhead: they come and go with the CPUs that happen to allocate.
    sum->objects_in_use += name == heap.of_magazines.name ? 0 : in_use;
    sum->slab_pages += pages;
}

COLD void heap_stats(struct heap_stats *out)
{
    *out = (struct heap_stats){.objects_in_use = atomic_load(&heap.large_blocks),
                               .large_pages = atomic_load(&heap.large_pages)};
    heap_for_each_cache(sum_cache, out);
}

// Frees this CPU's magazine with what is in it.  Interrupts are masked.
static bool drop_magazine(struct heap_cpu *h, struct heap_cache *c)
{
    struct magazine *m = magazine_of(c);
    if (m == NULL) {
        return true;
    }
    if (m->count != 0 && !slab_try_put(c, m->objects, m->count)) {
        return false;
    }
    m->count = 0;
    void *memory = m;
    if (!slab_try_put(&heap.of_magazines, &memory, 1)) {
        return false;
    }
    h->magazines[c->id] = NULL;
    return true;
}

// Gives what this CPU and the caches keep back.  Interrupts are masked, the list is locked.
static COLD void shrink_caches(void)
{
    struct heap_cpu *h = this_cpu(heap_cpu);
    bool is_bare = true;
    // The cache of magazines comes first in the list and has to go last.
    for (struct list *node = heap.caches.prev; node != &heap.caches; node = node->prev) {
        struct heap_cache *c = container_of(node, struct heap_cache, link);
        is_bare = drop_magazine(h, c) && is_bare;
        slab_release_empty(c);
    }
    if (is_bare && h->magazines != NULL) {
        page_free(page_of(virt_to_phys((const void *)h->magazines)), h->order);
        *h = (struct heap_cpu){};
    }
}

size_t heap_shrink(void)
{
    irqflags_t flags = arch_irq_save();
    size_t before = page_free_count();
    if (spin_try_lock(&heap.lock)) {
        shrink_caches();
        spin_unlock(&heap.lock);
    }
    size_t after = page_free_count();
    arch_irq_restore(flags);
    return after > before ? after - before : 0;
}

static size_t shrink(size_t)
{
    return heap_shrink();
}

COLD void heap_init(void)
{
    slab_init(&heap.of_magazines, "heap magazine", sizeof(struct magazine));
    add_cache(&heap.of_magazines);
    slab_init(&heap.of_caches, "heap cache", sizeof(struct heap_cache));
    add_cache(&heap.of_caches);
    for (unsigned i = 0; i < CLASSES; i++) {
        slab_init(&heap.classes[i], class_names[i], class_size(i));
        add_cache(&heap.classes[i]);
    }
    heap.shrinker.shrink = shrink;
    page_add_shrinker(&heap.shrinker);
}
