// SPDX-License-Identifier: Apache-2.0
/*
 * Each area has a guard below what it maps; its upper guard is the one of the area above.  Areas are
 * placed in offsets from an origin that makes the upper half of an aligned pair of stacks, which is
 * where the stack goes behind its guard, end up with the size's bit clear.
 */
#include "kernel/mm/kmap.h"

#include "kernel/core/panic.h"
#include "kernel/core/spinlock.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/memmap.h"
#include "kernel/mm/page.h"
#include "lib/alloc/extent.h"

enum { STACKS_KEPT = 16 };
constexpr vaddr_t ORIGIN = KMAP_BASE + KERNEL_STACK_SIZE;
// Windows lie apart: large ones must not spread the stacks over many page tables.
constexpr uint64_t WINDOWS = 1ull << 38;

struct area {
    struct extent extent; // [kmap lock] offsets from ORIGIN, guard included
    vaddr_t start;        // [I] what is mapped
    size_t size;          // [I]
};

// A stack that is kept mapped, in its own lowest bytes.
struct kept_stack {
    struct kept_stack *next;
};

static struct {
    struct spinlock lock;
    struct extent_tree areas; // [l]
    struct kept_stack *kept;  // [l]
    size_t kept_count;        // [l]
    struct page_shrinker shrinker;
} kmap = {.lock = SPINLOCK_INIT("kmap", RANK_KMAP)};

// Takes address space from offset `low` on for `size` bytes behind a guard, together at a multiple
// of `align`.
static status_t area_create(uint64_t low, size_t size, size_t guard, size_t align,
                            struct area **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct area), &memory);
    if (status != OK) {
        return status;
    }
    struct area *a = memory;
    struct extent_wish wish = {
        .low = low, .high = KMAP_END - ORIGIN, .size = guard + size, .align = align};
    uint64_t at = 0;
    irqflags_t flags = spin_lock_irqsave(&kmap.lock);
    bool has_room = extent_find_room(&kmap.areas, &wish, &at);
    if (has_room) {
        a->extent.start = at;
        a->extent.end = at + guard + size;
        a->start = ORIGIN + at + guard;
        a->size = size;
        extent_insert(&kmap.areas, &a->extent);
    }
    spin_unlock_irqrestore(&kmap.lock, flags);
    if (!has_room) {
        heap_free(a);
        return ERR_NOMEM;
    }
    *out = a;
    return OK;
}

static struct area *area_find_locked(vaddr_t va) REQUIRES(kmap.lock)
{
    struct extent *e = extent_find(&kmap.areas, va - ORIGIN);
    return e == NULL || e->start > va - ORIGIN ? NULL : container_of(e, struct area, extent);
}

// The area whose mapping starts at `va`.
static struct area *area_at(vaddr_t va)
{
    irqflags_t flags = spin_lock_irqsave(&kmap.lock);
    struct area *a = area_find_locked(va);
    spin_unlock_irqrestore(&kmap.lock, flags);
    assert(a != NULL && a->start == va);
    return a;
}

// Unmaps first: what is unmapped may be placed anew at once.
static void area_destroy(struct area *a, void (*gone)(void *, vaddr_t, paddr_t, size_t))
{
    arch_unmap(&arch_kernel_aspace, a->start, a->size, gone, NULL);
    irqflags_t flags = spin_lock_irqsave(&kmap.lock);
    extent_remove(&kmap.areas, &a->extent);
    spin_unlock_irqrestore(&kmap.lock, flags);
    heap_free(a);
}

static status_t map_window(paddr_t pa, size_t size, uint32_t prot, vaddr_t *out)
{
    uint64_t end = pa.raw + size;
    if (size == 0 || end < pa.raw || end > UINT64_MAX - PAGE_SIZE) {
        return ERR_INVAL;
    }
    uint64_t base = align_down(pa.raw, PAGE_SIZE);
    size_t mapped = align_up(end, PAGE_SIZE) - base;
    if (mapped > KMAP_END - ORIGIN - WINDOWS - PAGE_SIZE) {
        return ERR_NOMEM;
    }
    struct area *a = NULL;
    status_t status = area_create(WINDOWS, mapped, PAGE_SIZE, PAGE_SIZE, &a);
    if (status != OK) {
        return status;
    }
    status = arch_map(&arch_kernel_aspace, a->start, paddr(base), mapped, prot);
    if (status != OK) {
        area_destroy(a, NULL);
        return status;
    }
    *out = a->start + (pa.raw - base);
    return OK;
}

status_t kmap_device(paddr_t pa, size_t size, vaddr_t *out)
{
    if (memory_has_ram(pa, size)) {
        return ERR_INVAL;
    }
    return map_window(pa, size, ARCH_MAP_READ | ARCH_MAP_WRITE | ARCH_MAP_DEVICE, out);
}

status_t kmap_memory(paddr_t pa, size_t size, const void **out)
{
    vaddr_t va = 0;
    status_t status = map_window(pa, size, ARCH_MAP_READ, &va);
    if (status == OK) {
        *out = (const void *)va;
    }
    return status;
}

void kmap_unmap(vaddr_t va)
{
    area_destroy(area_at(align_down(va, PAGE_SIZE)), NULL);
}

/* ---- Stacks ---- */

static void free_stack_page(void *, vaddr_t, paddr_t pa, size_t)
{
    page_free(page_of(pa), 0);
}

static void destroy_stack(void *stack)
{
    area_destroy(area_at((vaddr_t)stack), free_stack_page);
}

static status_t fill_stack(vaddr_t start)
{
    for (size_t at = 0; at < KERNEL_STACK_SIZE; at += PAGE_SIZE) {
        struct page *p = NULL;
        status_t status = page_alloc_one(PAGE_ANY, PAGE_KERNEL, &p);
        if (status != OK) {
            return status;
        }
        status = arch_map(&arch_kernel_aspace, start + at, page_paddr(p), PAGE_SIZE,
                          ARCH_MAP_READ | ARCH_MAP_WRITE);
        if (status != OK) {
            page_free(p, 0);
            return status;
        }
    }
    return OK;
}

static struct kept_stack *take_kept(void)
{
    irqflags_t flags = spin_lock_irqsave(&kmap.lock);
    struct kept_stack *stack = kmap.kept;
    if (stack != NULL) {
        kmap.kept = stack->next;
        kmap.kept_count--;
    }
    spin_unlock_irqrestore(&kmap.lock, flags);
    return stack;
}

status_t kmap_stack_alloc(void **out)
{
    struct kept_stack *kept = take_kept();
    if (kept != NULL) {
        *out = kept;
        return OK;
    }
    struct area *a = NULL;
    status_t status =
        area_create(0, KERNEL_STACK_SIZE, KERNEL_STACK_SIZE, 2ul * KERNEL_STACK_SIZE, &a);
    if (status != OK) {
        return status;
    }
    status = fill_stack(a->start);
    if (status != OK) {
        area_destroy(a, free_stack_page);
        return status;
    }
    *out = (void *)a->start;
    return OK;
}

void kmap_stack_free(void *stack)
{
    struct kept_stack *kept = stack;
    irqflags_t flags = spin_lock_irqsave(&kmap.lock);
    bool is_kept = kmap.kept_count < STACKS_KEPT;
    if (is_kept) {
        kept->next = kmap.kept;
        kmap.kept = kept;
        kmap.kept_count++;
    }
    spin_unlock_irqrestore(&kmap.lock, flags);
    if (!is_kept) {
        destroy_stack(stack);
    }
}

static bool lock_is_free(void)
{
    if (!spin_try_lock(&kmap.lock)) {
        return false;
    }
    spin_unlock(&kmap.lock);
    return true;
}

static size_t shrink_stacks(size_t)
{
    size_t pages = 0;
    irqflags_t flags = arch_irq_save();
    // Once the lock was free, nothing below us on this CPU holds it: then it may be waited for.
    if (lock_is_free()) {
        for (struct kept_stack *s = take_kept(); s != NULL; s = take_kept()) {
            destroy_stack(s);
            pages += KERNEL_STACK_SIZE / PAGE_SIZE;
        }
    }
    arch_irq_restore(flags);
    return pages;
}

bool kmap_is_guard(vaddr_t va)
{
    if (va < ORIGIN || va >= KMAP_END) {
        return false;
    }
    irqflags_t flags = arch_irq_save();
    bool is_guard = false;
    if (spin_try_lock(&kmap.lock)) { // a crashing CPU may hold it
        const struct area *a = area_find_locked(va);
        is_guard = a != NULL && va < a->start;
        spin_unlock(&kmap.lock);
    }
    arch_irq_restore(flags);
    return is_guard;
}

void kmap_init(void)
{
    // Tables for the first areas, which every machine needs; without memory it is tried again later.
    (void)arch_map_prepare(&arch_kernel_aspace, ORIGIN, PAGE_SIZE);
    (void)arch_map_prepare(&arch_kernel_aspace, ORIGIN + WINDOWS, PAGE_SIZE);
    kmap.shrinker.shrink = shrink_stacks;
    page_add_shrinker(&kmap.shrinker);
}
