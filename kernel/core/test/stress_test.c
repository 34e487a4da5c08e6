// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that do everything to each other at random: sleep, wake, signal, move, change class, lock.
 * On the simulated machine a seed repeats a run; a wake-up that is lost stops the machine.
 */
#include "kernel/core/mutex.h"
#include "kernel/core/sched.h"
#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { THREADS = 20, ROUNDS = 60, QUEUES = 3 };

static struct {
    struct thread *threads[THREADS]; // alive until everybody has done its rounds
    struct wait_queue queues[QUEUES];
    _Atomic unsigned posted[QUEUES]; // events that a waiter may take
    struct mutex mutex;
    unsigned guarded; // by the mutex
    _Atomic unsigned locked;
    _Atomic unsigned done;
    struct wait_queue all_done;
} world;

static uint64_t set_bits[3][1] = {{1}, {0x5555555555555555}, {UINT64_MAX}};
static struct cpu_set sets[3] = {
    {.words = 1, .bits = set_bits[0]},
    {.words = 1, .bits = set_bits[1]},
    {.words = 1, .bits = set_bits[2]},
};

static bool take_event(unsigned queue)
{
    unsigned seen = atomic_load(&world.posted[queue]);
    while (seen != 0 && !atomic_compare_exchange_weak(&world.posted[queue], &seen, seen - 1)) {
    }
    return seen != 0;
}

static void wait_for_event(unsigned queue, nsec_t patience)
{
    status_t status;
    WAIT_UNTIL(&world.queues[queue], take_event(queue), time_now() + patience, WAIT_INTERRUPTIBLE,
               &status);
    thread_clear_flags(THREAD_SIGNALLED);
}

static void post_event(unsigned queue)
{
    atomic_fetch_add(&world.posted[queue], 1);
    wait_wake_one(&world.queues[queue]);
}

static void add_under_lock(bool is_slow)
{
    mutex_lock(&world.mutex);
    unsigned seen = world.guarded;
    if (is_slow) {
        thread_yield();
    }
    world.guarded = seen + 1;
    mutex_unlock(&world.mutex);
    atomic_fetch_add(&world.locked, 1);
}

static void change_class(struct test_random *r, struct thread *t)
{
    uint64_t choice = test_random_below(r, 4);
    if (choice == 0) {
        (void)thread_set_realtime(t, THREAD_ROUND_ROBIN, (uint32_t)test_random_below(r, 3));
    } else {
        thread_set_fair(t);
        thread_set_nice(t, (int)test_random_below(r, 40) - 20);
    }
}

static void act(struct test_random *r)
{
    struct thread *peer = world.threads[test_random_below(r, THREADS)];
    unsigned queue = (unsigned)test_random_below(r, QUEUES);
    switch (test_random_below(r, 9)) {
    case 0: wait_for_event(queue, test_random_below(r, 20000)); break;
    case 1: post_event(queue); break;
    case 2: thread_wake(peer); break;
    case 3: thread_notify(peer, THREAD_SIGNALLED); break;
    case 4: (void)thread_set_affinity(peer, &sets[test_random_below(r, 3)]); break;
    case 5: (void)thread_set_affinity(peer, NULL); break;
    case 6: add_under_lock(test_random_below(r, 2) == 0); break;
    case 7: change_class(r, peer); break;
    default: test_work(TEST_WORK_CHUNK_NS / 10); break;
    }
}

static bool is_all_done(void)
{
    return atomic_load(&world.done) == THREADS;
}

static void live(void *arg)
{
    struct test_random r = {(uintptr_t)arg * 0x9e3779b97f4a7c15 + 1};
    for (unsigned i = 0; i < ROUNDS; i++) {
        act(&r);
        thread_preempt_point();
    }
    // Nobody ends while others may still name it.
    if (atomic_fetch_add(&world.done, 1) + 1 == THREADS) {
        wait_wake_all(&world.all_done);
    }
    status_t status;
    WAIT_UNTIL(&world.all_done, is_all_done(), NSEC_NEVER, WAIT_DEFAULT, &status);
}

static void create_world(void)
{
    memset(&world, 0, sizeof(world));
    wait_init(&world.all_done, "stress end");
    mutex_init(&world.mutex, "stress", RANK_MODULE);
    for (unsigned i = 0; i < QUEUES; i++) {
        wait_init(&world.queues[i], "stress");
    }
}

TEST(threads_that_wake_move_and_signal_each_other_all_end)
{
    create_world();
    for (unsigned i = 0; i < THREADS; i++) {
        world.threads[i] = test_spawn_held("stress", live, (void *)(uintptr_t)i);
        EXPECT(world.threads[i] != NULL);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_start(world.threads[i]);
    }
    test_join_all();
    EXPECT_EQ(atomic_load(&world.done), THREADS);
    EXPECT_EQ(world.guarded, atomic_load(&world.locked));
}

// Threads come and go while the machine is busy; each is freed.
static void fork_and_end(void *arg)
{
    uintptr_t depth = (uintptr_t)arg;
    test_work(TEST_WORK_CHUNK_NS / 10);
    if (depth > 0) {
        test_spawn("child", fork_and_end, (void *)(depth - 1));
        test_spawn("child", fork_and_end, (void *)(depth - 1));
    }
}

TEST(threads_that_start_threads_all_end)
{
    EXPECT(test_spawn("root", fork_and_end, (void *)6) != NULL);
    test_join_all();
}
