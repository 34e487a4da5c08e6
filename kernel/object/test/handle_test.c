// SPDX-License-Identifier: Apache-2.0
#include "kernel/object/handle.h"

#include "kernel/core/test/spawn.h"
#include "kernel/mm/inject.h"
#include "kernel/object/test/thing.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum : rights_t {
    R = SWIFTOS_RIGHT_READ,
    W = SWIFTOS_RIGHT_WRITE,
    DUP = SWIFTOS_RIGHT_DUPLICATE,
    MOVE = SWIFTOS_RIGHT_TRANSFER,
    ALL = SWIFTOS_RIGHT_ALL,
};

static struct handle_table *table_with(struct thing *thing, rights_t rights, handle_t *h)
{
    struct handle_table *t = NULL;
    if (handle_table_create(&t) != OK || handle_add(t, &thing->object, rights, 0, h) != OK) {
        test_fail(__FILE__, __LINE__, "no table");
    }
    return t;
}

TEST(handle_close_twice_is_bad_handle)
{
    struct thing thing;
    handle_t h = -1;
    thing_init(&thing);
    struct handle_table *t = table_with(&thing, R, &h);
    EXPECT_EQ(h, 0);
    EXPECT_OK(handle_close(t, h));
    EXPECT_STATUS(handle_close(t, h), ERR_BADF);
    EXPECT_EQ(thing.last_handles, 1);
    EXPECT_EQ(thing.destroyed, 1);
    EXPECT_STATUS(handle_close(t, -1), ERR_BADF);
    EXPECT_STATUS(handle_close(t, INT32_MAX), ERR_BADF);
    EXPECT_STATUS(handle_close(t, INT32_MIN), ERR_BADF);
    handle_table_destroy(t);
}

TEST(a_reference_from_a_look_up_outlives_the_handle)
{
    struct thing thing;
    handle_t h = -1;
    struct object *o = NULL;
    thing_init(&thing);
    struct handle_table *t = table_with(&thing, R, &h);
    EXPECT_OK(handle_get_any(t, h, R, &o));
    EXPECT_OK(handle_close(t, h));
    EXPECT_EQ(thing.last_handles, 1);
    EXPECT_EQ(thing.destroyed, 0);
    object_unref_now(o);
    EXPECT_EQ(thing.destroyed, 1);
    handle_table_destroy(t);
}

TEST(look_ups_say_bad_handle_then_wrong_kind_then_missing_right)
{
    struct thing thing;
    struct thing file;
    handle_t h = -1;
    handle_t f = -1;
    struct object *o = NULL;
    struct file *got = NULL;
    thing_init(&thing);
    thing_init_file(&file);
    struct handle_table *t = table_with(&thing, R, &h);
    EXPECT_OK(handle_add(t, &file.object, R, 0, &f));
    EXPECT_STATUS(handle_get(t, 9, OBJECT_ENDPOINT, W, &o), ERR_BADF);
    EXPECT_STATUS(handle_get(t, h, OBJECT_VMO, W, &o), ERR_INVAL);
    EXPECT_STATUS(handle_get(t, h, OBJECT_ENDPOINT, W, &o), ERR_ACCES);
    EXPECT_STATUS(handle_get_file(t, h, R, &got), ERR_BADF);
    EXPECT_STATUS(handle_get_file(t, f, R | W, &got), ERR_BADF);
    EXPECT_STATUS(handle_get_file(t, f, SWIFTOS_RIGHT_SETATTR, &got), ERR_ACCES);
    EXPECT_OK(handle_get_file(t, f, R, &got));
    EXPECT(got == &file.file);
    file_unref(got);
    handle_table_destroy(t);
    EXPECT_EQ(file.destroyed + thing.destroyed, 2);
}

TEST(a_duplicate_has_no_more_rights_than_asked_for_or_held)
{
    struct thing thing;
    handle_t h = -1;
    handle_t d = -1;
    struct handle_info info;
    thing_init(&thing);
    struct handle_table *t = table_with(&thing, R | DUP, &h);
    EXPECT_OK(handle_duplicate(t, h, 0, R | W, 0, &d));
    EXPECT_OK(handle_info(t, d, &info));
    EXPECT_EQ(info.rights, R);
    EXPECT_STATUS(handle_duplicate(t, d, 0, ALL, 0, &d), ERR_ACCES);
    EXPECT_STATUS(handle_duplicate_at(t, d, 5, ALL, 0), ERR_ACCES);
    EXPECT_OK(handle_duplicate_at(t, h, 5, ALL, HANDLE_CLOEXEC));
    EXPECT_OK(handle_info(t, 5, &info));
    EXPECT_EQ(info.rights, R | DUP);
    EXPECT_EQ(info.flags, HANDLE_CLOEXEC);
    EXPECT_EQ(handle_count(t), 3);
    handle_table_destroy(t);
    EXPECT_EQ(thing.last_handles, 1);
}

TEST(a_duplicate_onto_a_live_handle_closes_that_one)
{
    struct thing first;
    struct thing second;
    handle_t a = -1;
    handle_t b = -1;
    thing_init(&first);
    thing_init_file(&second);
    struct handle_table *t = table_with(&first, ALL, &a);
    EXPECT_OK(handle_add(t, &second.object, ALL, 0, &b));
    EXPECT_OK(handle_duplicate_at(t, a, b, ALL, 0));
    EXPECT_EQ(second.destroyed, 1);
    EXPECT_EQ(second.closed, 1);
    EXPECT_STATUS(handle_duplicate_at(t, a, 1024, ALL, 0), ERR_BADF);
    EXPECT_STATUS(handle_duplicate_at(t, a, -1, ALL, 0), ERR_BADF);
    EXPECT_OK(handle_reserve(t, 0, &b));
    EXPECT_STATUS(handle_duplicate_at(t, a, b, ALL, 0), ERR_BUSY);
    handle_cancel(t, b);
    handle_table_destroy(t);
    EXPECT_EQ(first.destroyed, 1);
}

TEST(a_handle_moves_with_its_rights_and_badge)
{
    struct thing thing;
    handle_t h = -1;
    struct handle_entry e;
    struct handle_table *to = NULL;
    struct handle_info info;
    thing_init(&thing);
    struct handle_table *from = table_with(&thing, R | MOVE, &h);
    EXPECT_OK(handle_table_create(&to));
    EXPECT_STATUS(handle_take(from, h, DUP, &e), ERR_ACCES);
    EXPECT_OK(handle_take(from, h, MOVE, &e));
    EXPECT_STATUS(handle_close(from, h), ERR_BADF);
    e.badge = 42;
    e.rights = rights_attenuate(e.rights, R);
    EXPECT_OK(handle_put(to, &e, 0, &h));
    EXPECT_OK(handle_info(to, h, &info));
    EXPECT_EQ(info.badge, 42);
    EXPECT_EQ(info.rights, R);
    EXPECT_EQ(info.id.raw, thing.object.id.raw);
    handle_table_destroy(from);
    EXPECT_EQ(thing.last_handles, 0);
    handle_table_destroy(to);
    EXPECT_EQ(thing.last_handles, 1);
    EXPECT_EQ(thing.destroyed, 1);
}

TEST(a_shared_handle_stays_and_the_other_counts)
{
    struct thing thing;
    handle_t h = -1;
    struct handle_entry e;
    thing_init(&thing);
    struct handle_table *t = table_with(&thing, R | MOVE, &h);
    EXPECT_OK(handle_share(t, h, MOVE, &e));
    handle_table_destroy(t);
    EXPECT_EQ(thing.last_handles, 0);
    handle_drop(&e);
    worker_flush();
    EXPECT_EQ(thing.last_handles, 1);
    EXPECT_EQ(thing.destroyed, 1);
}

enum { NESTED = 100 };

TEST(objects_that_hold_handles_of_each_other_end_one_after_the_other)
{
    static struct thing things[NESTED];
    handle_t h = -1;
    for (unsigned i = 0; i < NESTED; i++) {
        thing_init(&things[i]);
        if (i != 0) {
            object_handle_adopt(&things[i].object);
            things[i - 1].inside = &things[i].object;
        }
    }
    struct handle_table *t = table_with(&things[0], R, &h);
    handle_table_destroy(t);
    unsigned destroyed = 0;
    for (unsigned i = 0; i < NESTED && destroyed < NESTED; i++) {
        worker_flush(); // each end queues the next
        destroyed = 0;
        for (unsigned k = 0; k < NESTED; k++) {
            destroyed += things[k].destroyed;
        }
    }
    EXPECT_EQ(destroyed, NESTED);
}

TEST(exec_closes_what_is_marked_and_fork_copies_all)
{
    struct thing kept;
    struct thing marked;
    handle_t h = -1;
    struct handle_table *child = NULL;
    thing_init(&kept);
    thing_init_file(&marked);
    struct handle_table *t = table_with(&kept, R, &h);
    EXPECT_OK(handle_add(t, &marked.object, R, HANDLE_CLOEXEC, &h));
    handle_set_limit(t, 1); // lower than what exists
    EXPECT_OK(handle_table_fork(t, &child));
    EXPECT_EQ(handle_count(child), 2);
    EXPECT_EQ(handle_limit(child), 1);
    handle_close_on_exec(child);
    EXPECT_EQ(handle_count(child), 1);
    EXPECT_EQ(marked.closed, 1);
    EXPECT_EQ(marked.last_handles, 0);
    handle_table_destroy(t);
    handle_table_destroy(child);
    EXPECT_EQ(kept.destroyed + marked.destroyed, 2);
}

TEST(a_range_is_closed_or_marked)
{
    struct thing thing;
    handle_t h = -1;
    struct handle_info info;
    thing_init(&thing);
    struct handle_table *t = table_with(&thing, ALL, &h);
    for (handle_t to = 1; to < 200; to++) {
        EXPECT_OK(handle_duplicate_at(t, h, to, ALL, 0));
    }
    handle_close_range(t, 100, UINT32_MAX, true);
    EXPECT_OK(handle_info(t, 100, &info));
    EXPECT_EQ(info.flags, HANDLE_CLOEXEC);
    EXPECT_OK(handle_info(t, 99, &info));
    EXPECT_EQ(info.flags, 0);
    handle_close_range(t, 3, 150, false);
    EXPECT_EQ(handle_count(t), 3 + 49);
    handle_close_range(t, 7, 3, false);
    EXPECT_EQ(handle_count(t), 3 + 49);
    EXPECT(handle_next(t, 3, &h));
    EXPECT_EQ(h, 151);
    handle_table_destroy(t);
    EXPECT_EQ(thing.destroyed, 1);
}

enum { MANY = 5000 };

TEST(thousands_of_handles_fit_and_the_limit_says_too_many)
{
    struct thing thing;
    handle_t h = -1;
    thing_init(&thing);
    struct handle_table *t = table_with(&thing, ALL, &h);
    handle_set_limit(t, MANY);
    status_t status = OK;
    while (status == OK) {
        status = handle_duplicate(t, 0, 0, ALL, 0, &h);
    }
    EXPECT_STATUS(status, ERR_MFILE);
    EXPECT_EQ(h, MANY - 1);
    EXPECT_EQ(handle_count(t), MANY);
    EXPECT_EQ(refcount_read(&thing.object.handles), MANY);
    handle_table_destroy(t);
    EXPECT_EQ(thing.last_handles, 1);
}

// What needs memory: a table, a directory, chunks.
static status_t work_with_tables(struct thing *thing)
{
    struct handle_table *t;
    status_t status = handle_table_create(&t);
    if (status != OK) {
        object_unref_now(&thing->object);
        return status;
    }
    handle_t h;
    status = handle_add(t, &thing->object, ALL, 0, &h);
    if (status == OK) {
        status = handle_duplicate_at(t, h, 900, ALL, 0);
    }
    if (status == OK) {
        status = handle_duplicate(t, h, 70, ALL, 0, &h);
    }
    struct handle_table *child = NULL;
    if (status == OK) {
        status = handle_table_fork(t, &child);
    }
    if (child != NULL) {
        handle_table_destroy(child);
    }
    handle_table_destroy(t);
    return status;
}

TEST(no_memory_at_any_step_loses_nothing)
{
    for (size_t n = 0; inject_is_available(); n++) {
        struct thing thing;
        thing_init(&thing);
        inject_arm(n);
        status_t status = work_with_tables(&thing);
        bool has_failed = inject_disarm();
        worker_flush();
        EXPECT(status == OK || (has_failed && status == ERR_NOMEM));
        EXPECT_EQ(thing.destroyed, 1);
        if (!has_failed) {
            EXPECT(n >= 8);
            break;
        }
    }
}

enum { RACERS = 4, ROUNDS = 300 };

static struct handle_table *raced;

static void race(void *seed)
{
    struct test_random r = {(uintptr_t)seed};
    for (unsigned i = 0; i < ROUNDS; i++) {
        handle_t h = (handle_t)test_random_below(&r, 70);
        handle_t out;
        struct object *o;
        switch (test_random_below(&r, 4)) {
        case 0: (void)handle_duplicate(raced, 0, h, ALL, 0, &out); break;
        case 1: (void)handle_duplicate_at(raced, 0, h + 1, ALL, 0); break;
        case 2: (void)handle_close(raced, h + 1); break;
        default:
            if (handle_get_any(raced, h, R, &o) == OK) {
                object_unref(o);
            }
        }
        thread_preempt_point();
    }
}

TEST(threads_that_share_a_table_lose_and_double_nothing)
{
    struct thing thing;
    handle_t h = -1;
    thing_init(&thing);
    raced = table_with(&thing, ALL, &h);
    for (uintptr_t i = 0; i < RACERS; i++) {
        EXPECT(test_spawn("racer", race, (void *)(i + 1)) != NULL);
    }
    test_join_all();
    EXPECT_EQ(refcount_read(&thing.object.handles), handle_count(raced));
    EXPECT_EQ(refcount_read(&thing.object.refs), handle_count(raced));
    handle_table_destroy(raced);
    EXPECT_EQ(thing.last_handles, 1);
    EXPECT_EQ(thing.destroyed, 1);
}
