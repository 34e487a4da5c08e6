// SPDX-License-Identifier: Apache-2.0
/* The kernel around the handle tables: memory from the world, and nobody else. */
#include "tests/prove/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"

struct world world;

NORETURN void world_fail(const char *what)
{
    (void)fprintf(stderr, "prove: %s\n", what);
    exit(1);
}

static void check(bool condition, const char *what)
{
    if (!condition) {
        world_fail(what);
    }
}

/* ---- What the code under test calls ---- */

static void *take(uint8_t *blocks, size_t size, unsigned count, uint32_t *used)
{
    unsigned free = (unsigned)__builtin_ctz(~*used);
    if (free >= count) {
        world_fail("the world is too small");
    }
    *used |= 1u << free;
    return blocks + free * size;
}

status_t heap_alloc(size_t size, void **out)
{
    if (world.allocations_left == 0) {
        world.has_failed = true;
        return ERR_NOMEM;
    }
    world.allocations_left--;
    *out = size <= SMALL_SIZE ? take(world.small[0], SMALL_SIZE, SMALL_BLOCKS, &world.small_used)
                              : take(world.large[0], LARGE_SIZE, LARGE_BLOCKS, &world.large_used);
    memset(*out, 0xa5, size);
    return OK;
}

status_t heap_zalloc(size_t size, void **out)
{
    status_t status = heap_alloc(size, out);
    if (status == OK) {
        memset(*out, 0, size);
    }
    return status;
}

void heap_free(void *p)
{
    uint8_t *block = p;
    if (block == NULL) {
        return;
    }
    if (block >= world.large[0]) {
        world.large_used &= ~(1u << (size_t)(block - world.large[0]) / LARGE_SIZE);
        memset(block, 0x5a, LARGE_SIZE);
    } else {
        world.small_used &= ~(1u << (size_t)(block - world.small[0]) / SMALL_SIZE);
        memset(block, 0x5a, SMALL_SIZE);
    }
}

// There is one thread, and workers run at once.
static struct thread only_thread;

struct thread *arch_current(void)
{
    return &only_thread;
}

void sched_preempt(void)
{}

void spin_wait(struct spinlock *l, uint32_t ticket)
{
    (void)l;
    (void)ticket;
    world_fail("a lock is taken twice");
}

bool work_queue(struct work *w)
{
    w->run(w);
    return true;
}

/* ---- Objects ---- */

static struct thing *thing_of(struct object *o)
{
    return container_of(o, struct thing, object);
}

static void last_handle(struct object *o)
{
    thing_of(o)->last_handles++;
}

static void destroy(struct object *o)
{
    thing_of(o)->destroyed++;
}

static const struct object_ops ops = {
    .name = "thing", .last_handle = last_handle, .destroy = destroy};

struct object *world_create(unsigned index)
{
    struct thing *t = &world.things[index];
    *t = (struct thing){};
    object_init(&t->object, OBJECT_ENDPOINT, &ops);
    t->object.id.raw = index; // what it is compared by, the same on every path
    return &t->object;
}

/* ---- Beginning and end ---- */

void world_begin(handle_t base)
{
    world = (struct world){.allocations_left = -1};
    object_init(&world.filler.object, OBJECT_ENDPOINT, &ops);
    for (unsigned i = 0; i < OBJECTS; i++) {
        world.things[i].destroyed = 1;
    }
    for (unsigned i = 0; i < TABLES; i++) {
        check(handle_table_create(&world.tables[i]) == OK, "no table");
        for (handle_t h = 0; h < base; h++) {
            handle_t got;
            object_ref(&world.filler.object);
            check(handle_add(world.tables[i], &world.filler.object, 0, 0, &got) == OK && got == h,
                  "the window does not begin where it should");
        }
        handle_set_limit(world.tables[i], (uint32_t)base + WINDOW);
    }
}

void world_end(void)
{
    world.allocations_left = -1;
    for (unsigned i = 0; i < TABLES; i++) {
        handle_table_destroy(world.tables[i]);
    }
    if (world.moving.object != NULL) {
        handle_drop(&world.moving);
    }
    object_unref_now(&world.filler.object);
    check(world.filler.destroyed == 1, "a filled slot kept or lost a reference");
    for (unsigned i = 0; i < OBJECTS; i++) {
        check(world.things[i].destroyed == 1, "an object did not end once");
    }
    check(world.small_used == 0 && world.large_used == 0, "memory is left");
}
