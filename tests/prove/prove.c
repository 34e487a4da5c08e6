// SPDX-License-Identifier: Apache-2.0
/*
 * prove DEPTH: tries every sequence of up to DEPTH operations on the world (world.h), with and without
 * an allocation that fails, and after each operation compares the kernel's tables with the model.
 *
 * Checked after each step: the status and the handle are those of the model (so numbers are the lowest
 * free ones and reserved slots are seen by nobody); every slot has the object, rights, flags and badge
 * that it should; an object has as many handles and references as there are entries of it, and ends
 * once, when the last one goes; the rights that all hold together on an object never grow after it
 * came to life, and those of one table only by what was put into it or by a fork.  At the end of each
 * sequence everything is closed, and nothing is left.
 *
 * A state that was reached before with as many steps to go is not tried again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bits.h"
#include "tests/prove/model.h"

enum { DEPTH_MAX = 16, OPS_MAX = 512, SEEN_BITS = 24 };

static const handle_t bases[] = {0, SLOTS_CHUNK - 2};

static struct {
    handle_t base;
    struct model model;
    struct op ops[OPS_MAX];
    unsigned op_count;
    const struct op *path[DEPTH_MAX];
    unsigned length; // of path
    uint64_t steps;
    uint64_t states;
} run;

/* ---- What can be done ---- */

static void add_op(struct op op)
{
    if (run.op_count == OPS_MAX) {
        world_fail("more operations than there is room for");
    }
    run.ops[run.op_count++] = op;
}

// The operation once, and with its first and its second allocation failing.
static void add_allocating(struct op op)
{
    for (int allocations = -1; allocations < 2; allocations++) {
        op.allocations = allocations;
        add_op(op);
    }
}

static void add_slot_ops(unsigned table, unsigned slot)
{
    static const enum op_code simple[] = {OP_CANCEL, OP_CLOSE, OP_MARK, OP_TAKE, OP_SHARE};
    static const rights_t wanted[] = {SWIFTOS_RIGHT_ALL,
                                      SWIFTOS_RIGHT_READ | SWIFTOS_RIGHT_DUPLICATE};
    for (size_t i = 0; i < ARRAY_SIZE(simple); i++) {
        add_op((struct op){simple[i], table, slot, 0, 0, -1});
    }
    for (unsigned other = 0; other < WINDOW; other++) {
        for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
            add_allocating((struct op){OP_DUPLICATE_AT, table, slot, other, wanted[i], 0});
        }
        add_op((struct op){OP_DUPLICATE, table, slot, other, SWIFTOS_RIGHT_ALL, -1});
    }
    for (unsigned object = 0; object < OBJECTS; object++) {
        add_op((struct op){OP_PUBLISH, table, slot, object, 0, -1});
    }
    add_allocating((struct op){OP_RESERVE, table, slot, 0, 0, 0});
    add_allocating((struct op){OP_PUT_AT, table, slot, 0, 0, 0});
}

static void list_ops(void)
{
    for (unsigned table = 0; table < TABLES; table++) {
        for (unsigned object = 0; object < OBJECTS; object++) {
            add_allocating((struct op){OP_ADD, table, object, 0, 0, 0});
        }
        for (unsigned slot = 0; slot < WINDOW; slot++) {
            add_slot_ops(table, slot);
        }
        add_allocating((struct op){OP_PUT, table, 0, 0, 0, 0});
        add_allocating((struct op){OP_FORK, table, 0, 0, 0, 0});
        add_op((struct op){OP_EXEC, table, 0, 0, 0, -1});
        add_op((struct op){OP_CLOSE_RANGE, table, 1, WINDOW - 1, 0, -1});
        add_op((struct op){OP_LIMIT, table, WINDOW - 1, 0, 0, -1});
        add_op((struct op){OP_LIMIT, table, WINDOW, 0, 0, -1});
    }
    add_op((struct op){OP_ATTENUATE, 0, 0, 0, SWIFTOS_RIGHT_READ, -1});
    add_op((struct op){OP_DROP, 0, 0, 0, 0, -1});
}

/* ---- Doing it ---- */

static status_t fork_world(unsigned from)
{
    struct handle_table *child;
    status_t status = handle_table_fork(world.tables[from], &child);
    if (status == OK) {
        handle_table_destroy(world.tables[1 - from]);
        world.tables[1 - from] = child;
    }
    return status;
}

static status_t move_world(const struct op *op)
{
    struct handle_table *t = world.tables[op->table];
    struct handle_entry e = world.moving;
    handle_t out;
    switch (op->code) {
    case OP_TAKE:
        return handle_take(t, run.base + (handle_t)op->a, SWIFTOS_RIGHT_TRANSFER, &world.moving);
    case OP_SHARE:
        return handle_share(t, run.base + (handle_t)op->a, SWIFTOS_RIGHT_TRANSFER, &world.moving);
    case OP_ATTENUATE:
        world.moving.rights = rights_attenuate(world.moving.rights, op->wanted);
        return OK;
    default: break;
    }
    world.moving = (struct handle_entry){};
    switch (op->code) {
    case OP_PUT: return handle_put(t, &e, 0, &out);
    case OP_PUT_AT: return handle_put_at(t, run.base + (handle_t)op->a, &e, 0);
    default: handle_drop(&e); return OK;
    }
}

static status_t act(const struct op *op)
{
    struct handle_table *t = world.tables[op->table];
    handle_t a = run.base + (handle_t)op->a;
    handle_t b = run.base + (handle_t)op->b;
    handle_t out;
    switch (op->code) {
    case OP_ADD: return handle_add(t, world_create(op->a), RIGHTS_NEW, 0, &out);
    case OP_RESERVE: return handle_reserve(t, a, &out);
    case OP_CANCEL: handle_cancel(t, a); return OK;
    case OP_PUBLISH: handle_publish(t, a, world_create(op->b), RIGHTS_NEW, 0); return OK;
    case OP_DUPLICATE: return handle_duplicate(t, a, b, op->wanted, 0, &out);
    case OP_DUPLICATE_AT: return handle_duplicate_at(t, a, b, op->wanted, 0);
    case OP_CLOSE: return handle_close(t, a);
    case OP_MARK: return handle_set_flags(t, a, HANDLE_CLOEXEC);
    case OP_EXEC: handle_close_on_exec(t); return OK;
    case OP_CLOSE_RANGE: handle_close_range(t, (uint32_t)a, (uint32_t)b, false); return OK;
    case OP_FORK: return fork_world(op->table);
    case OP_LIMIT: handle_set_limit(t, (uint32_t)run.base + op->a); return OK;
    default: return move_world(op);
    }
}

/* ---- Looking at it ---- */

static void fail(const char *what, long long got, long long want)
{
    static const char *const names[OP_CODES] = {
        "add",       "reserve", "cancel", "publish",     "duplicate", "duplicate_at",
        "close",     "mark",    "exec",   "close_range", "take",      "share",
        "attenuate", "put",     "put_at", "drop",        "fork",      "limit"};
    (void)fprintf(stderr, "prove: %s: %lld, not %lld, with the window at %d, after\n", what, got,
                  want, run.base);
    for (unsigned i = 0; i < run.length; i++) {
        const struct op *op = run.path[i];
        (void)fprintf(stderr, "  %s(table %u, %u, %u, rights %#x), allocations %d\n",
                      names[op->code], op->table, op->a, op->b, op->wanted, op->allocations);
    }
    exit(1);
}

static void expect(const char *what, long long got, long long want)
{
    if (got != want) {
        fail(what, got, want);
    }
}

static void check_entry(const struct model_entry *want, const struct handle_info *got)
{
    expect("object", (long long)got->id.raw, want->object);
    expect("rights", got->rights, want->rights);
    expect("flags", got->flags, want->flags);
    expect("badge", (long long)got->badge, want->badge);
}

static void check_table(unsigned index)
{
    const struct model_table *want = &run.model.tables[index];
    unsigned used = 0;
    for (unsigned i = 0; i < WINDOW; i++) {
        struct handle_info info;
        const struct model_entry *e = &want->slots[i];
        status_t status = handle_info(world.tables[index], run.base + (handle_t)i, &info);
        expect("a slot's state", status, e->state == SLOT_LIVE ? OK : ERR_BADF);
        used += e->state != SLOT_FREE;
        if (status == OK) {
            check_entry(e, &info);
        }
    }
    expect("slots in use", handle_count(world.tables[index]), run.base + used);
}

static void check_objects(void)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        unsigned handles = model_handles(&run.model, i);
        const struct thing *t = &world.things[i];
        expect("an object's ends", t->destroyed, handles == 0);
        if (handles != 0) {
            expect("handles", refcount_read(&t->object.handles), handles);
            expect("references", refcount_read(&t->object.refs), handles);
            expect("last handles", t->last_handles, 0);
        }
    }
}

static void check_authority(const struct model *before, const struct op *op)
{
    bool comes_in = op->code == OP_PUT || op->code == OP_PUT_AT || op->code == OP_FORK;
    for (unsigned i = 0; i < OBJECTS && op->code != OP_ADD && op->code != OP_PUBLISH; i++) {
        rights_t old = model_authority(before, i, TABLES);
        expect("more rights than before", model_authority(&run.model, i, TABLES) & ~old, 0);
        for (unsigned t = 0; t < TABLES && !comes_in; t++) {
            old = model_authority(before, i, t);
            expect("a table has more rights", model_authority(&run.model, i, t) & ~old, 0);
        }
    }
}

static void step(const struct op *op)
{
    struct model before = run.model;
    run.path[run.length++] = op;
    world.allocations_left = op->allocations;
    world.has_failed = false;
    status_t got = act(op);
    world.allocations_left = -1;
    status_t want = model_apply(&run.model, op, world.has_failed);
    expect("status", got, want);
    for (unsigned i = 0; i < TABLES; i++) {
        check_table(i);
    }
    check_objects();
    check_authority(&before, op);
    run.steps++;
}

/* ---- Everything once ---- */

static struct seen {
    uint64_t hash;
    uint64_t left; // steps that were to go; 0: the slot is empty
} seen[1 << SEEN_BITS];

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ b[i]) * 0x100000001b3ull;
    }
    return hash;
}

// The state by what the model knows and how much memory the tables have.
static uint64_t hash_state(void)
{
    uint64_t hash = hash_bytes(0xcbf29ce484222325ull, &run.model, sizeof(run.model));
    unsigned blocks[] = {(unsigned)__builtin_popcount(world.small_used),
                         (unsigned)__builtin_popcount(world.large_used)};
    hash = hash_bytes(hash, blocks, sizeof(blocks));
    return hash ^ hash >> 29;
}

// Whether the state has yet to be gone on from, for `left` more steps.
static bool is_new(unsigned left)
{
    uint64_t hash = hash_state();
    size_t mask = ARRAY_SIZE(seen) - 1;
    size_t at = hash & mask;
    while (seen[at].left != 0 && seen[at].hash != hash) {
        at = (at + 1) & mask;
    }
    if (seen[at].left >= left) {
        return false;
    }
    if (seen[at].left == 0 && ++run.states > ARRAY_SIZE(seen) / 4 * 3) {
        world_fail("more states than there is room for; a smaller depth");
    }
    seen[at] = (struct seen){hash, left};
    return true;
}

static struct level {
    struct world world;
    struct model model;
    unsigned next; // operation to try
} levels[DEPTH_MAX + 1];

static void save(struct level *l)
{
    l->world = world;
    l->model = run.model;
    l->next = 0;
}

// The present state is where a sequence may end.
static void check_end(void)
{
    static struct world kept;
    kept = world;
    world_end();
    world = kept;
}

// Goes on from a level by its next operation; false: there is none left.
static bool advance(struct level *l, unsigned depth)
{
    while (l->next < run.op_count && !model_allows(&l->model, &run.ops[l->next])) {
        l->next++;
    }
    if (l->next == run.op_count) {
        return false;
    }
    world = l->world;
    run.model = l->model;
    run.length = depth;
    step(&run.ops[l->next++]);
    return true;
}

static void explore(unsigned max_depth)
{
    unsigned depth = 0;
    save(&levels[0]);
    for (;;) {
        if (!advance(&levels[depth], depth)) {
            if (depth == 0) {
                return;
            }
            depth--;
            continue;
        }
        unsigned left = max_depth - depth; // counts the step just made
        if (!is_new(left)) {
            continue;
        }
        check_end();
        if (left > 1) {
            save(&levels[++depth]);
        }
    }
}

int main(int argc, char **argv)
{
    unsigned depth = argc == 2 ? (unsigned)atoi(argv[1]) : 0;
    if (depth == 0 || depth > DEPTH_MAX) {
        (void)fprintf(stderr, "usage: prove DEPTH, from 1 to %d\n", DEPTH_MAX);
        return 2;
    }
    list_ops();
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
        memset(seen, 0, sizeof(seen));
        run.states = 0;
        run.steps = 0;
        run.base = bases[i];
        run.model = (struct model){};
        for (unsigned t = 0; t < TABLES; t++) {
            run.model.tables[t].limit = WINDOW;
        }
        world_begin(run.base);
        explore(depth);
        printf("handles from %d on: %u operations, depth %u, %llu states, %llu steps\n", run.base,
               run.op_count, depth, (unsigned long long)run.states, (unsigned long long)run.steps);
    }
    return 0;
}
