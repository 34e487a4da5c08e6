// SPDX-License-Identifier: Apache-2.0
/*
 * The ring of log records: any number of writers and readers at once, in any context, none of which
 * ever waits for another.
 *
 *        tail                       head
 *          v                         v
 *   slots  | record | record | (filling) |  free ...          one per record, by its sequence
 *   words  | text......| text...| text....|  free ...         the texts, packed
 *
 *   free --log_ring_reserve--> filling --log_ring_commit--> record --(a later reserve)--> free
 *
 * Head and tail are one word each: a sequence number and a place among the words, so that one
 * compare-and-swap takes a slot and its text together, or gives the oldest back.
 *
 * Invariants
 *   1. tail's sequence <= head's, by at most the number of slots; the words between the two places
 *      belong to the records in between, and at least one word is free.
 *   2. A slot's `state` is the sequence of its record once that is committed, an older one (or 0)
 *      before.
 *   3. The tail passes committed records only.  So nobody writes where a slow writer still does; a
 *      writer that would have to is refused instead, and the ring counts it in `dropped`.
 *
 * Order of memory accesses: a writer reads the tail (acquire) before, by a release fence, it stores
 * words.  A reader loads words before, by an acquire fence, it reads the tail again.  So a reader
 * that got any later writer's bytes sees that the tail has passed its record, and starts over.
 *
 * Sequence numbers have 46 bits: two years of a record each microsecond.
 */
#pragma once

#include <stdatomic.h>

#include "lib/log/record.h"

struct log_slot {
    _Atomic uint64_t state;  // [a] see invariant 2; commit stores it with release
    _Atomic uint64_t time;   // [a] the rest is valid with the state
    _Atomic uint64_t source; // [a] a pointer
    _Atomic uint64_t shape;  // [a] level, CPU, length and place of the text
};

struct log_ring {
    struct log_slot *slots;   // [I]
    _Atomic uint64_t *words;  // [I]
    uint64_t slot_mask;       // [I] number of slots - 1
    uint64_t word_mask;       // [I] number of words - 1
    _Atomic uint64_t head;    // [a]
    _Atomic uint64_t tail;    // [a]
    _Atomic uint64_t dropped; // [a] records refused
};

enum {
    LOG_WORD_BITS = 18, // of head and tail
    LOG_RING_SIZE_MIN = 4096,
    LOG_RING_SIZE_MAX = 2 * sizeof(uint64_t) << LOG_WORD_BITS,
    // How a ring of `size` bytes is divided.
    LOG_SLOT_SHARE = 2 * sizeof(struct log_slot), // size / share: slots
    LOG_WORD_SHARE = 2 * sizeof(uint64_t),        // size / share: words
};

// A ring in static storage that needs no initialisation at run time; both are arrays of a power of
// two elements.  Its first record has sequence 1.
#define LOG_RING_INIT(slot_array, word_array)                                                      \
    {.slots = (slot_array),                                                                        \
     .words = (word_array),                                                                        \
     .slot_mask = sizeof(slot_array) / sizeof((slot_array)[0]) - 1,                                \
     .word_mask = sizeof(word_array) / sizeof((word_array)[0]) - 1,                                \
     .head = (uint64_t)1 << LOG_WORD_BITS,                                                         \
     .tail = (uint64_t)1 << LOG_WORD_BITS}

// Makes an empty ring of `size` bytes at `memory` (aligned to 8; a power of two between the limits
// above) whose first record will have the sequence `first`.
void log_ring_init(struct log_ring *ring, void *memory, size_t size, uint64_t first);

struct log_reservation {
    uint64_t sequence;
    uint64_t word; // place of the text
    uint32_t text_len;
};

// Takes room for a record with `text_len` (at most LOG_TEXT_MAX) bytes of text; commit must follow.
// False: the oldest record is not committed yet and in the way.
bool log_ring_reserve(struct log_ring *ring, uint32_t text_len, struct log_reservation *out);

// Fills what was reserved: time, source, level and cpu of `r`, and the text.
void log_ring_commit(struct log_ring *ring, const struct log_reservation *reserved,
                     const struct log_record *r, const char *text);

// Reads the record `sequence` or, if that is gone, the oldest that is left, and up to `size` bytes
// of its text.  ERR_AGAIN: not written yet, or not committed.
status_t log_ring_read(struct log_ring *ring, uint64_t sequence, struct log_record *out, char *text,
                       size_t size);

// The sequence that the next record will have, and the oldest one still there.
uint64_t log_ring_next(struct log_ring *ring);
uint64_t log_ring_oldest(struct log_ring *ring);
