// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/mutex.h"

#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "tests/harness/test.h"

enum { THREADS = 8, ROUNDS = 200 };

static struct mutex mutex;
static unsigned guarded; // by the mutex
static _Atomic unsigned violations;
static unsigned order[THREADS];
static unsigned order_length; // by the mutex
static _Atomic int result;

static void sleep_ms(unsigned ms)
{
    (void)thread_sleep_until(time_now() + ms * NSEC_PER_MSEC, WAIT_DEFAULT);
}

static void lock_and_add(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        mutex_lock(&mutex);
        unsigned seen = guarded;
        if (i % 3 == 0) {
            thread_yield();
        }
        atomic_fetch_add(&violations, guarded != seen || !mutex_is_held(&mutex));
        guarded = seen + 1;
        mutex_unlock(&mutex);
    }
}

TEST(a_mutex_admits_one_at_a_time)
{
    mutex_init(&mutex, "test", RANK_MODULE);
    guarded = 0;
    atomic_store(&violations, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        EXPECT(test_spawn("locker", lock_and_add, NULL) != NULL);
    }
    test_join_all();
    EXPECT_EQ(guarded, THREADS * ROUNDS);
    EXPECT_EQ(atomic_load(&violations), 0);
}

static void try_once(void *arg)
{
    (void)arg;
    if (mutex_try_lock(&mutex)) {
        atomic_store(&result, 1);
        mutex_unlock(&mutex);
    } else {
        atomic_store(&result, 0);
    }
}

TEST(try_lock_fails_while_another_holds_the_mutex)
{
    mutex_init(&mutex, "test", RANK_MODULE);
    mutex_lock(&mutex);
    struct thread *t = test_spawn("try", try_once, NULL);
    test_join_all();
    mutex_unlock(&mutex);
    EXPECT(t != NULL);
    EXPECT_EQ(atomic_load(&result), 0);
    EXPECT(test_spawn("try", try_once, NULL) != NULL);
    test_join_all();
    EXPECT_EQ(atomic_load(&result), 1);
}

static void lock_and_note(void *arg)
{
    mutex_lock(&mutex);
    order[order_length++] = (unsigned)(uintptr_t)arg;
    mutex_unlock(&mutex);
}

TEST(waiters_get_the_mutex_in_the_order_they_came)
{
    mutex_init(&mutex, "test", RANK_MODULE);
    order_length = 0;
    mutex_lock(&mutex);
    for (uintptr_t i = 0; i < THREADS; i++) {
        test_spawn("waiter", lock_and_note, (void *)i);
        test_await_waiters(&mutex.waiters, (unsigned)i + 1);
    }
    mutex_unlock(&mutex);
    mutex_lock(&mutex); // behind all of them
    unsigned before_us = order_length;
    mutex_unlock(&mutex);
    test_join_all();
    EXPECT_EQ(before_us, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        EXPECT_EQ(order[i], i);
    }
}

static void lock_interruptibly(void *arg)
{
    (void)arg;
    atomic_store(&result, ERR_INTR);
    if (mutex_lock_interruptible(&mutex)) {
        atomic_store(&result, OK);
        mutex_unlock(&mutex);
    }
}

TEST(a_signal_ends_the_wait_for_a_mutex)
{
    mutex_init(&mutex, "test", RANK_MODULE);
    mutex_lock(&mutex);
    struct thread *t = test_spawn("waiter", lock_interruptibly, NULL);
    test_await_waiters(&mutex.waiters, 1);
    thread_notify(t, THREAD_SIGNALLED);
    test_join_all();
    mutex_unlock(&mutex);
    EXPECT_EQ(atomic_load(&result), ERR_INTR);
    mutex_lock(&mutex); // is free
    mutex_unlock(&mutex);
}

TEST(interrupted_waiters_do_not_break_the_line)
{
    mutex_init(&mutex, "test", RANK_MODULE);
    mutex_lock(&mutex);
    order_length = 0;
    struct thread *quitter = test_spawn("quitter", lock_interruptibly, NULL);
    test_await_waiters(&mutex.waiters, 1);
    test_spawn("waiter", lock_and_note, (void *)7);
    test_await_waiters(&mutex.waiters, 2);
    thread_notify(quitter, THREAD_KILLED);
    sleep_ms(1);
    mutex_unlock(&mutex);
    test_join_all();
    EXPECT_EQ(order_length, 1);
    EXPECT_EQ(order[0], 7);
}

TEST(a_pair_of_mutexes_is_taken_in_either_order)
{
    static struct mutex pair[2];
    mutex_init(&pair[0], "test pair", RANK_MODULE);
    mutex_init(&pair[1], "test pair", RANK_MODULE);
    mutex_lock_pair(&pair[0], &pair[1]);
    mutex_unlock_pair(&pair[0], &pair[1]);
    mutex_lock_pair(&pair[1], &pair[0]);
    mutex_unlock_pair(&pair[1], &pair[0]);
    mutex_lock_pair(&pair[0], &pair[0]);
    bool was_held = mutex_is_held(&pair[0]);
    mutex_unlock_pair(&pair[0], &pair[0]);
    EXPECT(was_held);
    EXPECT(!mutex_is_held(&pair[0]));
}
