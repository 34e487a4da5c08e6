// SPDX-License-Identifier: Apache-2.0
/* Timestamps (RFC 7323): which is echoed, what is too old, what they measure. */
#include "lib/tcp/test/dialogue.h"

static struct dialogue dialogue;

static struct dialogue *open_at(const char *options)
{
    return dialogue_open_with(&dialogue, options);
}

TEST(every_segment_has_timestamps_once_agreed_on)
{
    struct dialogue *d = open_at("mss 1000 ts 100 0");
    app_write(d, 10);
    expect(d, "A 1+10 ts 95 100");
    peer(d, "A 1+10 ack 11 ts 101 95");
    expect_due(d, 40 * MS);
    expect(d, "A 11 ts 133 101");
}

TEST(the_first_segment_that_is_not_acknowledged_is_echoed)
{
    struct dialogue *d = open_at("mss 1000 ts 100 0");
    peer(d, "A 1+10 ack 1 ts 105 0");
    peer(d, "A 11+10 ack 1 ts 109 0");
    expect_due(d, 40 * MS);
    expect(d, "A 1 ack 21 ts 133 105");
}

TEST(what_comes_out_of_order_is_not_echoed)
{
    struct dialogue *d = open_at("mss 1000 sackok ts 100 0");
    peer(d, "A 11+10 ack 1 ts 109 0");
    expect(d, "A 1 ack 1 ts 95 100");
    peer(d, "A 1+10 ack 1 ts 112 0");
    expect(d, "A 1 ack 21 ts 95 112");
}

TEST(an_older_timestamp_is_dropped_and_answered)
{
    struct dialogue *d = open_at("mss 1000 ts 100 0");
    peer(d, "A 1+10 ack 1 ts 99 0");
    EXPECT_EQ(d->readable, 0);
    expect(d, "A 1 ack 1 ts 95 100");
}

TEST(an_equal_timestamp_is_good)
{
    struct dialogue *d = open_at("mss 1000 ts 100 0");
    peer(d, "A 1+10 ack 1 ts 100 0");
    EXPECT_EQ(d->readable, 10);
}

TEST(timestamps_wrap_around)
{
    struct dialogue *d = open_at("mss 1000 ts 4294967290 0");
    peer(d, "A 1+10 ack 1 ts 5 0");
    EXPECT_EQ(d->readable, 10);
    peer(d, "A 11+10 ack 1 ts 4294967295 0");
    EXPECT_EQ(d->readable, 10);
}

TEST(after_weeks_of_silence_any_timestamp_is_good)
{
    struct dialogue *d = open_at("mss 1000 ts 100 0");
    pass(d, 25ull * 86400 * NSEC_PER_SEC);
    peer(d, "A 1+10 ack 1 ts 50 0");
    EXPECT_EQ(d->readable, 10);
}

TEST(a_segment_without_timestamps_is_dropped_silently)
{
    struct dialogue *d = open_at("mss 1000 ts 100 0");
    peer(d, "A 1+10 ack 1");
    EXPECT_EQ(d->readable, 0);
    expect_silence(d);
    expect_state(d, TCP_ESTABLISHED);
}

TEST(timestamps_that_were_not_agreed_on_are_ignored)
{
    struct dialogue *d = open_at("mss 1000");
    peer(d, "A 1+10 ack 1 ts 5 5");
    EXPECT_EQ(d->readable, 10);
    peer(d, "A 11+10 ack 1 ts 4 4");
    EXPECT_EQ(d->readable, 20);
    app_write(d, 10);
    expect(d, "A 1+10");
    EXPECT_EQ(d->output.has, 0);
}

TEST(timestamps_measure_what_was_sent_twice)
{
    struct dialogue *d = open_at("mss 1000 ts 100 0");
    app_write(d, 988);
    expect(d, "A 1+988 ts 95 100");
    expect_due(d, 300 * MS);
    expect(d, "A 1+988");
    pass(d, 500 * MS);
    peer(d, "A 1 ack 989 ts 101 381");
    EXPECT(dialogue_info(d).rtt > 140 * MS);
    EXPECT(dialogue_info(d).rtt < 160 * MS); // 7/8 of 100 ms and 1/8 of 500 ms
}

TEST(a_timestamp_that_cannot_be_ours_measures_nothing)
{
    struct dialogue *d = open_at("mss 1000 ts 100 0");
    app_write(d, 988);
    expect(d, "A 1+988");
    expect_due(d, 300 * MS);
    expect(d, "A 1+988");
    nsec_t before = dialogue_info(d).rtt;
    peer(d, "A 1 ack 989 ts 101 99999999");
    EXPECT_EQ(dialogue_info(d).rtt, before);
    EXPECT_EQ(d->acked, 988);
}

TEST(a_fin_with_an_old_timestamp_is_not_taken)
{
    struct dialogue *d = open_at("mss 1000 ts 100 0");
    peer(d, "FA 1 ack 1 ts 99 0");
    expect_state(d, TCP_ESTABLISHED);
    expect(d, "A 1 ack 1");
}

// The first acknowledgement was lost; this one came because the repetition did.
TEST(what_came_twice_measures_nothing)
{
    struct dialogue *d = open_at("mss 1000 sackok ts 100 0");
    app_write(d, 988);
    expect(d, "A 1+988 ts 95 100");
    nsec_t before = dialogue_info(d).rtt;
    while (dialogue_info(d).retransmits < 2) {
        pass(d, 100 * MS);
        while (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
        }
    }
    pass(d, 100 * MS);
    peer(d, "A 1 ack 989 ts 101 95 sack 1-989");
    EXPECT_EQ(dialogue_info(d).in_flight, 0);
    EXPECT_EQ(dialogue_info(d).rtt, before);
}
