// SPDX-License-Identifier: Apache-2.0
/*
 * A sparse array of pointers by 64-bit index: a radix tree of nodes with 64 slots, no taller than
 * the highest index needs.  A single value at index 0 needs no node at all.
 *
 * Nodes come from the caller (512 bytes each, zeroed); the caller locks.
 */
#pragma once

#include "lib/base/types.h"

enum {
    RADIX_SHIFT = 6,
    RADIX_SLOTS = 1 << RADIX_SHIFT,
};

struct radix_node {
    void *slots[RADIX_SLOTS]; // values at the lowest level, nodes above
};

struct radix_ops {
    struct radix_node *(*alloc)(void); // zeroed; NULL: no memory
    void (*free)(struct radix_node *node);
};

struct radix {
    void *root;      // value of index 0 when the height is 0, else the top node
    unsigned height; // levels of nodes
    const struct radix_ops *ops;
    struct radix_node *leaf; // the lowest node that was inserted into last, or NULL
    uint64_t leaf_index;     // its first index, over RADIX_SLOTS
};

static inline void radix_init(struct radix *r, const struct radix_ops *ops)
{
    *r = (struct radix){.ops = ops};
}

// The slot of `index` if its node exists, else NULL.  A slot stays where it is until something is
// inserted beyond the height, or erased.
void **radix_find(const struct radix *r, uint64_t index);

// As radix_find; `count` tells how many slots stand side by side from there on, or are absent with it.
static inline void **radix_find_row(const struct radix *r, uint64_t index, size_t *count)
{
    *count = r->height == 0 ? 1 : RADIX_SLOTS - index % RADIX_SLOTS;
    return radix_find(r, index);
}

// The slot of `index` if it is near the last one inserted, else NULL: the short way of radix_insert.
static inline void **radix_find_near(const struct radix *r, uint64_t index)
{
    return r->leaf != NULL && index >> RADIX_SHIFT == r->leaf_index
               ? &r->leaf->slots[index % RADIX_SLOTS]
               : NULL;
}

// The slot of `index`, with the nodes it needs.  ERR_NOMEM: nothing to see has changed.
status_t radix_insert(struct radix *r, uint64_t index, void ***slot);

// The first value (not NULL) at or above *index: true, its index, and its slot.
bool radix_next(const struct radix *r, uint64_t *index, void ***slot);

// Slots side by side.  The first and the last one have values; between them may be holes (NULL).
struct radix_run {
    void **slots;
    uint64_t index; // of the first
    unsigned count; // at most RADIX_SLOTS
};

// The values in [start, end) that share the lowest node with the first of them; false: there are none.
bool radix_next_run(const struct radix *r, uint64_t start, uint64_t end, struct radix_run *run);

// Removes the values of [start, end), calling `gone` for each run of them, and frees the nodes left
// empty.  The values still stand in the slots during the call, and leave after it.
void radix_erase(struct radix *r, uint64_t start, uint64_t end,
                 void (*gone)(void *context, const struct radix_run *run), void *context);

// Removes all values, as radix_erase does, and every node.
void radix_clear(struct radix *r, void (*gone)(void *context, const struct radix_run *run),
                 void *context);
