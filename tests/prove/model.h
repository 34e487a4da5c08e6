// SPDX-License-Identifier: Apache-2.0
/*
 * What handle tables should do, said as plainly as possible: arrays, and no thought of memory.
 */
#pragma once

#include "tests/prove/world.h"

enum slot_state : uint32_t { SLOT_FREE, SLOT_RESERVED, SLOT_LIVE };

struct model_entry {
    rights_t rights;
    uint32_t flags;
    uint32_t badge;
    uint32_t object;
    uint32_t state; // enum slot_state
};

struct model_table {
    struct model_entry slots[WINDOW];
    unsigned limit; // numbers of the window that may be given out
};

struct model {
    struct model_table tables[TABLES];
    struct model_entry moving; // FREE: nothing is
};

enum op_code : uint8_t {
    OP_ADD,       // object `a` that is dead comes to life: the lowest free handle
    OP_RESERVE,   // from `a` on
    OP_CANCEL,    // slot `a`, which is reserved
    OP_PUBLISH,   // object `b`, dead before, in slot `a`, which is reserved
    OP_DUPLICATE, // slot `a`, from `b` on, with the rights of `wanted`
    OP_DUPLICATE_AT,
    OP_CLOSE, // slot `a`
    OP_MARK,  // slot `a`: close at exec
    OP_EXEC,
    OP_CLOSE_RANGE, // slots `a` to `b`
    OP_TAKE,        // slot `a`, if nothing moves
    OP_SHARE,
    OP_ATTENUATE, // what moves
    OP_PUT,       // what moves
    OP_PUT_AT,    // what moves, into slot `a`
    OP_DROP,      // what moves
    OP_FORK,      // the other table becomes a copy
    OP_LIMIT,     // `a` numbers of the window
    OP_CODES,
};

struct op {
    enum op_code code;
    unsigned table;
    unsigned a;
    unsigned b;
    rights_t wanted;
    int allocations; // that do not fail; -1: all
};

enum : rights_t {
    RIGHTS_NEW =
        SWIFTOS_RIGHT_READ | SWIFTOS_RIGHT_WRITE | SWIFTOS_RIGHT_DUPLICATE | SWIFTOS_RIGHT_TRANSFER,
};

// Whether the operation means something now.
bool model_allows(const struct model *m, const struct op *op);

// What should come of it.  `out_of_memory`: an allocation failed.
status_t model_apply(struct model *m, const struct op *op, bool out_of_memory);

// Rights on an object that table `t` has (TABLES: everybody together).
rights_t model_authority(const struct model *m, unsigned object, unsigned t);

// Handles of an object.
unsigned model_handles(const struct model *m, unsigned object);
