// SPDX-License-Identifier: Apache-2.0
/*
 * A world small enough that every sequence of operations on it can be tried: two tables of handles of
 * the kernel's own code, a few objects, and one handle on its way between tables.
 *
 * Everything that an operation may change lies in one struct without pointers to the outside, so that
 * going back to an earlier state is a copy.
 *
 * Only the last WINDOW numbers of a table are worked with; those before them are filled once, which
 * moves the window to where chunks of slots end.
 */
#pragma once

#include "kernel/object/handle.h"

enum {
    TABLES = 2,
    OBJECTS = 2,
    WINDOW = 3,
    SMALL_BLOCKS = 8,
    SMALL_SIZE = 192,
    LARGE_BLOCKS = 6,
    LARGE_SIZE = SLOTS_CHUNK * sizeof(struct handle_entry),
};

struct thing {
    union {
        struct object object;
        struct file file;
    };
    unsigned last_handles; // calls so far
    unsigned destroyed;
};

struct world {
    alignas(16) uint8_t small[SMALL_BLOCKS][SMALL_SIZE];
    alignas(16) uint8_t large[LARGE_BLOCKS][LARGE_SIZE];
    uint32_t small_used; // a bit a block
    uint32_t large_used;
    int allocations_left; // until one fails; negative: none does
    bool has_failed;      // one has since it was set
    struct thing things[OBJECTS];
    struct thing filler;
    struct handle_table *tables[TABLES];
    struct handle_entry moving; // object NULL: nothing is
};

extern struct world world; // the present one

// Empty tables whose window starts at `base`.
void world_begin(handle_t base);

// Ends everything; every count must be right then.
void world_end(void);

// A new object in place of a dead one, with a reference.
struct object *world_create(unsigned index);

// Says what is wrong and ends the program.
NORETURN void world_fail(const char *what);
