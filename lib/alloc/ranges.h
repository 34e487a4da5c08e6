// SPDX-License-Identifier: Apache-2.0
/*
 * A set of numbers kept as sorted ranges [start, end) that neither overlap nor touch: the map of
 * physical memory.  Storage is the caller's; a set that would need more ranges than that refuses
 * to grow.  Empty and reversed ranges are no numbers at all and always succeed.
 */
#pragma once

#include "lib/base/types.h"

struct range {
    uint64_t start;
    uint64_t end; // one past the last
};

struct ranges {
    struct range *items;
    size_t count;
    size_t capacity;
};

// Adds [start, end).  ERR_NOSPC: no room for another range; nothing has changed.
status_t ranges_add(struct ranges *r, uint64_t start, uint64_t end);

// As ranges_add, but when there is no room the nearest range grows over the gap in between: the set
// has everything asked for and maybe more.
void ranges_add_widening(struct ranges *r, uint64_t start, uint64_t end);

// Removes [start, end).  When that splits a range and there is no room for another, the smaller
// remainder goes too.
void ranges_remove(struct ranges *r, uint64_t start, uint64_t end);

// Cuts every range to whole multiples of `align` (a power of two), towards its inside.
void ranges_trim(struct ranges *r, uint64_t align);

// Index of the first range that ends above `at`; `count` when there is none.
size_t ranges_find(const struct ranges *r, uint64_t at);

// The first part of the set within [start, end); false when it has none there.
bool ranges_next(const struct ranges *r, uint64_t start, uint64_t end, struct range *out);

// How many numbers of [start, end), and of everything, are in the set.
uint64_t ranges_overlap(const struct ranges *r, uint64_t start, uint64_t end);
uint64_t ranges_total(const struct ranges *r);
