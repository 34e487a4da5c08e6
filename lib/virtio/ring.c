// SPDX-License-Identifier: Apache-2.0
#include "lib/virtio/ring.h"

#include <stdatomic.h>

#include "lib/base/bits.h"

// Shared memory, little endian (2.7.5, 2.7.6, 2.7.8), as the CPU is.
struct ring_descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags;
    uint16_t next;
};
static_assert(sizeof(struct ring_descriptor) == 16);

struct ring_avail {
    _Atomic uint16_t flags;
    _Atomic uint16_t index;
    uint16_t heads[]; // behind them: used_event
};

struct ring_used {
    _Atomic uint16_t flags;
    _Atomic uint16_t index;
    struct ring_used_entry {
        _Atomic uint32_t head;
        _Atomic uint32_t written;
    } entries[]; // behind them: avail_event
};
static_assert(offsetof(struct ring_used, entries) == 4);

enum {
    DESCRIPTOR_NEXT = 1,
    DESCRIPTOR_WRITE = 2,
    USED_NO_NOTIFY = 1,
    AVAIL_NO_INTERRUPT = 1,
    EVENT_SIZE = 2, // the field behind either ring
    DESCRIPTOR_ALIGN = 16,
    USED_ALIGN = 4,
};

struct ring_layout ring_layout(uint16_t size)
{
    struct ring_layout l = {0};
    l.avail = size * sizeof(struct ring_descriptor);
    size_t avail_end = l.avail + sizeof(struct ring_avail) + size * sizeof(uint16_t) + EVENT_SIZE;
    l.used = (size_t)align_up(avail_end, USED_ALIGN);
    size_t used_end =
        l.used + sizeof(struct ring_used) + size * sizeof(struct ring_used_entry) + EVENT_SIZE;
    l.size = (size_t)align_up(used_end, DESCRIPTOR_ALIGN);
    return l;
}

void ring_init(struct ring *r, uint16_t size, void *shared, struct ring_entry *entries)
{
    struct ring_layout l = ring_layout(size);
    *r = (struct ring){
        .descriptors = shared,
        .avail = (struct ring_avail *)(void *)((char *)shared + l.avail),
        .used = (struct ring_used *)(void *)((char *)shared + l.used),
        .entries = entries,
        .size = size,
        .free = size,
    };
    for (uint16_t i = 0; i < size; i++) {
        entries[i] = (struct ring_entry){.next = (uint16_t)(i + 1)};
    }
}

void ring_add(struct ring *r, uint64_t address, uint32_t size, enum ring_access access)
{
    uint16_t here = r->first_free;
    uint16_t next = r->entries[here].next;
    if (r->building == 0) {
        r->head = here;
        r->entries[here].writable = 0;
    }
    bool is_written = access == RING_DEVICE_WRITES;
    // The last one's link is cut when the chain is published.
    r->descriptors[here] = (struct ring_descriptor){
        .address = address,
        .size = size,
        .flags = (uint16_t)(DESCRIPTOR_NEXT | (is_written ? DESCRIPTOR_WRITE : 0)),
        .next = next,
    };
    r->entries[r->head].writable += is_written ? size : 0;
    r->first_free = next;
    r->free--;
    r->building++;
}

static void cut_chain(struct ring *r)
{
    uint16_t last = r->head;
    for (uint16_t i = 1; i < r->building; i++) {
        last = r->entries[last].next;
    }
    r->descriptors[last].flags &= (uint16_t)~DESCRIPTOR_NEXT;
}

void ring_put(struct ring *r, void *token)
{
    cut_chain(r);
    r->entries[r->head].token = token;
    r->entries[r->head].length = r->building;
    r->building = 0;
    r->in_device++;
    r->avail->heads[r->avail_index & (r->size - 1)] = r->head;
    r->avail_index++;
    atomic_store_explicit(&r->avail->index, r->avail_index, memory_order_release);
}

// Where the device says when it wants to be told, and where we do.
static _Atomic uint16_t *avail_event(const struct ring *r)
{
    return (_Atomic uint16_t *)(void *)&r->used->entries[r->size];
}

static _Atomic uint16_t *used_event(const struct ring *r)
{
    return (_Atomic uint16_t *)(void *)&r->avail->heads[r->size];
}

bool ring_wants_notice(struct ring *r)
{
    uint16_t before = r->told_index;
    r->told_index = r->avail_index;
    if (r->avail_index == before) {
        return false;
    }
    atomic_thread_fence(memory_order_seq_cst);
    if (r->has_events) {
        uint16_t event = atomic_load_explicit(avail_event(r), memory_order_relaxed);
        // Whether the index went past it (2.7.10).
        return (uint16_t)(r->avail_index - event - 1) < (uint16_t)(r->avail_index - before);
    }
    return (atomic_load_explicit(&r->used->flags, memory_order_relaxed) & USED_NO_NOTIFY) == 0;
}

bool ring_publish(struct ring *r, void *token)
{
    ring_put(r, token);
    return ring_wants_notice(r);
}

// Puts the chain's descriptors back into the free list.
static void free_chain(struct ring *r, uint16_t head)
{
    struct ring_entry *first = &r->entries[head];
    uint16_t last = head;
    for (uint16_t i = 1; i < first->length; i++) {
        last = r->entries[last].next;
    }
    r->entries[last].next = r->first_free;
    r->first_free = head;
    r->free = (uint16_t)(r->free + first->length);
    first->token = NULL;
    r->in_device--;
}

// Whether the device has something for us, that it can have.
static bool has_used(struct ring *r)
{
    uint16_t index = atomic_load_explicit(&r->used->index, memory_order_acquire);
    uint16_t done = (uint16_t)(index - r->used_index);
    if (done > r->in_device) {
        r->is_broken = true;
    }
    return !r->is_broken && done != 0;
}

bool ring_take(struct ring *r, struct ring_taken *out)
{
    if (r->is_broken || !has_used(r)) {
        return false;
    }
    struct ring_used_entry *entry = &r->used->entries[r->used_index & (r->size - 1)];
    uint32_t head = atomic_load_explicit(&entry->head, memory_order_relaxed);
    uint32_t written = atomic_load_explicit(&entry->written, memory_order_relaxed);
    if (head >= r->size || r->entries[head].token == NULL || written > r->entries[head].writable) {
        r->is_broken = true;
        return false;
    }
    *out = (struct ring_taken){r->entries[head].token, written, (uint16_t)head};
    __atomic_store_n(&r->used_index, (uint16_t)(r->used_index + 1), __ATOMIC_RELAXED);
    free_chain(r, (uint16_t)head);
    return true;
}

bool ring_has_news(const struct ring *r)
{
    // The driver moves used_index on at the same time; either value will do.
    uint16_t taken = __atomic_load_n(&r->used_index, __ATOMIC_RELAXED);
    return atomic_load_explicit(&r->used->index, memory_order_relaxed) != taken;
}

void ring_disarm(struct ring *r)
{
    // With events the device does not tell again before it is asked again.
    if (!r->has_events) {
        atomic_store_explicit(&r->avail->flags, AVAIL_NO_INTERRUPT, memory_order_relaxed);
    }
}

bool ring_arm(struct ring *r, uint16_t count)
{
    if (r->has_events) {
        uint16_t event = (uint16_t)(r->used_index + count - 1);
        atomic_store_explicit(used_event(r), event, memory_order_relaxed);
    } else {
        count = 1;
        atomic_store_explicit(&r->avail->flags, 0, memory_order_relaxed);
    }
    atomic_thread_fence(memory_order_seq_cst);
    uint16_t index = atomic_load_explicit(&r->used->index, memory_order_relaxed);
    return (uint16_t)(index - r->used_index) < count;
}

bool ring_give_up(struct ring *r, struct ring_taken *out)
{
    r->is_broken = true;
    for (uint16_t i = 0; i < r->size && r->in_device != 0; i++) {
        if (r->entries[i].token != NULL) {
            *out = (struct ring_taken){r->entries[i].token, 0, i};
            free_chain(r, i);
            return true;
        }
    }
    return false;
}
