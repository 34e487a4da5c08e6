// SPDX-License-Identifier: Apache-2.0
/* Tail loss probes, and what proves not to have been lost. */
#include "lib/tcp/test/dialogue.h"

static struct dialogue dialogue;

// Everything that goes now goes.
static unsigned drain(struct dialogue *d)
{
    unsigned n = 0;
    while (n < 1000 && tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
        n++;
    }
    return n;
}

static struct dialogue *open_with(const char *options)
{
    return dialogue_open_with(&dialogue, options);
}

// `n` segments are in flight for 100 ms, one round trip.
static struct dialogue *in_flight(const char *options, unsigned n)
{
    struct dialogue *d = open_with(options);
    app_write_segments(d, 1, n);
    pass(d, 100 * MS);
    return d;
}

// ---- Tail loss probes (RFC 8985, 7) ----

TEST(the_last_segment_goes_again_after_two_round_trips)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    app_write_segments(d, 1, 3);
    expect_due(d, 202 * MS);
    expect(d, "A 2001+1000");
    expect_silence(d);
}

TEST(a_single_segment_waits_for_a_delayed_acknowledgement_too)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    app_write_segments(d, 1, 1);
    expect_due(d, 300 * MS); // the time-out is sooner than 2 * 100 + 200
}

TEST(a_probe_is_new_data_if_there_is_some)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    app_write_segments(d, 1, 10);
    app_write(d, 5000);
    expect_silence(d); // the window is full
    expect_due(d, 202 * MS);
    expect(d, "A 10001+1000");
    expect_silence(d);
}

TEST(a_probe_of_new_data_is_no_loss)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    app_write_segments(d, 1, 10);
    app_write(d, 2000);
    expect_silence(d);
    expect_due(d, 202 * MS);
    expect(d, "A 10001+1000");
    pass(d, 50 * MS);
    peer(d, "A 1 ack 10001"); // the acknowledgements were late
    expect(d, "A 11001+1000");
    uint32_t window = dialogue_info(d).window;
    peer(d, "A 1 ack 12001");
    EXPECT(dialogue_info(d).window >= window);
}

TEST(there_is_one_probe_only_and_then_the_timeout)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    app_write_segments(d, 1, 3);
    expect_due(d, 202 * MS);
    expect(d, "A 2001+1000");
    expect_due(d, 300 * MS);
    expect(d, "A 1+1000");
}

TEST(a_probe_tells_of_what_is_missing)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    app_write_segments(d, 1, 5);
    expect_due(d, 202 * MS);
    expect(d, "A 4001+1000");
    pass(d, 100 * MS);
    peer(d, "A 1 ack 2001 sack 4001-5001");
    expect(d, "A 2001+1000"); // sent long before the probe
    expect(d, "A 3001+1000");
}

TEST(a_probe_that_repaired_the_loss_counts_as_loss)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    app_write_segments(d, 1, 10);
    expect_due(d, 202 * MS);
    expect(d, "A 9001+1000");
    app_write(d, 1000);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 10001");
    uint32_t window = dialogue_info(d).window;
    EXPECT(window >= 10000); // not known yet
    expect(d, "A 10001+1000");
    peer(d, "A 1 ack 11001");
    EXPECT(dialogue_info(d).window < window);
}

TEST(a_probe_that_came_twice_does_not)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    app_write_segments(d, 1, 10);
    expect_due(d, 202 * MS);
    expect(d, "A 9001+1000");
    pass(d, 50 * MS);
    peer(d, "A 1 ack 10001");
    pass(d, 50 * MS);
    peer(d, "A 1 ack 10001 sack 9001-10001");
    app_write_segments(d, 10001, 1);
    peer(d, "A 1 ack 11001");
    EXPECT(dialogue_info(d).window >= 10000);
}

TEST(without_sack_there_are_no_probes)
{
    struct dialogue *d = open_with("mss 1000");
    app_write_segments(d, 1, 3);
    expect_due(d, 300 * MS);
    expect(d, "A 1+1000");
}

// ---- What was spurious ----

TEST(a_timeout_that_the_timestamp_proves_wrong_is_undone)
{
    struct dialogue *d = open_with("mss 1000 ts 500 0");
    app_write(d, 9880);
    EXPECT_EQ(drain(d), 10);
    pass(d, 310 * MS);
    EXPECT_EQ(dialogue_info(d).window, 988);
    expect(d, "A 1+988");
    pass(d, 10 * MS);
    peer(d, "A 1 ack 1977 ts 501 95"); // it answers what was sent first
    EXPECT(dialogue_info(d).window >= 9880);
    EXPECT_EQ(dialogue_info(d).lost, 0);
    expect_silence(d);
}

TEST(a_timeout_whose_repetition_is_acknowledged_is_not_undone)
{
    struct dialogue *d = open_with("mss 1000 ts 500 0");
    app_write(d, 9880);
    EXPECT_EQ(drain(d), 10);
    pass(d, 310 * MS);
    expect(d, "A 1+988");
    pass(d, 100 * MS);
    peer(d, "A 1 ack 989 ts 501 400");
    EXPECT(dialogue_info(d).window < 3000);
    EXPECT_EQ(drain(d), 2);
}

TEST(a_fast_repetition_that_came_twice_is_undone)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    peer(d, "A 1 ack 1 sack 1001-4001");
    expect(d, "A 1+1000");
    pass(d, 10 * MS);
    peer(d, "A 1 ack 4001");
    peer(d, "A 1 ack 10001");
    EXPECT_EQ(dialogue_info(d).window, 7000);
    pass(d, 90 * MS);
    peer(d, "A 1 ack 10001 sack 1-1001");
    EXPECT(dialogue_info(d).window >= 10000);
}

TEST(a_duplicate_of_something_else_undoes_nothing)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    peer(d, "A 1 ack 1 sack 1001-4001");
    expect(d, "A 1+1000");
    pass(d, 100 * MS);
    peer(d, "A 1 ack 10001"); // that loss was real
    EXPECT_EQ(dialogue_info(d).window, 7000);
    app_write_segments(d, 10001, 5);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 15001 sack 10001-11001"); // the network repeated one
    EXPECT(dialogue_info(d).window < 8000);
}

TEST(segments_that_come_twice_widen_the_reordering_window)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    peer(d, "A 1 ack 1 sack 1001-4001");
    expect(d, "A 1+1000");
    peer(d, "A 1 ack 4001"); // it was only late
    peer(d, "A 1 ack 4001 sack 1-1001");
    peer(d, "A 1 ack 4001 sack 5001-6001");
    expect_silence(d);
    expect_due(d, 50 * MS);
    expect(d, "A 4001+1000");
}

TEST(a_duplicate_told_without_a_repetition_changes_nothing)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    peer(d, "A 1 ack 5001 sack 1-1001"); // the network repeated it
    expect_silence(d);
    EXPECT_EQ(dialogue_info(d).in_flight, 5000);
    EXPECT(dialogue_info(d).window >= 10000);
}
