// SPDX-License-Identifier: Apache-2.0
/* What the checked build refuses.  On the simulated machine only, where a panic can be survived. */
#include <lock_check.h>

#include "kernel/core/mutex.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/test/host/machine.h"
#include "lib/base/bits.h"
#include "tests/harness/test.h"

static struct spinlock outer = SPINLOCK_INIT("outer", RANK_OBJECT);
static struct spinlock inner = SPINLOCK_INIT("inner", RANK_DEVICE);
static struct spinlock pair[2] = {
    SPINLOCK_INIT("first", RANK_TTY),
    SPINLOCK_INIT("second", RANK_TTY),
};
static struct mutex mutex;
static const char *message;

static bool says(const char *part)
{
    size_t length = strlen(part);
    for (const char *at = message; *at != '\0'; at++) {
        if (strncmp(at, part, length) == 0) {
            return true;
        }
    }
    return false;
}

static void take(void *lock) NO_THREAD_ANALYSIS
{
    spin_lock((struct spinlock *)lock);
}

static void drop(void *lock) NO_THREAD_ANALYSIS
{
    spin_unlock((struct spinlock *)lock);
}

TEST(locks_in_rising_rank_are_fine)
{
    take(&outer);
    take(&inner);
    drop(&outer);
    drop(&inner);
}

TEST(a_lock_of_lower_rank_is_refused_with_both_names)
{
    take(&inner);
    bool has_panicked = machine_panics(take, &outer, &message);
    drop(&inner);
    EXPECT(has_panicked);
    EXPECT(says("inner") && says("outer"));
}

TEST(a_lock_that_is_held_already_is_refused)
{
    take(&inner);
    bool has_panicked = machine_panics(take, &inner, &message);
    drop(&inner);
    EXPECT(has_panicked);
}

TEST(two_locks_of_one_rank_are_refused_unless_as_a_pair)
{
    take(&pair[0]);
    bool has_panicked = machine_panics(take, &pair[1], &message);
    drop(&pair[0]);
    EXPECT(has_panicked);
    spin_lock_pair(&pair[1], &pair[0]);
    spin_unlock_pair(&pair[0], &pair[1]);
}

TEST(releasing_what_is_not_held_is_refused)
{
    EXPECT(machine_panics(drop, &outer, &message));
    EXPECT(says("outer"));
}

static void sleep_a_moment(void *arg)
{
    (void)arg;
    (void)thread_sleep_until(time_now() + 1000, WAIT_DEFAULT);
}

static void lock_mutex(void *arg) NO_THREAD_ANALYSIS
{
    mutex_lock((struct mutex *)arg);
}

TEST(sleeping_with_a_spinlock_held_is_refused)
{
    mutex_init(&mutex, "mutex", RANK_MODULE);
    take(&outer);
    bool sleep_panicked = machine_panics(sleep_a_moment, NULL, &message);
    bool is_named = says("outer");
    bool mutex_panicked = machine_panics(lock_mutex, &mutex, NULL);
    drop(&outer);
    EXPECT(sleep_panicked);
    EXPECT(is_named);
    EXPECT(mutex_panicked); // although nobody holds it
}

TEST(sleeping_with_a_mutex_held_is_fine)
{
    mutex_init(&mutex, "mutex", RANK_MODULE);
    mutex_lock(&mutex);
    sleep_a_moment(NULL);
    mutex_unlock(&mutex);
}

static struct spinlock shared = SPINLOCK_INIT("shared", RANK_OBJECT);
static _Atomic bool has_rung;

static void take_in_interrupt(struct timer *t)
{
    (void)t;
    take(&shared);
    drop(&shared);
    atomic_store(&has_rung, true);
}

TEST(a_lock_of_interrupts_must_not_be_taken_with_interrupts_enabled)
{
    struct timer timer;
    atomic_store(&has_rung, false);
    timer_init(&timer, take_in_interrupt);
    timer_start(&timer, time_now());
    while (!atomic_load(&has_rung)) {
        sleep_a_moment(NULL);
    }
    irqflags_t flags = spin_lock_irqsave(&shared);
    spin_unlock_irqrestore(&shared, flags);
    bool has_panicked = machine_panics(take, &shared, &message);
    EXPECT(has_panicked);
    EXPECT(says("shared"));
}

static bool try_take(struct spinlock *l) NO_THREAD_ANALYSIS
{
    return spin_try_lock(l);
}

TEST(a_lock_that_was_tried_for_may_be_out_of_order)
{
    take(&inner);
    bool has_it = try_take(&outer);
    drop(&outer);
    drop(&inner);
    EXPECT(has_it);
}
