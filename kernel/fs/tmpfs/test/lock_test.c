// SPDX-License-Identifier: Apache-2.0
#include "kernel/vfs/lock.h"

#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "kernel/fs/tmpfs/test/tree.h"

static const char owners[2];

static struct lock_request request(unsigned owner, enum range_lock_kind kind, uint64_t start,
                                   uint64_t end)
{
    return (struct lock_request){.kind = kind,
                                 .start = start,
                                 .end = end,
                                 .owner = &owners[owner],
                                 .pid = (int32_t)owner + 1};
}

static struct {
    struct tree tree;
    struct file *file;
    _Atomic status_t result;
    _Atomic unsigned stage;
} shared;

static void begin(void)
{
    EXPECT_OK(tree_begin(&shared.tree, ""));
    EXPECT_OK(tree_open(&shared.tree, "f", ABI_O_CREAT | ABI_O_RDWR, &shared.file));
    atomic_store(&shared.result, ERR_AGAIN);
    atomic_store(&shared.stage, 0);
}

static void end(void)
{
    file_unref(shared.file);
    tree_end(&shared.tree);
}

TEST(a_record_that_another_has_locked_is_reported)
{
    begin();
    struct lock_request r = request(0, RANGE_WRITE, 10, 19);
    EXPECT_OK(file_lock_record(shared.file, &r));
    r = request(1, RANGE_READ, 0, UINT64_MAX);
    EXPECT_STATUS(file_lock_record(shared.file, &r), ERR_AGAIN);
    EXPECT_OK(file_lock_query(shared.file, &r));
    EXPECT_EQ(r.kind, RANGE_WRITE);
    EXPECT_EQ(r.start, 10);
    EXPECT_EQ(r.end, 19);
    EXPECT_EQ(r.pid, 1);
    r = request(1, RANGE_WRITE, 20, 20);
    EXPECT_OK(file_lock_record(shared.file, &r));
    file_locks_close(shared.file, &owners[0]);
    r = request(1, RANGE_WRITE, 0, UINT64_MAX);
    EXPECT_OK(file_lock_record(shared.file, &r));
    end();
}

TEST(a_lock_takes_a_file_that_is_open_for_it)
{
    struct file *f;
    begin();
    EXPECT_OK(tree_open(&shared.tree, "f", ABI_O_RDONLY, &f));
    struct lock_request r = request(0, RANGE_WRITE, 0, 0);
    EXPECT_STATUS(file_lock_record(f, &r), ERR_BADF);
    EXPECT_OK(file_lock_whole(f, RANGE_WRITE, false));
    EXPECT_STATUS(file_lock_whole(shared.file, RANGE_READ, false), ERR_AGAIN);
    file_unref(f); // its lock goes with it
    EXPECT_OK(file_lock_whole(shared.file, RANGE_READ, false));
    end();
}

static void wait_for_lock(void *)
{
    struct lock_request r = request(1, RANGE_WRITE, 0, 9);
    r.can_wait = true;
    atomic_store(&shared.stage, 1);
    atomic_store(&shared.result, file_lock_record(shared.file, &r));
    atomic_store(&shared.stage, 2);
}

static void wait_for_stage(unsigned stage)
{
    while (atomic_load(&shared.stage) < stage) {
        (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    }
}

TEST(who_waits_gets_the_lock_when_it_is_given_back)
{
    begin();
    struct lock_request r = request(0, RANGE_READ, 5, 5);
    EXPECT_OK(file_lock_record(shared.file, &r));
    test_spawn("waiter", wait_for_lock, NULL);
    wait_for_stage(1);
    (void)thread_sleep_until(time_now() + 5 * NSEC_PER_MSEC, WAIT_DEFAULT);
    EXPECT_EQ(atomic_load(&shared.stage), 1);
    r.kind = RANGE_UNLOCKED;
    EXPECT_OK(file_lock_record(shared.file, &r));
    wait_for_stage(2);
    EXPECT_OK(atomic_load(&shared.result));
    test_join_all();
    end();
}

TEST(two_that_would_wait_for_each_other_do_not)
{
    begin();
    struct lock_request mine = request(0, RANGE_WRITE, 0, 0);
    struct lock_request other = request(1, RANGE_WRITE, 20, 20);
    EXPECT_OK(file_lock_record(shared.file, &mine));
    EXPECT_OK(file_lock_record(shared.file, &other));
    test_spawn("waiter", wait_for_lock, NULL); // the second owner, for what the first has
    wait_for_stage(1);
    (void)thread_sleep_until(time_now() + 5 * NSEC_PER_MSEC, WAIT_DEFAULT);
    struct lock_request r = request(0, RANGE_WRITE, 20, 20);
    r.can_wait = true;
    EXPECT_STATUS(file_lock_record(shared.file, &r), ERR_DEADLK);
    file_locks_close(shared.file, &owners[0]);
    wait_for_stage(2);
    EXPECT_OK(atomic_load(&shared.result));
    test_join_all();
    end();
}
