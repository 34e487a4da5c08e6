// SPDX-License-Identifier: Apache-2.0
/*
 * Buddy bookkeeping: free blocks of 1 << order frames, naturally aligned, in one list per order.
 *
 * A frame is known by a 32-bit number.  What must be remembered of a free block stands in the
 * record of its first frame; the records of all frames that can be asked about lie in one array.
 * A record is BUDDY_RECORD_SIZE bytes and begins with struct buddy_frame; the rest is the caller's.
 * Records start out zeroed.
 *
 * Invariants: a frame is in at most one free block; `state` is BUDDY_FREE in the record of exactly
 * the first frames of free blocks; two free buddies of one order below the largest do not exist.
 *
 * Merging looks at records inside the aligned block of the largest order around the frame, so the
 * array must cover that block even where the caller gives frames one by one.  The caller locks.
 */
#pragma once

#include "lib/base/types.h"

enum {
    BUDDY_MAX_ORDER = 10,
    BUDDY_RECORD_SIZE = 32,
    BUDDY_FREE = 1,
};

struct buddy_frame {
    uint32_t next; // free block: neighbours in the list of its order
    uint32_t prev;
    uint8_t order;
    uint8_t state; // BUDDY_FREE, 0, or any other value of the caller's while the frame is its own
};

struct buddy {
    char *records;                       // of frame 0
    uint32_t heads[BUDDY_MAX_ORDER + 1]; // first free block; only valid where `orders` has the bit
    uint32_t orders;                     // bit per order with free blocks
    uint32_t free_frames;
};

// `records` may point anywhere that makes records + frame * BUDDY_RECORD_SIZE right.
void buddy_init(struct buddy *b, void *records);

// Takes a block of 1 << order frames.  False: there is none.
bool buddy_alloc(struct buddy *b, unsigned order, uint32_t *frame);

// Takes a block of the largest order up to `max_order` that there is without splitting larger ones
// more than that, and tells which.
bool buddy_alloc_up_to(struct buddy *b, unsigned max_order, uint32_t *frame, unsigned *order);

// Gives a block back, merged with its free buddies.
void buddy_free(struct buddy *b, uint32_t frame, unsigned order);

// Gives the frames [first, end) in the largest blocks that fit.
void buddy_free_range(struct buddy *b, uint32_t first, uint32_t end);
