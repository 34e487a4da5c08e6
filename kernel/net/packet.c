// SPDX-License-Identifier: Apache-2.0
/* A packet is one block of the heap: its record, and behind that the area that `data` moves in. */
#include "kernel/net/packet.h"

#include "kernel/core/panic.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/net/checksum.h"

static size_t tailroom(const struct packet *p)
{
    return (size_t)(p->area + p->area_size - p->data) - p->size;
}

static status_t alloc(size_t area_size, struct packet **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct packet) + area_size, &memory);
    if (status != OK) {
        return status;
    }
    struct packet *p = memory;
    memset(p, 0, offsetof(struct packet, slices));
    list_init(&p->link);
    p->area = (uint8_t *)(p + 1);
    p->area_size = (uint32_t)area_size;
    p->data = p->area;
    p->charge = (uint32_t)(sizeof(struct packet) + area_size);
    *out = p;
    return OK;
}

status_t packet_alloc(size_t size, struct packet **out)
{
    assert(size <= PACKET_LINEAR_MAX);
    status_t status = alloc(PACKET_HEADROOM + size, out);
    if (status == OK) {
        (*out)->data += PACKET_HEADROOM;
    }
    return status;
}

void packet_disown(struct packet *p)
{
    void (*freed)(struct packet *p) = p->freed;
    if (freed != NULL) {
        p->freed = NULL;
        freed(p);
    }
}

void packet_free(struct packet *p)
{
    if (p == NULL) {
        return;
    }
    packet_disown(p);
    for (unsigned i = 0; i < p->slice_count; i++) {
        page_unref(p->slices[i].page);
    }
    heap_free(p);
}

void packet_free_list(struct list *packets)
{
    struct list *node;
    while ((node = list_pop(packets)) != NULL) {
        packet_free(container_of(node, struct packet, link));
    }
}

uint8_t *packet_push(struct packet *p, size_t size)
{
    assert(size <= (size_t)(p->data - p->area));
    p->data -= size;
    p->size += (uint32_t)size;
    p->total += (uint32_t)size;
    return p->data;
}

uint8_t *packet_put(struct packet *p, size_t size)
{
    assert(p->slice_count == 0 && size <= tailroom(p));
    uint8_t *place = p->data + p->size;
    p->size += (uint32_t)size;
    p->total += (uint32_t)size;
    return place;
}

static uint8_t *bytes_of(const struct packet_slice *s)
{
    return (uint8_t *)page_virt(s->page) + s->offset;
}

// Takes the first `count` slices out.
static void drop_slices(struct packet *p, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        page_unref(p->slices[i].page);
    }
    p->slice_count -= (uint8_t)count;
    memmove(p->slices, p->slices + count, p->slice_count * sizeof(p->slices[0]));
}

// Takes `size` bytes away from the begin of the slices; copies them to `to`, unless that is NULL.
static void take_from_slices(struct packet *p, uint8_t *to, size_t size)
{
    unsigned empty = 0;
    while (size != 0) {
        struct packet_slice *s = &p->slices[empty];
        size_t part = u64_min(size, s->size);
        if (to != NULL) {
            memcpy(to, bytes_of(s), part);
            to += part;
        }
        s->offset += (uint16_t)part;
        s->size -= (uint16_t)part;
        size -= part;
        empty += s->size == 0;
    }
    drop_slices(p, empty);
}

status_t packet_gather(struct packet *p, size_t size)
{
    if (size > p->total) {
        return ERR_INVAL;
    }
    size_t missing = size - p->size;
    if (missing > tailroom(p)) {
        return ERR_NOMEM;
    }
    take_from_slices(p, p->data + p->size, missing);
    p->size += (uint32_t)missing;
    return OK;
}

void packet_pull(struct packet *p, size_t size)
{
    assert(size <= p->total);
    size_t front = u64_min(size, p->size);
    p->data += front;
    p->size -= (uint32_t)front;
    p->total -= (uint32_t)size;
    take_from_slices(p, NULL, size - front);
}

void packet_trim(struct packet *p, size_t size)
{
    assert(size <= p->total);
    size_t too_many = p->total - size;
    p->total = (uint32_t)size;
    while (too_many != 0 && p->slice_count != 0) {
        struct packet_slice *last = &p->slices[p->slice_count - 1];
        size_t part = u64_min(too_many, last->size);
        last->size -= (uint16_t)part;
        too_many -= part;
        if (last->size == 0) {
            page_unref(last->page);
            p->slice_count--;
        }
    }
    p->size -= (uint32_t)too_many;
}

status_t packet_add_slice(struct packet *p, struct page *page, uint16_t offset, uint16_t size)
{
    assert(offset + size <= PAGE_SIZE);
    if (p->slice_count == PACKET_SLICES_MAX) {
        return ERR_NOSPC;
    }
    page_ref(page);
    p->slices[p->slice_count++] = (struct packet_slice){page, offset, size};
    p->total += size;
    p->charge += size;
    return OK;
}

// The piece of the packet that has the byte at `offset`: from there to the piece's end.
static struct span piece_at(const struct packet *p, size_t offset)
{
    if (offset < p->size) {
        return span_of(p->data + offset, p->size - offset);
    }
    offset -= p->size;
    const struct packet_slice *s = p->slices;
    while (offset >= s->size) {
        offset -= s->size;
        s++;
    }
    return span_of(bytes_of(s) + offset, s->size - offset);
}

void packet_copy_out(const struct packet *p, size_t offset, void *to, size_t size)
{
    assert(offset <= p->total && size <= p->total - offset);
    uint8_t *at = to;
    while (size != 0) {
        struct span piece = piece_at(p, offset);
        size_t part = u64_min(size, piece.size);
        memcpy(at, piece.data, part);
        at += part;
        offset += part;
        size -= part;
    }
}

status_t packet_clone(const struct packet *p, struct packet **out)
{
    struct packet *copy;
    status_t status = alloc(p->area_size, &copy);
    if (status != OK) {
        return status;
    }
    // What was pulled lies before the data; `network` is somewhere there.
    size_t headroom = (size_t)(p->data - p->area);
    memcpy(copy->area, p->area, headroom + p->size);
    copy->data += headroom;
    copy->size = p->size;
    copy->total = p->size;
    copy->netif = p->netif;
    copy->checksum = p->checksum;
    copy->sum_start = p->sum_start;
    copy->sum_offset = p->sum_offset;
    copy->segment_size = p->segment_size;
    copy->network = p->network;
    copy->segments = p->segments;
    for (unsigned i = 0; i < p->slice_count; i++) {
        const struct packet_slice *s = &p->slices[i];
        (void)packet_add_slice(copy, s->page, s->offset, s->size); // there are as many places
    }
    *out = copy;
    return OK;
}

uint32_t packet_sum(const struct packet *p, size_t offset, size_t size, uint32_t sum)
{
    assert(offset <= p->total && size <= p->total - offset);
    size_t done = 0;
    sum = checksum_fold(sum);
    while (done < size) {
        struct span piece = piece_at(p, offset + done);
        piece.size = u64_min(piece.size, size - done);
        sum = checksum_join(sum, checksum_add(0, piece.data, piece.size), done);
        done += piece.size;
    }
    return sum;
}

void packet_finish_checksum(struct packet *p)
{
    assert(p->checksum == PACKET_SUM_PARTIAL);
    assert(p->sum_start + p->sum_offset + sizeof(uint16_t) <= p->size);
    uint32_t sum = packet_sum(p, p->sum_start, p->total - p->sum_start, 0);
    // To UDP a field of 0 means that there is no sum; to all others the two zeros are one number.
    write_be16(p->data + p->sum_start + p->sum_offset, checksum_not_zero(checksum_finish(sum)));
    p->checksum = PACKET_SUM_NONE;
}
