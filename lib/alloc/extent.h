// SPDX-License-Identifier: Apache-2.0
/*
 * A tree of extents [start, end) that do not overlap, which finds room between them: address-space
 * bookkeeping.  The extents live in the caller's records; the caller locks.
 *
 * Each node knows the span and the largest gap of its subtree, so looking up an address, finding
 * room, and changes are all logarithmic.
 */
#pragma once

#include "lib/base/bits.h"
#include "lib/base/rbtree.h"

struct extent {
    struct rb_node node;
    uint64_t start;
    uint64_t end;
    uint64_t first; // of the subtree: start of its first extent,
    uint64_t last;  // end of its last one,
    uint64_t gap;   // and the largest room between two neighbours in it
};

struct extent_tree {
    struct rb_root root;
};

// The first extent that ends above `at`; NULL: none.  It may start above `at` too.
struct extent *extent_find(const struct extent_tree *tree, uint64_t at);

// Adds an extent, which is not empty and overlaps none.
void extent_insert(struct extent_tree *tree, struct extent *e);
void extent_remove(struct extent_tree *tree, struct extent *e);

// Changes the bounds, within the room that its neighbours leave.
void extent_resize(struct extent *e, uint64_t start, uint64_t end);

// In order; NULL at the end.
struct extent *extent_first(const struct extent_tree *tree);
struct extent *extent_next(const struct extent *e);

// Whether [start, end) is free.
bool extent_is_free(const struct extent_tree *tree, uint64_t start, uint64_t end);

struct extent_wish {
    uint64_t low; // where to look: [low, high)
    uint64_t high;
    uint64_t size;  // not 0
    uint64_t align; // a power of two
};

// The lowest place for the wish.  Logarithmic, times the number of gaps large enough but for the
// alignment.
bool extent_find_room(const struct extent_tree *tree, const struct extent_wish *wish,
                      uint64_t *out);
