// SPDX-License-Identifier: Apache-2.0
/* Loss without SACK: time-outs (RFC 6298), duplicate acknowledgements (RFC 5681, RFC 6582). */
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

// ---- The retransmission time-out (RFC 6298) ----

TEST(what_is_not_acknowledged_goes_again_with_doubled_times)
{
    struct dialogue *d = open_with("mss 1000");
    app_write_segments(d, 1, 1);
    expect_due(d, 300 * MS);
    expect(d, "A 1+1000 ack 1");
    expect_silence(d);
    expect_due(d, 600 * MS);
    expect(d, "A 1+1000");
    expect_due(d, 1200 * MS);
    expect(d, "A 1+1000");
    EXPECT_EQ(dialogue_info(d).retries, 3);
    EXPECT_EQ(dialogue_info(d).retransmits, 3);
}

TEST(an_acknowledgement_stops_the_timer)
{
    struct dialogue *d = in_flight("mss 1000", 1);
    peer(d, "A 1 ack 1001");
    EXPECT_EQ(tcp_deadline(&d->t), NSEC_NEVER);
}

TEST(an_acknowledgement_of_a_part_starts_the_timer_anew)
{
    struct dialogue *d = open_with("mss 1000");
    app_write_segments(d, 1, 2);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 1001");
    nsec_t rto = dialogue_info(d).rto;
    expect_due(d, rto);
    expect(d, "A 1001+1000");
}

TEST(more_data_does_not_put_the_timer_off)
{
    struct dialogue *d = open_with("mss 1000");
    app_write_segments(d, 1, 1);
    pass(d, 200 * MS);
    app_write_segments(d, 1001, 1);
    expect_due(d, 100 * MS);
    expect(d, "A 1+1000");
}

TEST(what_was_sent_twice_gives_no_round_trip_time)
{
    struct dialogue *d = open_with("mss 1000");
    nsec_t before = dialogue_info(d).rtt;
    app_write_segments(d, 1, 1);
    expect_due(d, 300 * MS);
    expect(d, "A 1+1000");
    pass(d, MS);
    peer(d, "A 1 ack 1001");
    EXPECT_EQ(dialogue_info(d).rtt, before);
    // The time-out stays long until there is a sample (RFC 6298, 5, Karn).
    app_write_segments(d, 1001, 1);
    expect_due(d, 600 * MS);
    expect(d, "A 1001+1000");
}

TEST(a_sample_ends_the_doubling)
{
    struct dialogue *d = open_with("mss 1000");
    app_write_segments(d, 1, 1);
    expect_due(d, 300 * MS);
    expect(d, "A 1+1000");
    peer(d, "A 1 ack 1001");
    app_write_segments(d, 1001, 1);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 2001");
    app_write_segments(d, 2001, 1);
    expect_due(d, 300 * MS);
}

TEST(after_a_timeout_the_window_is_one_segment_and_all_goes_again)
{
    struct dialogue *d = open_with("mss 1000");
    app_write_segments(d, 1, 4);
    expect_due(d, 300 * MS);
    expect(d, "A 1+1000");
    expect_silence(d);
    EXPECT_EQ(dialogue_info(d).window, 1000);
    peer(d, "A 1 ack 1001");
    expect(d, "A 1001+1000");
    expect(d, "A 2001+1000");
    expect_silence(d);
    peer(d, "A 1 ack 3001");
    expect(d, "A 3001+1000");
    expect_silence(d);
    peer(d, "A 1 ack 4001");
    EXPECT_EQ(d->acked, 4000);
    EXPECT_EQ(dialogue_info(d).lost, 0);
}

TEST(an_acknowledgement_of_all_after_a_timeout_sends_nothing_again)
{
    struct dialogue *d = open_with("mss 1000");
    app_write_segments(d, 1, 4);
    expect_due(d, 300 * MS);
    expect(d, "A 1+1000");
    peer(d, "A 1 ack 4001");
    expect_silence(d);
    EXPECT_EQ(tcp_deadline(&d->t), NSEC_NEVER);
}

TEST(a_repeated_timeout_lowers_the_threshold_once)
{
    struct dialogue *d = open_with("mss 1000");
    app_write_segments(d, 1, 10);
    expect_due(d, 300 * MS);
    expect(d, "A 1+1000");
    uint32_t threshold = dialogue_info(d).threshold;
    expect_due(d, 600 * MS);
    EXPECT_EQ(dialogue_info(d).threshold, threshold);
}

TEST(small_segments_go_again_as_one)
{
    struct dialogue *d = open_with("mss 1000");
    d->config.is_nodelay = true;
    tcp_configure(&d->t, &d->config);
    for (uint32_t i = 0; i < 5; i++) {
        char text[60];
        app_write(d, 10);
        fmt_print(text, sizeof(text), "A %u+10", 1 + i * 10);
        expect(d, text);
    }
    expect_due(d, 300 * MS);
    expect(d, "PA 1+50");
}

// ---- Without SACK (RFC 5681, RFC 6582) ----

TEST(two_duplicates_are_not_enough)
{
    struct dialogue *d = in_flight("mss 1000", 5);
    peer(d, "A 1 ack 1");
    peer(d, "A 1 ack 1");
    expect_silence(d);
}

TEST(the_third_duplicate_sends_the_first_segment_again)
{
    struct dialogue *d = in_flight("mss 1000", 5);
    peer(d, "A 1 ack 1");
    peer(d, "A 1 ack 1");
    peer(d, "A 1 ack 1");
    expect(d, "A 1+1000");
    expect_silence(d);
}

TEST(what_is_no_duplicate_does_not_count)
{
    struct dialogue *d = in_flight("mss 1000", 5);
    peer(d, "A 1+10 ack 1");         // data
    peer(d, "A 11 ack 1 win 49000"); // another window
    peer(d, "A 11+10 ack 1 win 49000");
    peer(d, "A 21 ack 1 win 49000");
    peer(d, "A 21 ack 1 win 49000");
    EXPECT_EQ(drain(d), 0);
    peer(d, "A 21 ack 1 win 49000");
    expect(d, "A 1+1000");
}

TEST(a_partial_acknowledgement_sends_the_next_hole_again)
{
    struct dialogue *d = in_flight("mss 1000", 6);
    for (unsigned i = 0; i < 3; i++) {
        peer(d, "A 1 ack 1");
    }
    expect(d, "A 1+1000");
    peer(d, "A 1 ack 3001");
    expect(d, "A 3001+1000");
    peer(d, "A 1 ack 6001");
    expect_silence(d);
    EXPECT_EQ(d->acked, 6000);
}

TEST(duplicates_of_one_recovery_do_not_begin_another)
{
    struct dialogue *d = in_flight("mss 1000", 10);
    for (unsigned i = 0; i < 9; i++) {
        peer(d, "A 1 ack 1");
    }
    expect(d, "A 1+1000");
    expect_silence(d);
    peer(d, "A 1 ack 10001");
    for (unsigned i = 0; i < 5; i++) {
        peer(d, "A 1 ack 10001");
    }
    expect_silence(d);
}

TEST(fast_recovery_ends_with_a_window_of_seven_tenths)
{
    struct dialogue *d = in_flight("mss 1000", 10);
    for (unsigned i = 0; i < 9; i++) {
        peer(d, "A 1 ack 1");
    }
    expect(d, "A 1+1000");
    peer(d, "A 1 ack 10001");
    EXPECT_EQ(dialogue_info(d).window, 7000);
}

TEST(duplicates_count_after_gigabytes_without_loss)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    d->config.mss_max = 60000;
    tcp_configure(&d->t, &d->config);
    dialogue_connect(d, "mss 60000 scale 10");
    d->burst = 1 << 24;
    uint32_t at = 1;
    for (unsigned i = 0; i < 400; i++) {
        char text[60];
        app_write(d, 6000000);
        while (tcp_output(&d->t, d->now, d->burst, &d->output, &d->payload)) {
            at = d->output.seq + d->output.payload_size - OUR_ISN;
            fmt_print(text, sizeof(text), "A 1 ack %u", at);
            peer(d, text);
        }
        pass(d, MS);
    }
    EXPECT(at > 1u << 31);
    d->burst = 0;
    app_write(d, 240000);
    EXPECT_EQ(drain(d), 4);
    for (unsigned i = 0; i < 3; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A 1 ack %u", at);
        peer(d, text);
    }
    EXPECT_EQ(drain(d), 1);
    EXPECT_EQ(d->output.seq, OUR_ISN + at);
}
