// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/page_ring.h"

#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"

static status_t allocate_table(size_t capacity, void ***pages, uint32_t *slots)
{
    void *memory;
    *slots = (uint32_t)(capacity >> PAGE_SHIFT) + 1;
    status_t status = heap_alloc_array(*slots, sizeof(void *), &memory);
    *pages = status == OK ? memory : NULL;
    return status;
}

status_t page_ring_init(struct page_ring *r, size_t capacity)
{
    *r = (struct page_ring){0};
    return allocate_table(capacity, &r->pages, &r->slots);
}

static void free_page(void *page)
{
    if (page != NULL) {
        page_free(page_of(virt_to_phys(page)), 0);
    }
}

void page_ring_clear(struct page_ring *r)
{
    for (uint32_t i = 0; i < r->slots; i++) {
        free_page(r->pages[i]);
        r->pages[i] = NULL;
    }
    free_page(r->spare);
    r->spare = NULL;
    r->count = 0;
    r->head_offset = 0;
}

void page_ring_fini(struct page_ring *r)
{
    page_ring_clear(r);
    heap_free((void *)r->pages);
}

// The slot `distance` pages behind that of the first byte.
static uint32_t slot_at(const struct page_ring *r, size_t distance)
{
    uint32_t slot = r->head_slot + (uint32_t)distance;
    return slot >= r->slots ? slot - r->slots : slot;
}

status_t page_ring_resize(struct page_ring *r, size_t capacity)
{
    if (capacity < r->count) {
        return ERR_BUSY;
    }
    void **pages;
    uint32_t slots;
    status_t status = allocate_table(capacity, &pages, &slots);
    if (status != OK) {
        return status;
    }
    for (uint32_t i = 0; i < r->slots; i++) {
        void *page = r->pages[slot_at(r, i)];
        if (i < slots && i < pages_for(r->head_offset + r->count)) {
            pages[i] = page;
        } else {
            free_page(page);
        }
    }
    heap_free((void *)r->pages);
    r->pages = pages;
    r->slots = slots;
    r->head_slot = 0;
    return OK;
}

static status_t page_for_bytes(struct page_ring *r, void **slot)
{
    if (*slot != NULL) {
        return OK;
    }
    if (r->spare != NULL) {
        *slot = r->spare;
        r->spare = NULL;
        return OK;
    }
    struct page *page;
    status_t status = page_alloc_one(PAGE_ANY, PAGE_KERNEL, &page);
    if (status == OK) {
        *slot = page_virt(page);
    }
    return status;
}

status_t page_ring_put(struct page_ring *r, struct uio *from)
{
    status_t status = OK;
    while (status == OK && from->left > 0 && page_ring_room(r) > 0) {
        size_t end = r->head_offset + r->count;
        void **slot = &r->pages[slot_at(r, end >> PAGE_SHIFT)];
        size_t offset = end & (PAGE_SIZE - 1);
        status = page_for_bytes(r, slot);
        if (status == OK) {
            size_t before = from->left;
            size_t n = u64_min(PAGE_SIZE - offset, page_ring_room(r));
            status = uio_get(from, (char *)*slot + offset, n);
            r->count += before - from->left;
        }
        thread_preempt_point();
    }
    return status;
}

static void leave_head_page(struct page_ring *r)
{
    void *page = r->pages[r->head_slot];
    r->pages[r->head_slot] = NULL;
    if (r->spare == NULL) {
        r->spare = page;
    } else {
        free_page(page);
    }
    r->head_slot = slot_at(r, 1);
    r->head_offset = 0;
}

static void drop_front(struct page_ring *r, size_t n)
{
    r->count -= n;
    r->head_offset += (uint32_t)n;
    if (r->count == 0) {
        // The next bytes begin at the page's beginning, where it is warm.
        r->head_offset = 0;
    } else if (r->head_offset == PAGE_SIZE) {
        leave_head_page(r);
    }
}

status_t page_ring_take(struct page_ring *r, struct uio *to)
{
    status_t status = OK;
    while (status == OK && to->left > 0 && r->count > 0) {
        size_t before = to->left;
        size_t n = u64_min(PAGE_SIZE - r->head_offset, r->count);
        status = uio_put(to, (const char *)r->pages[r->head_slot] + r->head_offset, n);
        drop_front(r, before - to->left);
        thread_preempt_point();
    }
    return status;
}
