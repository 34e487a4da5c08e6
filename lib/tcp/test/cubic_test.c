// SPDX-License-Identifier: Apache-2.0
// That the window follows the formulas is compared in floating point by tests/netsim.
#include "lib/tcp/cubic.h"

#include "lib/base/bits.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

constexpr nsec_t MS = NSEC_PER_MSEC;
enum { MSS = 1000 };

static struct tcp_cubic fresh(void)
{
    struct tcp_cubic c;
    tcp_cubic_init(&c, MSS, TCP_INITIAL_SEGMENTS);
    return c;
}

static struct tcp_cubic at_window(uint32_t window, uint32_t threshold)
{
    struct tcp_cubic c = fresh();
    c.window = window;
    c.threshold = threshold;
    return c;
}

// An acknowledgement of `acked` bytes by a sender that the window limits.
static void ack(struct tcp_cubic *c, uint32_t acked, nsec_t now)
{
    struct tcp_ack a = {.acked = acked, .rtt_smoothed = 100 * MS, .is_limited = true};
    tcp_cubic_acked(c, &a, now);
}

// A round trip of slow start in which each segment is acknowledged with that time.
static void round_of(struct tcp_cubic *c, uint32_t *number, nsec_t rtt)
{
    uint32_t first = *number;
    uint32_t segments = c->window / MSS;
    struct tcp_ack a = {.acked = MSS, .rtt = rtt, .is_limited = true};
    for (uint32_t i = 1; i <= segments; i++) {
        a.ack = first + i * MSS;
        a.next = a.ack - MSS + c->window;
        tcp_cubic_acked(c, &a, 1);
    }
    *number = first + segments * MSS;
}

TEST(the_first_window_is_that_of_rfc_6928)
{
    struct tcp_cubic c;
    tcp_cubic_init(&c, 1460, TCP_INITIAL_SEGMENTS);
    EXPECT_EQ(c.window, 14600);
    tcp_cubic_init(&c, 536, TCP_INITIAL_SEGMENTS);
    EXPECT_EQ(c.window, 5360);
    tcp_cubic_init(&c, 9000, TCP_INITIAL_SEGMENTS);
    EXPECT_EQ(c.window, 18000);
    tcp_cubic_init(&c, 1460, 1);
    EXPECT_EQ(c.window, 1460);
}

TEST(slow_start_grows_by_what_is_acknowledged_and_eight_segments_at_most)
{
    struct tcp_cubic c = fresh();
    ack(&c, 2 * MSS, 1);
    EXPECT_EQ(c.window, 12 * MSS);
    ack(&c, 100 * MSS, 1);
    EXPECT_EQ(c.window, 20 * MSS);
}

TEST(slow_start_ends_at_the_threshold)
{
    struct tcp_cubic c = at_window(10 * MSS, 11 * MSS);
    ack(&c, 4 * MSS, 1);
    EXPECT_EQ(c.window, 11 * MSS);
    EXPECT(!tcp_cubic_is_slow_start(&c));
}

TEST(a_sender_that_does_not_use_the_window_does_not_grow_it)
{
    struct tcp_cubic c = fresh();
    struct tcp_ack a = {.acked = MSS, .rtt_smoothed = 100 * MS};
    for (unsigned i = 0; i < 100; i++) {
        tcp_cubic_acked(&c, &a, i * NSEC_PER_SEC);
    }
    EXPECT_EQ(c.window, 10 * MSS);
    c.threshold = 10 * MSS;
    for (unsigned i = 0; i < 100; i++) {
        tcp_cubic_acked(&c, &a, i * NSEC_PER_SEC);
    }
    EXPECT_EQ(c.window, 10 * MSS);
}

TEST(time_without_a_limit_does_not_count_for_growth)
{
    struct tcp_cubic busy = at_window(100 * MSS, 100 * MSS);
    struct tcp_cubic idle = busy;
    struct tcp_ack pause = {.acked = MSS, .rtt_smoothed = 100 * MS};
    ack(&busy, MSS, 1);
    ack(&idle, MSS, 1);
    tcp_cubic_acked(&idle, &pause, 60 * NSEC_PER_SEC);
    for (unsigned i = 1; i < 100; i++) {
        ack(&busy, MSS, 1 + 10 * MS * i);
        ack(&idle, MSS, 60 * NSEC_PER_SEC + 10 * MS * i);
    }
    EXPECT(idle.window <= busy.window && idle.window + MSS >= busy.window);
}

TEST(a_round_trip_that_grows_ends_slow_start_after_five_cautious_rounds)
{
    struct tcp_cubic c = fresh();
    uint32_t number = 1;
    round_of(&c, &number, 100 * MS);
    EXPECT_EQ(c.window, 20 * MSS);
    round_of(&c, &number, 120 * MS);
    EXPECT_EQ(c.rounds.cautious, 1);
    unsigned rounds = 0;
    while (tcp_cubic_is_slow_start(&c) && rounds < 10) {
        uint32_t before = c.window;
        round_of(&c, &number, 120 * MS);
        EXPECT(c.window <= before + before / 4);
        rounds++;
    }
    EXPECT_EQ(rounds, 5); // it began in one, and the sixth saw the end
    EXPECT(c.threshold <= c.window);
}

TEST(a_round_trip_that_shrinks_again_resumes_slow_start)
{
    struct tcp_cubic c = fresh();
    uint32_t number = 1;
    round_of(&c, &number, 100 * MS);
    round_of(&c, &number, 120 * MS);
    EXPECT_EQ(c.rounds.cautious, 1);
    uint32_t before = c.window;
    round_of(&c, &number, 101 * MS);
    EXPECT_EQ(c.rounds.cautious, 0);
    EXPECT(c.window > before + before / 2);
}

// A round trip in which the acknowledgements come one each `gap`.
static void train_of(struct tcp_cubic *c, nsec_t *now, nsec_t gap)
{
    uint32_t first = c->rounds.end;
    uint32_t segments = c->window / MSS;
    struct tcp_ack a = {.acked = MSS, .rtt = 100 * MS, .is_limited = true};
    for (uint32_t i = 1; i <= segments; i++) {
        *now += gap;
        a.ack = first + i * MSS;
        a.next = a.ack - MSS + c->window;
        tcp_cubic_acked(c, &a, *now);
    }
    *now += 100 * MS - segments * gap;
}

TEST(acknowledgements_for_half_a_round_trip_make_slow_start_cautious)
{
    struct tcp_cubic c = fresh();
    nsec_t now = NSEC_PER_SEC;
    train_of(&c, &now, MS);
    train_of(&c, &now, MS);
    EXPECT_EQ(c.window, 40 * MSS);
    EXPECT_EQ(c.rounds.cautious, 0);
    train_of(&c, &now, MS);
    EXPECT_EQ(c.rounds.cautious, 0);
    train_of(&c, &now, MS);
    EXPECT_EQ(c.rounds.cautious, 1);
    EXPECT(c.window < 160 * MSS);
}

TEST(acknowledgements_with_gaps_do_not)
{
    struct tcp_cubic c = fresh();
    nsec_t now = NSEC_PER_SEC;
    for (unsigned i = 0; i < 3; i++) {
        train_of(&c, &now, 2 * MS + 1);
        EXPECT_EQ(c.rounds.cautious, 0);
    }
    EXPECT_EQ(c.window, 80 * MSS);
}

TEST(a_rise_of_less_than_four_milliseconds_is_noise)
{
    struct tcp_cubic c = fresh();
    uint32_t number = 1;
    for (unsigned i = 0; i < 5; i++) {
        round_of(&c, &number, MS + 3 * MS * i);
        EXPECT_EQ(c.rounds.cautious, 0);
    }
}

TEST(a_loss_takes_three_tenths)
{
    struct tcp_cubic c = at_window(100 * MSS, TCP_THRESHOLD_NONE);
    tcp_cubic_lost(&c, 100 * MSS);
    EXPECT_EQ(c.threshold, 70 * MSS);
    tcp_cubic_recovered(&c);
    EXPECT_EQ(c.window, 70 * MSS);
    EXPECT_EQ(c.growth.window_max, 100 * MSS);
}

TEST(a_loss_counts_from_what_was_in_flight_when_that_is_less)
{
    struct tcp_cubic c = at_window(100 * MSS, TCP_THRESHOLD_NONE);
    tcp_cubic_lost(&c, 20 * MSS);
    EXPECT_EQ(c.threshold, 14 * MSS);
    tcp_cubic_lost(&c, MSS);
    EXPECT_EQ(c.threshold, 2 * MSS);
}

TEST(a_second_loss_below_the_last_maximum_converges_fast)
{
    struct tcp_cubic c = at_window(100 * MSS, 50 * MSS);
    tcp_cubic_lost(&c, 100 * MSS);
    tcp_cubic_recovered(&c);
    tcp_cubic_lost(&c, 70 * MSS);
    EXPECT_EQ(c.growth.window_max, 59500);
}

// K is the cube root of 30 / 0.4 = 4.217 s.
TEST(the_window_is_back_at_its_maximum_after_the_plateau_time)
{
    struct tcp_cubic c = at_window(100 * MSS, TCP_THRESHOLD_NONE);
    tcp_cubic_lost(&c, 100 * MSS);
    tcp_cubic_recovered(&c);
    ack(&c, MSS, 1);
    EXPECT_EQ(c.growth.plateau, 4318); // 4.217 * 1024
    for (nsec_t now = 1; now < 4218 * MS; now += MS) {
        ack(&c, MSS, now);
    }
    EXPECT(c.window >= 99 * MSS && c.window <= 101 * MSS);
}

TEST(a_time_out_starts_again_from_one_segment)
{
    struct tcp_cubic c = at_window(100 * MSS, TCP_THRESHOLD_NONE);
    tcp_cubic_timed_out(&c, 80 * MSS, false);
    EXPECT_EQ(c.window, MSS);
    EXPECT_EQ(c.threshold, 56 * MSS);
    tcp_cubic_timed_out(&c, 80 * MSS, true);
    EXPECT_EQ(c.threshold, 56 * MSS);
    for (unsigned i = 0; i < 55; i++) {
        ack(&c, MSS, 1);
    }
    EXPECT_EQ(c.window, 56 * MSS);
    ack(&c, MSS, 1);
    EXPECT_EQ(c.growth.plateau, 0);
}

TEST(undo_gives_back_window_threshold_and_growth)
{
    struct tcp_cubic c = at_window(100 * MSS, 90 * MSS);
    ack(&c, MSS, 1);
    struct tcp_cubic before = c;
    tcp_cubic_lost(&c, 100 * MSS);
    tcp_cubic_repairing(&c, MSS, 90 * MSS, true);
    tcp_cubic_undo(&c);
    EXPECT_EQ(c.window, before.window);
    EXPECT_EQ(c.threshold, before.threshold);
    EXPECT_MEM(&c.growth, &before.growth, sizeof(c.growth));
    c.window = 5 * MSS;
    tcp_cubic_undo(&c);
    EXPECT_EQ(c.window, 5 * MSS);
}

// Delivers all of a window segment by segment with one lost, and sends what may be sent.
TEST(repair_sends_seven_segments_for_ten_that_arrive)
{
    struct tcp_cubic c = at_window(100 * MSS, TCP_THRESHOLD_NONE);
    tcp_cubic_lost(&c, 100 * MSS);
    uint32_t flight = 99 * MSS;
    uint32_t sent = 0;
    for (unsigned i = 0; i < 99; i++) {
        flight -= MSS;
        tcp_cubic_repairing(&c, MSS, flight, true);
        while (c.window >= flight + MSS) {
            tcp_cubic_sent(&c, MSS);
            flight += MSS;
            sent++;
        }
        EXPECT(i > 0 || sent == 1);
    }
    EXPECT_EQ(sent, 70);
    EXPECT_EQ(flight, 70 * MSS);
}

TEST(repair_after_heavy_loss_grows_to_the_threshold)
{
    struct tcp_cubic c = at_window(100 * MSS, TCP_THRESHOLD_NONE);
    tcp_cubic_lost(&c, 100 * MSS);
    uint32_t flight = 10 * MSS;
    for (unsigned i = 0; i < 200; i++) {
        flight -= MSS;
        tcp_cubic_repairing(&c, MSS, flight, true);
        EXPECT(c.window <= flight + 2 * MSS);
        while (c.window >= flight + MSS) {
            tcp_cubic_sent(&c, MSS);
            flight += MSS;
        }
    }
    EXPECT_EQ(flight, 70 * MSS);
}

TEST(repair_without_progress_sends_what_arrives)
{
    struct tcp_cubic c = at_window(100 * MSS, TCP_THRESHOLD_NONE);
    tcp_cubic_lost(&c, 100 * MSS);
    tcp_cubic_repairing(&c, 0, 10 * MSS, false);
    EXPECT_EQ(c.window, 11 * MSS);
    tcp_cubic_sent(&c, MSS);
    tcp_cubic_repairing(&c, MSS, 10 * MSS, false);
    EXPECT_EQ(c.window, 11 * MSS);
    tcp_cubic_sent(&c, MSS);
    tcp_cubic_repairing(&c, 0, 11 * MSS, false);
    EXPECT_EQ(c.window, 11 * MSS);
}

TEST(idle_time_halves_the_window_and_keeps_a_threshold)
{
    struct tcp_cubic c = at_window(160 * MSS, 100 * MSS);
    tcp_cubic_idled(&c, 199 * MS, 200 * MS);
    EXPECT_EQ(c.window, 160 * MSS);
    tcp_cubic_idled(&c, 400 * MS, 200 * MS);
    EXPECT_EQ(c.window, 40 * MSS);
    EXPECT_EQ(c.threshold, 120 * MSS);
    tcp_cubic_idled(&c, NSEC_NEVER, 200 * MS);
    EXPECT_EQ(c.window, 10 * MSS);
    c.window = 2 * MSS;
    tcp_cubic_idled(&c, NSEC_PER_SEC, 200 * MS);
    EXPECT_EQ(c.window, 2 * MSS);
}

TEST(other_segments_do_not_change_the_window_in_bytes)
{
    struct tcp_cubic c = at_window(20 * MSS, 20 * MSS);
    tcp_cubic_set_mss(&c, 500);
    EXPECT_EQ(c.window, 20 * MSS);
    tcp_cubic_set_mss(&c, 40000);
    EXPECT_EQ(c.window, 40000);
}

static void one_step(struct tcp_cubic *c, struct test_random *random, nsec_t now)
{
    uint32_t amount = (uint32_t)(test_random_next(random) >> 34 >> test_random_below(random, 30));
    struct tcp_ack a = {
        .acked = amount,
        .ack = (uint32_t)test_random_next(random),
        .next = (uint32_t)test_random_next(random),
        .rtt = test_random_next(random) >> test_random_below(random, 64),
        .rtt_smoothed = test_random_next(random) >> (30 + test_random_below(random, 34)),
        .is_limited = test_random_below(random, 4) != 0,
    };
    switch (test_random_below(random, 40)) {
    case 0: tcp_cubic_lost(c, amount); break;
    case 1: tcp_cubic_timed_out(c, amount, amount % 2 == 0); break;
    case 2: tcp_cubic_undo(c); break;
    case 3: tcp_cubic_idled(c, a.rtt, a.rtt_smoothed); break;
    case 4: tcp_cubic_set_mss(c, (uint16_t)(88 + test_random_below(random, 65400))); break;
    default: tcp_cubic_acked(c, &a, now); break;
    }
}

TEST(whatever_comes_the_window_stays_within_its_bounds)
{
    struct test_random random = {.state = 9438};
    for (unsigned run = 0; run < 20; run++) {
        struct tcp_cubic c = fresh();
        nsec_t now = 1;
        for (unsigned i = 0; i < 2000; i++) {
            now += test_random_next(&random) >> (20 + test_random_below(&random, 40));
            one_step(&c, &random, now);
            EXPECT(c.window >= c.mss && c.window <= TCP_WINDOW_LIMIT);
            EXPECT(c.threshold >= MSS);
        }
    }
}

TEST(repair_never_allows_more_than_the_limit)
{
    struct test_random random = {.state = 6937};
    struct tcp_cubic c = at_window(TCP_WINDOW_LIMIT, TCP_THRESHOLD_NONE);
    tcp_cubic_lost(&c, TCP_WINDOW_LIMIT);
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t flight = (uint32_t)test_random_below(&random, TCP_WINDOW_LIMIT);
        uint32_t delivered = (uint32_t)test_random_below(&random, TCP_WINDOW_LIMIT >> 10);
        tcp_cubic_repairing(&c, delivered, flight, i % 2 == 0);
        EXPECT(c.window <= TCP_WINDOW_LIMIT && c.window >= flight);
        tcp_cubic_sent(&c, delivered / 2);
    }
}
