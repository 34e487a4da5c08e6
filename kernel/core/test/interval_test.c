// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/interval.h"

#include "kernel/core/time.h"
#include "tests/harness/test.h"

static struct interval make(enum interval_base base, nsec_t value, nsec_t period, nsec_t now)
{
    struct interval i;
    struct interval_setting s = {.value = value, .interval = period};
    interval_init(&i, NULL);
    interval_set(&i, base, &s, now);
    return i;
}

TEST(an_interval_of_nothing_is_stopped)
{
    struct interval i = make(INTERVAL_FROM_NOW, 0, 5, 100);
    EXPECT_EQ(i.deadline, NSEC_NEVER);
    EXPECT_EQ(interval_advance(&i, 1000), 0);
    EXPECT_EQ(interval_left(&i, 1000).value, 0);
    EXPECT_EQ(interval_left(&i, 1000).interval, 5);
}

TEST(an_interval_without_a_period_expires_once)
{
    struct interval i = make(INTERVAL_FROM_NOW, 10, 0, 100);
    EXPECT_EQ(interval_advance(&i, 109), 0);
    EXPECT_EQ(interval_left(&i, 109).value, 1);
    EXPECT_EQ(interval_advance(&i, 110), 1);
    EXPECT_EQ(interval_advance(&i, 1000), 0);
    EXPECT_EQ(i.deadline, NSEC_NEVER);
}

TEST(all_periods_that_passed_are_counted_and_the_phase_stays)
{
    struct interval i = make(INTERVAL_MONOTONIC, 100, 10, 50);
    EXPECT_EQ(interval_left(&i, 135).value, 5); // looking does not count
    EXPECT_EQ(interval_advance(&i, 135), 4);
    EXPECT_EQ(i.deadline, 140);
    EXPECT_EQ(interval_advance(&i, 140), 1);
}

TEST(an_interval_that_is_too_long_never_expires)
{
    struct interval i = make(INTERVAL_FROM_NOW, NSEC_NEVER - 1, 0, 100);
    EXPECT_EQ(i.deadline, NSEC_NEVER);
    i = make(INTERVAL_MONOTONIC, 100, NSEC_NEVER - 1, 100);
    EXPECT_EQ(interval_advance(&i, 101), 1);
    EXPECT_EQ(i.deadline, NSEC_NEVER);
}

static unsigned moves;

static void moved(struct interval *i)
{
    moves++;
    interval_move(i, time_now());
}

TEST(a_deadline_of_the_wall_clock_follows_it)
{
    struct interval wall;
    struct interval other;
    nsec_t before = time_wall();
    time_set_wall(1000 * NSEC_PER_SEC);
    interval_init(&wall, moved);
    interval_init(&other, NULL);
    nsec_t now = time_now();
    struct interval_setting s = {.value = 1100 * NSEC_PER_SEC, .interval = 10 * NSEC_PER_SEC};
    interval_set(&wall, INTERVAL_WALL, &s, now);
    interval_set(&other, INTERVAL_FROM_NOW, &s, now);
    nsec_t deadline = wall.deadline;
    nsec_t other_deadline = other.deadline;
    EXPECT(deadline > now + 99 * NSEC_PER_SEC && deadline <= now + 100 * NSEC_PER_SEC);
    time_set_wall(time_wall() + 60 * NSEC_PER_SEC);
    moves = 0;
    interval_clock_was_set();
    EXPECT_EQ(moves, 1);
    EXPECT(wall.deadline < deadline - 59 * NSEC_PER_SEC && wall.deadline > now);
    EXPECT_EQ(other.deadline, other_deadline);
    // Past three expirations, of which some would have been before power-on; the phase stays.
    time_set_wall(time_wall() + 65 * NSEC_PER_SEC);
    interval_clock_was_set();
    uint64_t expired = interval_advance(&wall, time_now());
    EXPECT(expired <= 3);
    EXPECT(wall.wall == 1130 * NSEC_PER_SEC && wall.deadline > now + 4 * NSEC_PER_SEC &&
           wall.deadline < now + 6 * NSEC_PER_SEC);
    interval_fini(&wall);
    interval_fini(&other);
    interval_clock_was_set();
    EXPECT_EQ(moves, 2);
    time_set_wall(before);
}
