// SPDX-License-Identifier: Apache-2.0
/* What must hold on any path: scenario_run itself fails when bytes are lost, come twice or are others. */
#include "lib/base/bits.h"
#include "tests/harness/test.h"
#include "tests/netsim/scenario.h"

constexpr nsec_t MS = NSEC_PER_MSEC;
constexpr uint64_t KIB = 1024;
constexpr uint64_t PERCENT = 10000; // of a million

static struct outcome run(const struct scenario *s)
{
    struct outcome out;
    scenario_run(s, &out);
    return out;
}

static struct scenario both_ways(struct scenario s, struct link_config l)
{
    l.rate = s.there.rate;
    l.delay = s.there.delay;
    l.queue = s.there.queue;
    s.there = l;
    s.back = l;
    return s;
}

TEST(a_path_without_loss_carries_everything_once)
{
    struct scenario s = scenario_bulk(256 * KIB, 20 * MS, 64 * KIB);
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
    EXPECT_EQ(out.retransmits, 0);
    EXPECT_EQ(out.needless, 0);
}

TEST(two_runs_of_one_seed_are_the_same)
{
    struct scenario s = scenario_bulk(256 * KIB, 20 * MS, 256 * KIB);
    s.there.loss = 2 * PERCENT;
    struct outcome a = run(&s);
    struct outcome b = run(&s);
    EXPECT_MEM(&a, &b, sizeof(a));
    s.seed++;
    b = run(&s);
    EXPECT(a.time != b.time);
}

TEST(a_connection_without_data_opens_and_closes)
{
    struct scenario s = scenario_bulk(0, 20 * MS, 64 * KIB);
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
}

TEST(a_long_path_is_filled)
{
    struct scenario s = scenario_bulk(20 * KIB * KIB, 40 * MS, 2 * KIB * KIB);
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
    EXPECT(out.time < 2700 * MS); // 1.68 s at the full rate
}

TEST(one_lost_segment_is_repeated_once_and_without_a_time_out)
{
    struct scenario s = scenario_bulk(256 * KIB, 20 * MS, 64 * KIB);
    s.there.loss = PERCENT / 2;
    unsigned fast = 0;
    for (s.seed = 1; s.seed <= 20; s.seed++) {
        struct outcome out = run(&s);
        EXPECT_STR(out.failure, "");
        EXPECT(out.retransmits <= out.lost + 1);
        fast += out.time < 400 * MS ? 1 : 0;
    }
    EXPECT(fast >= 18);
}

TEST(bursts_of_loss_are_survived)
{
    struct scenario s = scenario_bulk(512 * KIB, 20 * MS, 256 * KIB);
    s = both_ways(s, (struct link_config){.burst = PERCENT / 2, .burst_time = 3 * MS});
    for (s.seed = 1; s.seed <= 10; s.seed++) {
        struct outcome out = run(&s);
        EXPECT_STR(out.failure, "");
    }
}

TEST(damaged_segments_are_as_if_lost)
{
    struct scenario s = scenario_bulk(256 * KIB, 20 * MS, 64 * KIB);
    s = both_ways(s, (struct link_config){.corrupt = 2 * PERCENT});
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
    EXPECT(out.damaged > 0);
}

TEST(doubled_segments_cost_no_repetitions)
{
    struct scenario s = scenario_bulk(256 * KIB, 20 * MS, 64 * KIB);
    s = both_ways(s, (struct link_config){.duplicate = 10 * PERCENT});
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
    EXPECT(out.retransmits <= 2);
}

TEST(reordering_is_learned)
{
    struct scenario s = scenario_bulk(4 * KIB * KIB, 20 * MS, 256 * KIB);
    s = both_ways(s, (struct link_config){.reorder = 5 * PERCENT, .reorder_delay = 2 * MS});
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
    EXPECT(out.retransmits < out.packets / 200);
}

TEST(a_reader_that_is_slow_closes_the_window_and_opens_it)
{
    struct scenario s = scenario_bulk(128 * KIB, 20 * MS, 16 * KIB);
    s.server.read_size = 4 * KIB;
    s.server.read_every = 300 * MS;
    s.back.loss = 20 * PERCENT; // window updates are lost too
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
    EXPECT(out.time >= 32 * (300 * MS));
    EXPECT(out.time < 60 * (300 * MS));
}

TEST(small_writes_are_gathered_while_something_is_in_flight)
{
    struct scenario s = scenario_bulk(20 * KIB, 100 * MS, 64 * KIB);
    s.client.write_size = 20;
    s.client.write_every = MS;
    struct outcome gathered = run(&s);
    EXPECT_STR(gathered.failure, "");
    s.client.tcp.is_nodelay = true;
    struct outcome at_once = run(&s);
    EXPECT_STR(at_once.failure, "");
    EXPECT(gathered.packets * 4 < at_once.packets);
}

TEST(both_ends_may_send_at_the_same_time)
{
    struct scenario s = scenario_bulk(512 * KIB, 20 * MS, 128 * KIB);
    s.server.bytes = 300 * KIB;
    s = both_ways(s, (struct link_config){.loss = PERCENT});
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
}

TEST(a_listener_that_keeps_nothing_takes_connections_too)
{
    struct scenario s = scenario_bulk(256 * KIB, 20 * MS, 128 * KIB);
    s.server.has_cookies = true;
    s.server.bytes = 10000;
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
    EXPECT_EQ(out.retransmits, 0);
}

TEST(a_device_that_cuts_bursts_loses_nothing)
{
    struct scenario s = scenario_bulk(KIB * KIB, 20 * MS, 512 * KIB);
    s.client.burst_max = 65000;
    s = both_ways(s, (struct link_config){.loss = PERCENT});
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
}

// Jain's index of what each got: 1 is even, 1/n is all for one.
static double fairness(const struct outcome *out, unsigned flows)
{
    double sum = 0;
    double squares = 0;
    for (unsigned i = 0; i < flows; i++) {
        sum += (double)out->bytes[i];
        squares += (double)out->bytes[i] * (double)out->bytes[i];
    }
    return sum * sum / (flows * squares);
}

static struct scenario shared_path(unsigned flows)
{
    struct scenario s = scenario_bulk(1000ull * KIB * KIB, 40 * MS, 2 * KIB * KIB);
    s.there.rate = 20000000;
    s.there.queue = 100 * KIB;
    s.back.rate = s.there.rate;
    s.flows = flows;
    s.stop_after = 60 * NSEC_PER_SEC;
    return s;
}

TEST(flows_that_begin_together_share_a_path)
{
    for (unsigned flows = 2; flows <= FLOWS_MAX; flows *= 2) {
        struct scenario s = shared_path(flows);
        s.stagger = 7 * MS;
        struct outcome out = run(&s);
        EXPECT_STR(out.failure, "");
        EXPECT(fairness(&out, flows) > 0.9);
    }
}

TEST(a_flow_that_comes_later_gets_its_share)
{
    struct scenario s = shared_path(2);
    s.stagger = 10 * NSEC_PER_SEC;
    struct outcome out = run(&s);
    EXPECT_STR(out.failure, "");
    EXPECT(out.bytes[1] * 3 > out.bytes[0]);
}

static struct link_config random_link(struct test_random *r)
{
    return (struct link_config){
        .rate = 1000000 << test_random_below(r, 8),
        .delay = test_random_below(r, 100) * MS,
        .jitter = test_random_below(r, 2) * test_random_below(r, 20) * MS,
        .queue = (uint32_t)(8 * KIB << test_random_below(r, 6)),
        .loss = (uint32_t)(test_random_below(r, 2) * test_random_below(r, 10 * PERCENT)),
        .burst = (uint32_t)(test_random_below(r, 2) * PERCENT / 10),
        .burst_time = test_random_below(r, 100) * MS,
        .reorder = (uint32_t)(test_random_below(r, 2) * test_random_below(r, 10 * PERCENT)),
        .reorder_delay = test_random_below(r, 50) * MS,
        .duplicate = (uint32_t)(test_random_below(r, 2) * test_random_below(r, 5 * PERCENT)),
        .corrupt = (uint32_t)(test_random_below(r, 2) * test_random_below(r, 2 * PERCENT)),
    };
}

static struct scenario random_scenario(struct test_random *r)
{
    struct scenario s = scenario_bulk(1 + test_random_below(r, 256 * KIB), 0,
                                      (uint32_t)(4 * KIB << test_random_below(r, 10)));
    s.there = random_link(r);
    s.back = random_link(r);
    s.server.bytes = test_random_below(r, 2) * test_random_below(r, 128 * KIB);
    s.server.tcp.receive_buffer = (uint32_t)(2 * KIB << test_random_below(r, 10));
    s.client.tcp.mss_max = (uint16_t)(88 + test_random_below(r, 9000));
    s.client.tcp.is_nodelay = test_random_below(r, 2) == 0;
    s.client.burst_max = test_random_below(r, 2) == 0 ? 1 : 65000;
    s.server.has_cookies = test_random_below(r, 4) == 0;
    if (test_random_below(r, 3) == 0) {
        s.server.read_size = (uint32_t)(1 + test_random_below(r, 16 * KIB));
        s.server.read_every = test_random_below(r, 50) * MS;
    }
    if (test_random_below(r, 3) == 0) {
        s.client.write_size = (uint32_t)(1 + test_random_below(r, 16 * KIB));
        s.client.write_every = test_random_below(r, 50) * MS;
    }
    s.flows = 1 + (unsigned)test_random_below(r, 3);
    s.stagger = test_random_below(r, 100) * MS;
    s.seed = test_random_next(r) >> 32;
    return s;
}

TEST(any_path_carries_everything_in_the_end)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct test_random random = {.state = seed * 7919};
        struct scenario s = random_scenario(&random);
        struct outcome out = run(&s);
        if (out.failure[0] != '\0') {
            test_fail(__FILE__, __LINE__, "seed %u: %s", (unsigned)seed, out.failure);
        }
    }
}
