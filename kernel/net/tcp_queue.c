// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/tcp_queue.h"

#include "kernel/core/panic.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

/* ---- Pieces ---- */

enum {
    SMALL_STEP = 256, // sizes of small pieces with their record
    PAGE_CHARGE = PAGE_SIZE,
};

static uint8_t *bytes_of(struct tcp_piece *p)
{
    return (uint8_t *)p->memory;
}

static struct page **pages_of(struct tcp_piece *p)
{
    return (struct page **)(void *)p->memory;
}

// Where the byte at `at` lies, and how many follow it in one piece.
static uint8_t *place_at(struct tcp_piece *p, uint32_t at, uint32_t *follow)
{
    if (p->page_count == 0) {
        *follow = p->room - at;
        return bytes_of(p) + at;
    }
    *follow = PAGE_SIZE - at % PAGE_SIZE;
    return (uint8_t *)page_virt(pages_of(p)[at / PAGE_SIZE]) + at % PAGE_SIZE;
}

static status_t create_small(size_t size, struct tcp_piece **out)
{
    void *memory;
    size_t whole = align_up(sizeof(struct tcp_piece) + size, SMALL_STEP);
    status_t status = heap_alloc(whole, &memory);
    if (status != OK) {
        return status;
    }
    *out = memory;
    **out = (struct tcp_piece){.room = (uint32_t)(whole - sizeof(struct tcp_piece)),
                               .charge = (uint32_t)whole};
    return OK;
}

static status_t create_record(unsigned page_count, struct tcp_piece **out)
{
    void *memory;
    size_t size = sizeof(struct tcp_piece) + page_count * sizeof(struct page *);
    status_t status = heap_alloc(size, &memory);
    if (status != OK) {
        return status;
    }
    *out = memory;
    **out = (struct tcp_piece){.charge = (uint32_t)size};
    return OK;
}

status_t tcp_piece_create(size_t size, bool is_alone, struct tcp_piece **out)
{
    if (is_alone && size <= TCP_PIECE_SMALL_MAX) {
        return create_small(size, out);
    }
    unsigned count = (unsigned)u64_min(pages_for(size), TCP_PIECE_PAGES_MAX);
    struct tcp_piece *p;
    status_t status = create_record(count, &p);
    if (status != OK) {
        return status;
    }
    while (p->page_count < count &&
           page_alloc_one(PAGE_ANY, PAGE_KERNEL, &pages_of(p)[p->page_count]) == OK) {
        p->page_count++;
    }
    if (p->page_count == 0) {
        heap_free(p);
        return ERR_NOMEM;
    }
    p->room = p->page_count * PAGE_SIZE;
    p->charge += p->page_count * PAGE_CHARGE;
    *out = p;
    return OK;
}

status_t tcp_piece_create_pages(struct page *const *pages, uint32_t offset, uint32_t size,
                                struct tcp_piece **out)
{
    unsigned count = (unsigned)pages_for(offset + size);
    assert(size > 0 && offset < PAGE_SIZE);
    status_t status = create_record(count, out);
    if (status != OK) {
        return status;
    }
    struct tcp_piece *p = *out;
    memcpy(pages_of(p), pages, count * sizeof(pages[0]));
    p->page_count = count;
    p->begin = offset;
    p->end = offset;
    p->room = offset + size;
    p->charge += count * PAGE_CHARGE;
    return OK;
}

void tcp_piece_free(struct tcp_piece *p)
{
    if (p != NULL) {
        page_unref_all(pages_of(p), p->page_count);
        heap_free(p);
    }
}

void tcp_pieces_free(struct list *pieces)
{
    for (struct list *node; (node = list_pop(pieces)) != NULL;) {
        tcp_piece_free(container_of(node, struct tcp_piece, link));
    }
}

status_t tcp_piece_fill(struct tcp_piece *p, struct uio *from, size_t size, uint32_t *moved)
{
    uint32_t at = p->end;
    uint32_t end = (uint32_t)u64_min(p->room, at + size);
    status_t status = OK;
    while (status == OK && at < end) {
        uint32_t follow;
        uint8_t *place = place_at(p, at, &follow);
        size_t before = from->left;
        status = uio_get(from, place, u64_min(follow, end - at));
        at += (uint32_t)(before - from->left);
    }
    *moved = at - p->end;
    return status;
}

/* ---- The queue of what is to send ---- */

void tcp_send_queue_init(struct tcp_send_queue *q)
{
    *q = (struct tcp_send_queue){.filling = NULL};
    list_init(&q->pieces);
}

static struct tcp_piece *piece_in(struct list *node)
{
    return container_of(node, struct tcp_piece, link);
}

void tcp_send_queue_append(struct tcp_send_queue *q, struct tcp_piece *p, uint32_t size)
{
    p->first = q->end;
    p->end += size;
    q->end += size;
    q->charge += p->charge;
    list_add_tail(&q->pieces, &p->link);
}

struct tcp_piece *tcp_send_queue_fill_begin(struct tcp_send_queue *q)
{
    if (list_is_empty(&q->pieces)) {
        return NULL;
    }
    struct tcp_piece *last = piece_in(q->pieces.prev);
    if (tcp_piece_room(last) == 0) {
        return NULL;
    }
    q->filling = last;
    return last;
}

static void take_out(struct tcp_send_queue *q, struct tcp_piece *p, struct list *done)
{
    list_del(&p->link);
    list_add_tail(done, &p->link);
    q->charge -= p->charge;
    if (q->cursor == p) {
        q->cursor = NULL;
    }
}

void tcp_send_queue_fill_end(struct tcp_send_queue *q, uint32_t size, struct list *done)
{
    struct tcp_piece *p = q->filling;
    q->filling = NULL;
    p->end += size;
    q->end += size;
    if (p->begin == p->end) {
        take_out(q, p, done);
    }
}

void tcp_send_queue_drop(struct tcp_send_queue *q, uint32_t bytes, struct list *done)
{
    assert(bytes <= tcp_send_queue_bytes(q));
    q->first += bytes;
    while (bytes > 0) {
        struct tcp_piece *p = piece_in(q->pieces.next);
        uint32_t part = (uint32_t)u64_min(bytes, p->end - p->begin);
        p->begin += part;
        p->first += part;
        bytes -= part;
        if (p->begin == p->end && p != q->filling) {
            take_out(q, p, done);
        }
    }
}

void tcp_send_queue_purge(struct tcp_send_queue *q, struct list *done)
{
    tcp_send_queue_drop(q, tcp_send_queue_bytes(q), done);
}

// The piece that has the byte at `position`, and where in its memory.
static struct tcp_piece *find(struct tcp_send_queue *q, uint32_t position, uint32_t *at)
{
    struct tcp_piece *p = q->cursor;
    if (p == NULL || (int32_t)(position - p->first) < 0) {
        p = piece_in(q->pieces.next);
    }
    while (position - p->first >= p->end - p->begin) {
        p = piece_in(p->link.next);
    }
    q->cursor = p;
    *at = p->begin + (position - p->first);
    return p;
}

uint32_t tcp_send_queue_front(struct tcp_send_queue *q, uint32_t offset, uint32_t size)
{
    uint32_t at;
    if (size == 0) {
        return 0;
    }
    const struct tcp_piece *p = find(q, q->first + offset, &at);
    return p->page_count == 0 ? (uint32_t)u64_min(size, p->end - at) : 0;
}

static status_t add_slices(struct tcp_piece *p, uint32_t at, uint32_t size, struct packet *to)
{
    status_t status = OK;
    while (status == OK && size > 0) {
        uint32_t offset = at % PAGE_SIZE;
        uint32_t part = (uint32_t)u64_min(size, PAGE_SIZE - offset);
        status =
            packet_add_slice(to, pages_of(p)[at / PAGE_SIZE], (uint16_t)offset, (uint16_t)part);
        at += part;
        size -= part;
    }
    return status;
}

// What lies behind a record can only be copied, to the front.
static status_t add_part(struct tcp_piece *p, uint32_t at, uint32_t size, struct packet *to)
{
    if (p->page_count != 0) {
        return add_slices(p, at, size, to);
    }
    if (to->slice_count != 0) {
        return ERR_NOSPC;
    }
    memcpy(packet_put(to, size), bytes_of(p) + at, size);
    return OK;
}

static status_t put_references(struct tcp_send_queue *q, uint32_t position, uint32_t size,
                               struct packet *to)
{
    status_t status = OK;
    while (status == OK && size > 0) {
        uint32_t at;
        struct tcp_piece *p = find(q, position, &at);
        uint32_t part = (uint32_t)u64_min(size, p->end - at);
        status = add_part(p, at, part, to);
        position += part;
        size -= part;
    }
    return status;
}

static void copy_page(struct tcp_send_queue *q, uint32_t position, uint32_t size, uint8_t *to)
{
    while (size > 0) {
        uint32_t at;
        uint32_t follow;
        struct tcp_piece *p = find(q, position, &at);
        const uint8_t *place = place_at(p, at, &follow);
        uint32_t part = (uint32_t)u64_min(size, u64_min(follow, p->end - at));
        memcpy(to, place, part);
        to += part;
        position += part;
        size -= part;
    }
}

// The range lies in more places than a packet has slices: its bytes move to pages of their own.
static status_t put_copy(struct tcp_send_queue *q, uint32_t position, uint32_t size,
                         struct packet *to)
{
    while (size > 0) {
        struct page *page;
        uint32_t part = (uint32_t)u64_min(size, PAGE_SIZE);
        status_t status = page_alloc_one(PAGE_ANY, PAGE_KERNEL, &page);
        if (status != OK) {
            return status;
        }
        copy_page(q, position, part, page_virt(page));
        status = packet_add_slice(to, page, 0, (uint16_t)part);
        page_unref(page); // the packet has its own reference
        if (status != OK) {
            return status;
        }
        position += part;
        size -= part;
    }
    return OK;
}

status_t tcp_send_queue_put(struct tcp_send_queue *q, uint32_t offset, uint32_t size,
                            struct packet *p)
{
    uint32_t position = q->first + offset;
    status_t status = put_references(q, position, size, p);
    if (status == ERR_NOSPC) {
        packet_trim(p, 0);
        status = put_copy(q, position, size, p);
    }
    return status;
}

/* ---- What was received ---- */

enum { JOIN_MAX = 1024 }; // larger packets are worth their memory

void tcp_receive_queue_init(struct tcp_receive_queue *q)
{
    *q = (struct tcp_receive_queue){.next = 0};
    list_init(&q->ready);
    list_init(&q->early);
}

static struct packet *packet_in(struct list *node)
{
    return container_of(node, struct packet, link);
}

static size_t tailroom(const struct packet *p)
{
    return p->slice_count != 0 ? 0 : (size_t)(p->area + p->area_size - p->data) - p->size;
}

static bool try_join(struct packet *last, struct packet *p)
{
    if (tailroom(last) < p->total) {
        return false;
    }
    uint32_t size = p->total;
    packet_copy_out(p, 0, packet_put(last, size), size);
    packet_free(p);
    return true;
}

// Many small packets are put into one that has room for more.
static struct packet *gather(struct packet *p)
{
    struct packet *big;
    if (packet_alloc(PACKET_LINEAR_MAX, &big) != OK) {
        return p;
    }
    (void)try_join(big, p);
    return big;
}

static void add_ready(struct tcp_receive_queue *q, struct packet *p, uint32_t limit)
{
    uint32_t size = p->total;
    q->next += size;
    q->bytes += size;
    if (size <= JOIN_MAX && !list_is_empty(&q->ready)) {
        if (try_join(packet_in(q->ready.prev), p)) {
            return;
        }
        p = q->charge > limit / 4 ? gather(p) : p;
    }
    q->charge += p->charge;
    list_add_tail(&q->ready, &p->link);
}

static void add_early(struct tcp_receive_queue *q, struct packet *p)
{
    struct list *after = q->early.prev;
    while (after != &q->early && (int32_t)(packet_in(after)->position - p->position) > 0) {
        after = after->prev;
    }
    list_insert_between(&p->link, after, after->next);
    q->charge += p->charge;
}

void tcp_receive_queue_put(struct tcp_receive_queue *q, struct packet *p, uint32_t offset,
                           uint32_t limit)
{
    p->position = q->next + offset;
    if (offset != 0) {
        add_early(q, p);
        return;
    }
    add_ready(q, p, limit);
    struct list *node;
    while ((node = list_first(&q->early)) != NULL && packet_in(node)->position == q->next) {
        struct packet *next = packet_in(node);
        list_del(node);
        q->charge -= next->charge;
        add_ready(q, next, limit);
    }
}

struct packet *tcp_receive_queue_take(struct tcp_receive_queue *q, uint32_t size)
{
    struct packet *p = packet_in(q->ready.next);
    q->bytes -= size;
    if (size < p->total) {
        uint32_t before = p->charge;
        packet_pull(p, size);
        q->charge -= before - p->charge;
        return NULL;
    }
    list_del_init(&p->link);
    q->charge -= p->charge;
    return p;
}

void tcp_receive_queue_purge(struct tcp_receive_queue *q, struct list *done)
{
    list_move_all(&q->ready, done);
    list_move_all(&q->early, done);
    q->bytes = 0;
    q->charge = 0;
}

status_t tcp_packet_copy(const struct packet *p, uint32_t skip, uint32_t size, struct uio *to)
{
    status_t status = OK;
    if (skip < p->size) {
        uint32_t part = (uint32_t)u64_min(size, p->size - skip);
        status = uio_put(to, p->data + skip, part);
        skip += part;
        size -= part;
    }
    uint32_t at = p->size;
    for (unsigned i = 0; status == OK && size > 0 && i < p->slice_count; i++) {
        const struct packet_slice *s = &p->slices[i];
        if (skip < at + s->size) {
            uint32_t part = (uint32_t)u64_min(size, at + s->size - skip);
            status =
                uio_put(to, (const uint8_t *)page_virt(s->page) + s->offset + (skip - at), part);
            skip += part;
            size -= part;
        }
        at += s->size;
    }
    return status;
}
