// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/wait.h"

#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "tests/harness/test.h"

static nsec_t in_ms(unsigned ms)
{
    return time_now() + ms * NSEC_PER_MSEC;
}

static struct {
    struct wait_queue queue;
    _Atomic bool is_ready;
    _Atomic unsigned passed;
    _Atomic int status;
    _Atomic(struct thread *) sleeper;
} shared;

static void reset(void)
{
    wait_init(&shared.queue, "test");
    atomic_store(&shared.is_ready, false);
    atomic_store(&shared.passed, 0);
    atomic_store(&shared.status, 1);
}

static void wait_for_ready(void *arg)
{
    (void)arg;
    status_t status;
    WAIT_UNTIL(&shared.queue, atomic_load(&shared.is_ready), NSEC_NEVER, WAIT_DEFAULT, &status);
    atomic_store(&shared.status, status);
    atomic_fetch_add(&shared.passed, 1);
}

TEST(a_waiter_goes_on_when_the_condition_comes_true)
{
    reset();
    test_spawn("waiter", wait_for_ready, NULL);
    test_await_waiters(&shared.queue, 1);
    EXPECT_EQ(atomic_load(&shared.passed), 0);
    atomic_store(&shared.is_ready, true);
    EXPECT_EQ(wait_wake_one(&shared.queue), 1);
    test_join_all();
    EXPECT_EQ(atomic_load(&shared.passed), 1);
    EXPECT_EQ(atomic_load(&shared.status), OK);
}

TEST(wake_all_wakes_everybody)
{
    reset();
    for (unsigned i = 0; i < 20; i++) {
        test_spawn("waiter", wait_for_ready, NULL);
    }
    test_await_waiters(&shared.queue, 20);
    atomic_store(&shared.is_ready, true);
    EXPECT_EQ(wait_wake_all(&shared.queue), 20);
    test_join_all();
    EXPECT_EQ(atomic_load(&shared.passed), 20);
}

TEST(a_condition_that_holds_does_not_sleep)
{
    reset();
    status_t status;
    WAIT_UNTIL(&shared.queue, true, NSEC_NEVER, WAIT_DEFAULT, &status);
    EXPECT_OK(status);
}

TEST(a_wait_ends_at_its_deadline_and_not_before)
{
    reset();
    nsec_t deadline = in_ms(3);
    status_t status;
    WAIT_UNTIL(&shared.queue, false, deadline, WAIT_DEFAULT, &status);
    EXPECT_STATUS(status, ERR_TIMEDOUT);
    EXPECT(time_now() >= deadline);
    EXPECT(wait_is_empty(&shared.queue));
}

TEST(a_deadline_in_the_past_times_out_at_once)
{
    reset();
    status_t status;
    WAIT_UNTIL(&shared.queue, false, 0, WAIT_DEFAULT, &status);
    EXPECT_STATUS(status, ERR_TIMEDOUT);
}

static void sleep_interruptibly(void *arg)
{
    enum wait_flags flags = *(enum wait_flags *)arg;
    atomic_store(&shared.sleeper, thread_current());
    status_t status;
    WAIT_UNTIL(&shared.queue, atomic_load(&shared.is_ready), NSEC_NEVER, flags, &status);
    atomic_store(&shared.status, status);
    atomic_fetch_add(&shared.passed, 1);
}

TEST(a_signal_ends_an_interruptible_wait)
{
    enum wait_flags flags = WAIT_INTERRUPTIBLE;
    reset();
    struct thread *t = test_spawn("sleeper", sleep_interruptibly, &flags);
    test_await_waiters(&shared.queue, 1);
    thread_notify(t, THREAD_SIGNALLED);
    test_join_all();
    EXPECT_EQ(atomic_load(&shared.status), ERR_INTR);
}

TEST(a_signal_does_not_end_an_uninterruptible_wait)
{
    enum wait_flags flags = WAIT_DEFAULT;
    reset();
    struct thread *t = test_spawn("sleeper", sleep_interruptibly, &flags);
    test_await_waiters(&shared.queue, 1);
    thread_notify(t, THREAD_SIGNALLED);
    EXPECT_OK(thread_sleep_until(in_ms(1), WAIT_DEFAULT));
    EXPECT_EQ(atomic_load(&shared.passed), 0);
    atomic_store(&shared.is_ready, true);
    wait_wake_all(&shared.queue);
    test_join_all();
    EXPECT_EQ(atomic_load(&shared.status), OK);
}

enum { FIFO_WAITERS = 8 };

static struct {
    struct wait_queue queue;
    _Atomic unsigned next;
    unsigned order[FIFO_WAITERS];
    _Atomic unsigned permits;
} fifo;

static bool take_permit(void)
{
    unsigned seen = atomic_load(&fifo.permits);
    return seen != 0 && atomic_compare_exchange_strong(&fifo.permits, &seen, seen - 1);
}

static void wait_in_line(void *arg)
{
    status_t status;
    WAIT_UNTIL(&fifo.queue, take_permit(), NSEC_NEVER, WAIT_DEFAULT, &status);
    if (status == OK) {
        fifo.order[atomic_fetch_add(&fifo.next, 1)] = (unsigned)(uintptr_t)arg;
    }
}

TEST(wake_one_wakes_in_the_order_of_arrival)
{
    wait_init(&fifo.queue, "test fifo");
    atomic_store(&fifo.next, 0);
    atomic_store(&fifo.permits, 0);
    for (uintptr_t i = 0; i < FIFO_WAITERS; i++) {
        test_spawn("waiter", wait_in_line, (void *)i);
        test_await_waiters(&fifo.queue, (unsigned)i + 1);
    }
    for (unsigned i = 0; i < FIFO_WAITERS; i++) {
        atomic_fetch_add(&fifo.permits, 1);
        EXPECT_EQ(wait_wake_one(&fifo.queue), 1);
        while (atomic_load(&fifo.next) == i) {
            EXPECT_OK(thread_sleep_until(in_ms(1), WAIT_DEFAULT));
        }
    }
    test_join_all();
    for (unsigned i = 0; i < FIFO_WAITERS; i++) {
        EXPECT_EQ(fifo.order[i], i);
    }
}

// Two threads hand a token back and forth; every wake comes as close to the sleep as it can.
static struct {
    struct wait_queue queue[2];
    _Atomic unsigned turn;
} pong;

enum { ROUNDS = 500 };

static void play(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        status_t status;
        WAIT_UNTIL(&pong.queue[me], atomic_load(&pong.turn) % 2 == me, NSEC_NEVER, WAIT_DEFAULT,
                   &status);
        atomic_fetch_add(&pong.turn, 1);
        wait_wake_one(&pong.queue[1 - me]);
    }
}

TEST(no_wake_is_lost_in_a_ping_pong)
{
    wait_init(&pong.queue[0], "test ping");
    wait_init(&pong.queue[1], "test pong");
    atomic_store(&pong.turn, 0);
    test_spawn("ping", play, (void *)0);
    test_spawn("pong", play, (void *)1);
    test_join_all();
    EXPECT_EQ(atomic_load(&pong.turn), 2 * ROUNDS);
}

static status_t wait_for_turn(unsigned me, nsec_t patience)
{
    status_t status;
    WAIT_UNTIL(&pong.queue[me], atomic_load(&pong.turn) % 2 == me, time_now() + patience,
               WAIT_DEFAULT, &status);
    return status;
}

// The same with a deadline that races with every wake.  On a machine where a wait costs more than
// the deadline is away nobody would ever sleep, so patience grows.
static void play_with_deadlines(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        nsec_t patience = 500 + 7ull * round;
        while (wait_for_turn(me, patience) == ERR_TIMEDOUT) {
            patience += patience / 4;
        }
        atomic_fetch_add(&pong.turn, 1);
        wait_wake_one(&pong.queue[1 - me]);
    }
}

TEST(deadlines_that_race_with_wakes_lose_nothing)
{
    wait_init(&pong.queue[0], "test ping");
    wait_init(&pong.queue[1], "test pong");
    atomic_store(&pong.turn, 0);
    test_spawn("ping", play_with_deadlines, (void *)0);
    test_spawn("pong", play_with_deadlines, (void *)1);
    test_join_all();
    EXPECT_EQ(atomic_load(&pong.turn), 2 * ROUNDS);
}

static void signal_completion(void *arg)
{
    completion_signal(arg);
}

TEST(a_completion_may_be_gone_as_soon_as_it_was_waited_for)
{
    for (unsigned i = 0; i < 200; i++) {
        struct completion c;
        completion_init(&c, "test completion");
        EXPECT(test_spawn("signaller", signal_completion, &c) != NULL);
        completion_wait(&c);
        memset(&c, 0xa5, sizeof(c));
    }
    test_join_all();
}
