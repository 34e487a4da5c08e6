// SPDX-License-Identifier: Apache-2.0
#include "lib/alloc/buddy.h"

#include "lib/base/bits.h"

static struct buddy_frame *record(const struct buddy *b, uint32_t frame)
{
    return (struct buddy_frame *)(b->records + (size_t)frame * BUDDY_RECORD_SIZE);
}

static void push(struct buddy *b, uint32_t frame, unsigned order)
{
    struct buddy_frame *f = record(b, frame);
    f->order = (uint8_t)order;
    f->state = BUDDY_FREE;
    // The list is a ring, which needs no value for "none".
    if ((b->orders >> order & 1) == 0) {
        f->next = frame;
        f->prev = frame;
        b->orders |= 1u << order;
    } else {
        uint32_t head = b->heads[order];
        struct buddy_frame *h = record(b, head);
        f->next = head;
        f->prev = h->prev;
        record(b, h->prev)->next = frame;
        h->prev = frame;
    }
    b->heads[order] = frame;
}

static void unlink_block(struct buddy *b, uint32_t frame, unsigned order)
{
    struct buddy_frame *f = record(b, frame);
    f->state = 0;
    if (f->next == frame) {
        b->orders &= ~(1u << order);
        return;
    }
    record(b, f->prev)->next = f->next;
    record(b, f->next)->prev = f->prev;
    if (b->heads[order] == frame) {
        b->heads[order] = f->next;
    }
}

void buddy_init(struct buddy *b, void *records)
{
    *b = (struct buddy){.records = records};
}

bool buddy_alloc(struct buddy *b, unsigned order, uint32_t *frame)
{
    if (order > BUDDY_MAX_ORDER || b->orders >> order == 0) {
        return false;
    }
    unsigned found = order + (unsigned)__builtin_ctz(b->orders >> order);
    uint32_t first = b->heads[found];
    unlink_block(b, first, found);
    // Keep the lower half, give the upper one back, until it is small enough.
    while (found > order) {
        found--;
        push(b, first + (1u << found), found);
    }
    b->free_frames -= 1u << order;
    *frame = first;
    return true;
}

bool buddy_alloc_up_to(struct buddy *b, unsigned max_order, uint32_t *frame, unsigned *order)
{
    if (b->orders == 0) {
        return false;
    }
    unsigned wanted = max_order;
    if (b->orders >> max_order == 0) {
        wanted = log2_floor(b->orders);
    }
    *order = wanted;
    return buddy_alloc(b, wanted, frame);
}

void buddy_free(struct buddy *b, uint32_t frame, unsigned order)
{
    b->free_frames += 1u << order;
    while (order < BUDDY_MAX_ORDER) {
        uint32_t other = frame ^ (1u << order);
        const struct buddy_frame *f = record(b, other);
        if (f->state != BUDDY_FREE || f->order != order) {
            break;
        }
        unlink_block(b, other, order);
        frame &= ~(1u << order);
        order++;
    }
    push(b, frame, order);
}

void buddy_free_range(struct buddy *b, uint32_t first, uint32_t end)
{
    while (first < end) {
        unsigned order = BUDDY_MAX_ORDER;
        if (first != 0 && (unsigned)__builtin_ctz(first) < order) {
            order = (unsigned)__builtin_ctz(first);
        }
        if (log2_floor(end - first) < order) {
            order = log2_floor(end - first);
        }
        buddy_free(b, first, order);
        first += 1u << order;
    }
}
