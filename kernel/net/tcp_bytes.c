// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/tcp_bytes.h"

#include "kernel/core/panic.h"
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "lib/base/string.h"

static struct tcp_run_of_bytes *run_of(struct list *node)
{
    return container_of(node, struct tcp_run_of_bytes, link);
}

static uint8_t *bytes_at(const struct tcp_run_of_bytes *r, uint32_t offset)
{
    return (uint8_t *)page_virt(r->page) + offset;
}

static uint32_t size_of(const struct tcp_run_of_bytes *r)
{
    return (uint32_t)(r->end - r->begin);
}

static void free_run(struct tcp_run_of_bytes *r)
{
    page_unref(r->page);
    heap_free(r);
}

static void clear(struct list *runs)
{
    for (struct list *node; (node = list_pop(runs)) != NULL;) {
        free_run(run_of(node));
    }
}

void tcp_bytes_init(struct tcp_bytes *b)
{
    list_init(&b->runs);
    b->size = 0;
}

void tcp_bytes_clear(struct tcp_bytes *b)
{
    clear(&b->runs);
    b->size = 0;
}

void tcp_batch_clear(struct tcp_batch *b)
{
    clear(&b->runs);
    b->size = 0;
}

/* ---- Adding ---- */

static status_t add_run(struct tcp_batch *b, struct page *page, struct tcp_run_of_bytes **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct tcp_run_of_bytes), &memory);
    if (status != OK) {
        return status;
    }
    struct tcp_run_of_bytes *r = memory;
    *r = (struct tcp_run_of_bytes){.page = page};
    list_add_tail(&b->runs, &r->link);
    *out = r;
    return OK;
}

static status_t add_page(struct tcp_batch *b, struct tcp_run_of_bytes **out)
{
    struct page *page;
    status_t status = page_alloc_one(PAGE_ANY, PAGE_KERNEL, &page);
    if (status != OK) {
        return status;
    }
    status = add_run(b, page, out);
    if (status != OK) {
        page_unref(page);
        return status;
    }
    (*out)->is_ours = true;
    return OK;
}

status_t tcp_batch_copy(struct tcp_batch *b, struct uio *from, uint32_t size)
{
    status_t status = OK;
    size = (uint32_t)u64_min(size, from->left);
    while (status == OK && size != 0) {
        struct tcp_run_of_bytes *r;
        status = add_page(b, &r);
        if (status != OK) {
            break;
        }
        size_t before = from->left;
        status = uio_get(from, bytes_at(r, 0), u64_min(size, PAGE_SIZE));
        r->end = (uint16_t)(before - from->left);
        b->size += r->end;
        size -= r->end;
        if (r->end == 0) {
            list_del(&r->link);
            free_run(r);
        }
        thread_preempt_point();
    }
    return status;
}

status_t tcp_batch_show(struct tcp_batch *b, struct page *page, uint16_t begin, uint16_t size)
{
    struct tcp_run_of_bytes *r;
    status_t status = add_run(b, page, &r);
    if (status == OK) {
        page_ref(page);
        r->begin = begin;
        r->end = (uint16_t)(begin + size);
        b->size += size;
    }
    return status;
}

static bool join_last(struct tcp_bytes *b, const struct tcp_run_of_bytes *r)
{
    if (list_is_empty(&b->runs) || size_of(r) > TCP_COPY_MAX) {
        return false;
    }
    struct tcp_run_of_bytes *last = run_of(b->runs.prev);
    if (!last->is_ours || size_of(r) > (uint32_t)(PAGE_SIZE - last->end)) {
        return false;
    }
    memcpy(bytes_at(last, last->end), bytes_at(r, r->begin), size_of(r));
    last->end = (uint16_t)(last->end + size_of(r));
    return true;
}

void tcp_bytes_append(struct tcp_bytes *b, struct tcp_batch *batch)
{
    if (batch->size == 0) {
        return;
    }
    struct tcp_run_of_bytes *first = run_of(batch->runs.next);
    if (join_last(b, first)) {
        list_del(&first->link);
        free_run(first);
    }
    list_move_all(&batch->runs, &b->runs);
    b->size += batch->size;
    batch->size = 0;
}

/* ---- Dropping ---- */

void tcp_bytes_drop(struct tcp_bytes *b, uint32_t size)
{
    assert(size <= b->size);
    b->size -= size;
    while (size != 0) {
        struct tcp_run_of_bytes *first = run_of(list_first(&b->runs));
        uint32_t part = (uint32_t)u64_min(size, size_of(first));
        first->begin = (uint16_t)(first->begin + part);
        size -= part;
        if (size_of(first) == 0) {
            list_del(&first->link);
            free_run(first);
        }
    }
}

/* ---- Showing ---- */

// Where bytes are: `skip` of the run's are before them.
struct place {
    struct list *node;
    uint32_t skip;
};

static struct place find(const struct tcp_bytes *b, uint32_t offset)
{
    struct list *node = b->runs.next;
    while (offset >= size_of(run_of(node))) {
        offset -= size_of(run_of(node));
        node = node->next;
    }
    return (struct place){node, offset};
}

static void copy(struct place at, uint8_t *to, uint32_t size)
{
    while (size != 0) {
        const struct tcp_run_of_bytes *r = run_of(at.node);
        uint32_t part = (uint32_t)u64_min(size, size_of(r) - at.skip);
        memcpy(to, bytes_at(r, r->begin + at.skip), part);
        to += part;
        size -= part;
        at = (struct place){at.node->next, 0};
    }
}

// False: there are more pieces than a packet shows.
static bool show(struct place at, uint32_t size, struct packet *p)
{
    while (size != 0) {
        const struct tcp_run_of_bytes *r = run_of(at.node);
        uint32_t part = (uint32_t)u64_min(size, size_of(r) - at.skip);
        if (packet_add_slice(p, r->page, (uint16_t)(r->begin + at.skip), (uint16_t)part) != OK) {
            return false;
        }
        size -= part;
        at = (struct place){at.node->next, 0};
    }
    return true;
}

static void drop_slices(struct packet *p)
{
    packet_trim(p, p->size);
}

// Many small pieces become whole pages.
static status_t gather(const struct tcp_bytes *b, uint32_t offset, uint32_t size, struct packet *p)
{
    while (size != 0) {
        struct page *page;
        uint32_t part = (uint32_t)u64_min(size, PAGE_SIZE);
        status_t status = page_alloc_one(PAGE_ANY, PAGE_KERNEL, &page);
        if (status != OK) {
            return status;
        }
        copy(find(b, offset), page_virt(page), part);
        status = packet_add_slice(p, page, 0, (uint16_t)part);
        page_unref(page);
        if (status != OK) {
            return ERR_NOMEM;
        }
        offset += part;
        size -= part;
    }
    return OK;
}

status_t tcp_bytes_to_packet(const struct tcp_bytes *b, uint32_t offset, uint32_t size,
                             struct packet *p)
{
    assert(offset <= b->size && size <= b->size - offset);
    if (size == 0) {
        return OK;
    }
    if (size <= TCP_COPY_MAX) {
        copy(find(b, offset), packet_put(p, size), size);
        return OK;
    }
    if (show(find(b, offset), size, p)) {
        return OK;
    }
    drop_slices(p);
    return gather(b, offset, size, p);
}
