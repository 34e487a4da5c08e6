// SPDX-License-Identifier: Apache-2.0
#include "lib/tcp/rtt.h"

#include "lib/base/bits.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

constexpr nsec_t MS = NSEC_PER_MSEC;

static struct tcp_rtt fresh(void)
{
    struct tcp_rtt r;
    tcp_rtt_init(&r, TCP_RTO_FLOOR);
    return r;
}

TEST(without_a_sample_the_time_out_is_a_second)
{
    struct tcp_rtt r = fresh();
    EXPECT(!tcp_rtt_is_known(&r));
    EXPECT_EQ(tcp_rtt_rto(&r), NSEC_PER_SEC);
    EXPECT_EQ(tcp_rtt_least(&r), 0);
}

TEST(the_first_sample_sets_time_and_variance)
{
    struct tcp_rtt r = fresh();
    tcp_rtt_sample(&r, 400 * MS, 1, MS);
    EXPECT_EQ(r.smoothed, 400 * MS);
    EXPECT_EQ(r.variance, 200 * MS);
    EXPECT_EQ(tcp_rtt_rto(&r), 1200 * MS);
}

// By hand with alpha 1/8 and beta 1/4.
TEST(samples_are_averaged_as_rfc_6298_says)
{
    struct tcp_rtt r = fresh();
    tcp_rtt_sample(&r, 400 * MS, 1, MS);
    tcp_rtt_sample(&r, 800 * MS, 1, MS);
    EXPECT_EQ(r.variance, 250 * MS);
    EXPECT_EQ(r.smoothed, 450 * MS);
    EXPECT_EQ(tcp_rtt_rto(&r), 1450 * MS);
    tcp_rtt_sample(&r, 50 * MS, 1, MS);
    EXPECT_EQ(r.variance, 250 * MS + 37500000);
    EXPECT_EQ(r.smoothed, 400 * MS);
}

TEST(many_samples_a_round_trip_move_the_averages_as_one_would)
{
    struct tcp_rtt one = fresh();
    struct tcp_rtt many = fresh();
    tcp_rtt_sample(&one, 100 * MS, 1, MS);
    tcp_rtt_sample(&many, 100 * MS, 1, MS);
    for (unsigned round = 0; round < 5; round++) {
        tcp_rtt_sample(&one, 200 * MS, 1, MS);
        for (unsigned i = 0; i < 20; i++) {
            tcp_rtt_sample(&many, 200 * MS, 20, MS);
        }
    }
    EXPECT(many.smoothed > one.smoothed - 4 * MS && many.smoothed < one.smoothed + 4 * MS);
}

TEST(a_steady_path_leaves_the_floor_above_its_time)
{
    struct tcp_rtt r = fresh();
    for (unsigned i = 0; i < 100; i++) {
        tcp_rtt_sample(&r, 190 * MS, 1, MS);
    }
    EXPECT(tcp_rtt_rto(&r) >= 390 * MS);
    tcp_rtt_init(&r, 10 * MS);
    tcp_rtt_sample(&r, 1, 1, MS);
    EXPECT_EQ(tcp_rtt_rto(&r), 10 * MS + 1);
}

TEST(back_off_doubles_up_to_the_limit_and_a_sample_ends_it)
{
    struct tcp_rtt r = fresh();
    tcp_rtt_sample(&r, 100 * MS, 1, MS);
    EXPECT_EQ(tcp_rtt_rto(&r), 300 * MS);
    tcp_rtt_back_off(&r);
    EXPECT_EQ(tcp_rtt_rto(&r), 600 * MS);
    for (unsigned i = 0; i < 300; i++) {
        tcp_rtt_back_off(&r);
        EXPECT(tcp_rtt_rto(&r) <= TCP_RTO_MAX);
    }
    EXPECT_EQ(tcp_rtt_rto(&r), TCP_RTO_MAX);
    tcp_rtt_sample(&r, 100 * MS, 1, MS);
    EXPECT(tcp_rtt_rto(&r) < 400 * MS);
}

TEST(a_repeated_syn_gives_three_seconds_unless_there_is_a_sample)
{
    struct tcp_rtt r = fresh();
    tcp_rtt_back_off(&r);
    tcp_rtt_syn_repeated(&r);
    EXPECT_EQ(tcp_rtt_rto(&r), 3 * NSEC_PER_SEC);
    tcp_rtt_sample(&r, 100 * MS, 1, MS);
    tcp_rtt_syn_repeated(&r);
    EXPECT_EQ(tcp_rtt_rto(&r), 300 * MS);
}

TEST(the_least_time_is_that_of_the_last_minutes)
{
    struct tcp_rtt r = fresh();
    nsec_t now = 7;
    tcp_rtt_sample(&r, 20 * MS, 1, now);
    now += TCP_RTT_WINDOW / 2;
    tcp_rtt_sample(&r, 50 * MS, 1, now);
    EXPECT_EQ(tcp_rtt_least(&r), 20 * MS);
    now += TCP_RTT_WINDOW / 2;
    tcp_rtt_sample(&r, 60 * MS, 1, now);
    EXPECT_EQ(tcp_rtt_least(&r), 20 * MS);
    now += TCP_RTT_WINDOW;
    tcp_rtt_sample(&r, 70 * MS, 1, now);
    EXPECT_EQ(tcp_rtt_least(&r), 60 * MS);
    now += 2 * TCP_RTT_WINDOW;
    tcp_rtt_sample(&r, 80 * MS, 1, now);
    EXPECT_EQ(tcp_rtt_least(&r), 80 * MS);
}

TEST(any_samples_leave_the_time_out_within_its_bounds)
{
    struct test_random random = {.state = 6298};
    struct tcp_rtt r = fresh();
    nsec_t now = 0;
    for (unsigned i = 0; i < 10000; i++) {
        nsec_t rtt = test_random_next(&random) >> test_random_below(&random, 64);
        now += test_random_below(&random, NSEC_PER_SEC);
        tcp_rtt_sample(&r, rtt, (uint32_t)test_random_next(&random), now);
        EXPECT(tcp_rtt_rto(&r) >= TCP_RTO_FLOOR && tcp_rtt_rto(&r) <= TCP_RTO_MAX);
        EXPECT(r.smoothed <= TCP_RTO_MAX && tcp_rtt_least(&r) <= TCP_RTO_MAX);
    }
}
