// SPDX-License-Identifier: Apache-2.0
#include "lib/log/ring.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

// Fields of log_slot.shape.
enum {
    SHAPE_LEN_SHIFT = LOG_WORD_BITS,
    SHAPE_LEN_BITS = 10,
    SHAPE_LEVEL_SHIFT = SHAPE_LEN_SHIFT + SHAPE_LEN_BITS,
    SHAPE_LEVEL_BITS = 4,
    SHAPE_CPU_SHIFT = 32,
};
static_assert(SHAPE_LEVEL_SHIFT + SHAPE_LEVEL_BITS <= SHAPE_CPU_SHIFT);
static_assert(LOG_TEXT_MAX < 1 << SHAPE_LEN_BITS);
static_assert(LOG_TEXT_MAX / sizeof(uint64_t) < LOG_RING_SIZE_MIN / LOG_WORD_SHARE);

static uint64_t place_of(uint64_t sequence, uint64_t word)
{
    return sequence << LOG_WORD_BITS | word;
}

static uint64_t sequence_of(uint64_t place)
{
    return place >> LOG_WORD_BITS;
}

static uint64_t word_of(uint64_t place)
{
    return place & ((1u << LOG_WORD_BITS) - 1);
}

static uint64_t words_for(uint64_t text_len)
{
    return (text_len + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

static uint32_t shape_len(uint64_t shape)
{
    return shape >> SHAPE_LEN_SHIFT & ((1u << SHAPE_LEN_BITS) - 1);
}

static struct log_slot *slot_of(struct log_ring *ring, uint64_t sequence)
{
    return &ring->slots[sequence & ring->slot_mask];
}

void log_ring_init(struct log_ring *ring, void *memory, size_t size, uint64_t first)
{
    size_t slots = size / LOG_SLOT_SHARE;
    ring->slots = memory;
    ring->words = (_Atomic uint64_t *)(void *)((uint8_t *)memory + slots * sizeof(struct log_slot));
    ring->slot_mask = slots - 1;
    ring->word_mask = size / LOG_WORD_SHARE - 1;
    // Memory may hold the ring of the system before a warm reset, with the same sequence numbers.
    memset(memory, 0, slots * sizeof(struct log_slot));
    atomic_init(&ring->head, place_of(first, 0));
    atomic_init(&ring->tail, place_of(first, 0));
    atomic_init(&ring->dropped, 0);
}

static bool has_room(const struct log_ring *ring, uint64_t head, uint64_t tail, uint64_t words)
{
    uint64_t used = (word_of(head) - word_of(tail)) & ring->word_mask;
    return sequence_of(head) - sequence_of(tail) <= ring->slot_mask &&
           words <= ring->word_mask - used;
}

// Frees the oldest record, at `tail`, unless somebody else just has.  False: it is not committed.
static bool drop_oldest(struct log_ring *ring, uint64_t tail)
{
    struct log_slot *slot = slot_of(ring, sequence_of(tail));
    if (atomic_load_explicit(&slot->state, memory_order_acquire) != sequence_of(tail)) {
        return atomic_load_explicit(&ring->tail, memory_order_acquire) != tail;
    }
    // If the tail moves before the exchange, what is read here may be of another record and the
    // exchange fails.
    uint64_t shape = atomic_load_explicit(&slot->shape, memory_order_relaxed);
    uint64_t word = (word_of(tail) + words_for(shape_len(shape))) & ring->word_mask;
    atomic_compare_exchange_strong_explicit(&ring->tail, &tail,
                                            place_of(sequence_of(tail) + 1, word),
                                            memory_order_acq_rel, memory_order_relaxed);
    return true;
}

bool log_ring_reserve(struct log_ring *ring, uint32_t text_len, struct log_reservation *out)
{
    uint64_t words = words_for(text_len);
    for (;;) {
        uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
        uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (sequence_of(tail) > sequence_of(head)) {
            continue; // both have moved on between the two loads
        }
        if (!has_room(ring, head, tail, words)) {
            if (drop_oldest(ring, tail)) {
                continue;
            }
            if (atomic_load_explicit(&ring->head, memory_order_relaxed) != head) {
                continue;
            }
            atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
            return false;
        }
        uint64_t next = place_of(sequence_of(head) + 1, (word_of(head) + words) & ring->word_mask);
        if (atomic_compare_exchange_weak_explicit(&ring->head, &head, next, memory_order_acq_rel,
                                                  memory_order_relaxed)) {
            *out = (struct log_reservation){
                .sequence = sequence_of(head), .word = word_of(head), .text_len = text_len};
            return true;
        }
    }
}

static void store_text(struct log_ring *ring, uint64_t word, const char *text, uint32_t len)
{
    for (uint32_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t value = 0;
        uint32_t left = len - at;
        memcpy(&value, text + at, left < sizeof(value) ? left : sizeof(value));
        atomic_store_explicit(&ring->words[word], value, memory_order_relaxed);
        word = (word + 1) & ring->word_mask;
    }
}

static void load_text(struct log_ring *ring, uint64_t word, char *text, size_t len)
{
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t value = atomic_load_explicit(&ring->words[word], memory_order_relaxed);
        size_t left = len - at;
        memcpy(text + at, &value, left < sizeof(value) ? left : sizeof(value));
        word = (word + 1) & ring->word_mask;
    }
}

void log_ring_commit(struct log_ring *ring, const struct log_reservation *reserved,
                     const struct log_record *r, const char *text)
{
    struct log_slot *slot = slot_of(ring, reserved->sequence);
    uint64_t shape = (uint64_t)r->cpu << SHAPE_CPU_SHIFT | (uint64_t)r->level << SHAPE_LEVEL_SHIFT |
                     (uint64_t)reserved->text_len << SHAPE_LEN_SHIFT | reserved->word;
    atomic_thread_fence(memory_order_release); // pairs with the fence in log_ring_read
    atomic_store_explicit(&slot->time, r->time, memory_order_relaxed);
    atomic_store_explicit(&slot->source, (uintptr_t)r->source, memory_order_relaxed);
    atomic_store_explicit(&slot->shape, shape, memory_order_relaxed);
    store_text(ring, reserved->word, text, reserved->text_len);
    atomic_store_explicit(&slot->state, reserved->sequence, memory_order_release);
}

// Copies a record that may be overwritten meanwhile.
static void load_record(struct log_ring *ring, struct log_slot *slot, struct log_record *out,
                        char *text, size_t size)
{
    uint64_t shape = atomic_load_explicit(&slot->shape, memory_order_relaxed);
    out->time = atomic_load_explicit(&slot->time, memory_order_relaxed);
    out->source =
        (const char *)(uintptr_t)atomic_load_explicit(&slot->source, memory_order_relaxed);
    out->level = (enum log_level)(shape >> SHAPE_LEVEL_SHIFT & ((1u << SHAPE_LEVEL_BITS) - 1));
    out->cpu = (uint32_t)(shape >> SHAPE_CPU_SHIFT);
    out->text_len = shape_len(shape);
    load_text(ring, word_of(shape) & ring->word_mask, text, u64_min(out->text_len, size));
}

status_t log_ring_read(struct log_ring *ring, uint64_t sequence, struct log_record *out, char *text,
                       size_t size)
{
    for (;;) {
        uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
        uint64_t wanted = u64_max(sequence, sequence_of(tail));
        struct log_slot *slot = slot_of(ring, wanted);
        struct log_record found = {.sequence = wanted};
        if (atomic_load_explicit(&slot->state, memory_order_acquire) != wanted) {
            if (atomic_load_explicit(&ring->tail, memory_order_acquire) == tail) {
                return ERR_AGAIN;
            }
            continue;
        }
        load_record(ring, slot, &found, text, size);
        atomic_thread_fence(memory_order_acquire); // pairs with the fence in log_ring_commit
        if (sequence_of(atomic_load_explicit(&ring->tail, memory_order_relaxed)) <= wanted) {
            *out = found;
            return OK;
        }
    }
}

uint64_t log_ring_next(struct log_ring *ring)
{
    return sequence_of(atomic_load_explicit(&ring->head, memory_order_acquire));
}

uint64_t log_ring_oldest(struct log_ring *ring)
{
    return sequence_of(atomic_load_explicit(&ring->tail, memory_order_acquire));
}
