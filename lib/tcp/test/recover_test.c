// SPDX-License-Identifier: Apache-2.0
/* Loss with SACK: what is missing, when it goes again, and what that does to the window. */
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

// ---- SACK and RACK (RFC 6675, RFC 8985) ----

TEST(three_segments_told_by_sack_send_the_first_again_at_once)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 6);
    peer(d, "A 1 ack 1 sack 1001-2001");
    peer(d, "A 1 ack 1 sack 1001-3001");
    expect_silence(d);
    peer(d, "A 1 ack 1 sack 1001-4001");
    expect(d, "A 1+1000");
    expect_silence(d);
}

TEST(one_block_of_three_segments_is_enough)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 6);
    peer(d, "A 1 ack 1 sack 1001-4001");
    expect(d, "A 1+1000");
}

TEST(fewer_wait_for_a_quarter_of_the_round_trip)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 6);
    peer(d, "A 1 ack 1 sack 1001-2001");
    expect_silence(d);
    expect_due(d, 25 * MS);
    expect(d, "A 1+1000");
    expect_silence(d);
}

TEST(what_the_reordering_timer_found_lost_counts_as_loss)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    peer(d, "A 1 ack 1 sack 1001-2001");
    expect_due(d, 25 * MS);
    expect(d, "A 1+1000");
    EXPECT_EQ(dialogue_info(d).threshold, 7000);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 10001");
    EXPECT_EQ(dialogue_info(d).window, 7000);
}

TEST(what_was_only_late_is_not_sent_again)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 6);
    peer(d, "A 1 ack 1 sack 1001-2001");
    pass(d, 10 * MS);
    peer(d, "A 1 ack 2001");
    pass(d, 50 * MS);
    expect_silence(d);
    EXPECT_EQ(dialogue_info(d).reordering_seen, 1);
}

TEST(once_reordering_was_seen_three_segments_are_not_enough)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    peer(d, "A 1 ack 1 sack 1001-2001");
    peer(d, "A 1 ack 2001");
    peer(d, "A 1 ack 2001 sack 3001-6001");
    expect_silence(d);
    expect_due(d, 25 * MS);
    expect(d, "A 2001+1000");
}

TEST(only_holes_go_again)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    peer(d, "A 1 ack 1 sack 1001-2001 sack 3001-4001 sack 5001-10001");
    expect(d, "A 1+1000");
    pass(d, MS);
    peer(d, "A 1 ack 2001 sack 3001-4001 sack 5001-10001");
    expect(d, "A 2001+1000");
    expect(d, "A 4001+1000");
    expect_silence(d);
    peer(d, "A 1 ack 10001");
    expect_silence(d);
    EXPECT_EQ(d->acked, 10000);
    EXPECT_EQ(dialogue_info(d).retransmits, 3);
}

TEST(new_data_goes_during_recovery_as_the_window_allows)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    app_write(d, 10000);
    peer(d, "A 1 ack 1 sack 1001-4001");
    expect(d, "A 1+1000"); // 6 are in flight of 7
    expect_silence(d);
    peer(d, "A 1 ack 1 sack 1001-6001");
    expect(d, "A 10001+1000");
}

TEST(recovery_sends_in_proportion_to_what_comes)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    app_write(d, 10000);
    peer(d, "A 1 ack 1 sack 1001-4001");
    EXPECT_EQ(drain(d), 1);
    static constexpr unsigned WANT[] = {1, 1, 1, 1, 1, 1}; // RFC 6937: 7 stay in flight
    for (unsigned i = 0; i < 6; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A 1 ack 1 sack 1001-%u", 5001 + i * 1000);
        peer(d, text);
        EXPECT_EQ(drain(d), WANT[i]);
        EXPECT(dialogue_info(d).in_flight <= 7000);
    }
    EXPECT_EQ(dialogue_info(d).in_flight, 7000);
}

TEST(the_acknowledgement_of_all_that_was_in_flight_ends_recovery)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    app_write(d, 10000);
    peer(d, "A 1 ack 1 sack 1001-4001");
    EXPECT_EQ(drain(d), 1);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 10001");
    EXPECT_EQ(dialogue_info(d).window, 7000);
    EXPECT_EQ(drain(d), 7);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 10001 sack 11001-15001");
    EXPECT(dialogue_info(d).threshold < 7000); // another one
    expect(d, "A 10001+1000");
}

TEST(a_repetition_that_was_lost_goes_again)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    app_write(d, 10000);
    peer(d, "A 1 ack 1 sack 1001-6001");
    expect(d, "A 1+1000");
    pass(d, MS);
    peer(d, "A 1 ack 1 sack 1001-10001");
    unsigned n = drain(d); // new data, sent after the repetition
    EXPECT(n >= 1);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 1 sack 1001-11001");
    expect(d, "A 1+1000");
}

TEST(what_was_delivered_before_an_hour_of_silence_says_nothing_of_what_is_sent_now)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 1);
    peer(d, "A 1 ack 1001");
    pass(d, 2700 * NSEC_PER_SEC); // more than half the range of the ticks
    app_write_segments(d, 1001, 6);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 1001 sack 2001-3001");
    expect_silence(d); // the first may still be late
    EXPECT_EQ(dialogue_info(d).lost, 0);
    expect_due(d, 25 * MS);
    expect(d, "A 1001+1000");
    EXPECT_EQ(dialogue_info(d).lost, 0); // and those behind it are not
}

TEST(sack_of_what_was_not_sent_is_ignored)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 5);
    peer(d, "A 1 ack 1 sack 1001-5002");
    peer(d, "A 1 ack 1 sack 4001-1001");
    peer(d, "A 1 ack 1 sack 3000001-3001001");
    pass(d, 50 * MS);
    expect_silence(d);
    EXPECT_EQ(dialogue_info(d).in_flight, 5000);
}

TEST(sack_that_was_not_agreed_on_is_ignored)
{
    struct dialogue *d = in_flight("mss 1000", 6);
    peer(d, "A 1 ack 1 sack 1001-6001");
    expect_silence(d);
    EXPECT_EQ(dialogue_info(d).in_flight, 5000); // one duplicate is one segment
}

TEST(an_old_acknowledgement_may_still_tell_by_sack)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 8);
    peer(d, "A 1 ack 2001");
    peer(d, "A 1 ack 1001 sack 4001-7001");
    expect(d, "A 2001+1000");
}

TEST(recovery_with_sack_ends_with_a_window_of_seven_tenths)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 10);
    peer(d, "A 1 ack 1 sack 1001-4001");
    expect(d, "A 1+1000");
    pass(d, 100 * MS);
    peer(d, "A 1 ack 10001");
    EXPECT_EQ(dialogue_info(d).window, 7000);
}

TEST(a_receiver_that_forgets_what_it_told_gets_it_again_after_the_timeout)
{
    struct dialogue *d = in_flight("mss 1000 sackok", 4);
    peer(d, "A 1 ack 1 sack 1001-4001");
    expect(d, "A 1+1000");
    peer(d, "A 1 ack 1001"); // but not 4001: the rest is gone
    expect_silence(d);
    expect_due(d, dialogue_info(d).rto);
    expect(d, "A 1001+1000");
    peer(d, "A 1 ack 2001");
    expect(d, "A 2001+1000");
    expect(d, "A 3001+1000");
}

TEST(after_a_timeout_what_was_told_by_sack_is_not_sent_again)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    app_write_segments(d, 1, 4);
    peer(d, "A 1 ack 1 sack 2001-3001");
    pass(d, 30 * MS);
    drain(d); // repetitions, which are lost
    pass(d, 2000 * MS);
    drain(d);
    peer(d, "A 1 ack 1001 sack 2001-3001");
    expect(d, "A 1001+1000");
    expect(d, "A 3001+1000");
    expect_silence(d);
}

TEST(a_timeout_takes_only_the_first_and_what_is_old_for_lost)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    app_write_segments(d, 1, 1);
    pass(d, 290 * MS);
    app_write_segments(d, 1001, 2);
    expect_due(d, 10 * MS);
    expect(d, "A 1+1000");
    pass(d, 90 * MS);
    peer(d, "A 1 ack 3001");
    expect_silence(d);
    EXPECT_EQ(dialogue_info(d).retransmits, 1);
}

TEST(many_holes_are_repaired_though_the_list_is_bounded)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    d->config.is_nodelay = true;
    tcp_configure(&d->t, &d->config);
    dialogue_connect(d, "mss 1000 sackok");
    app_write(d, 2000);
    d->burst = 10000;
    for (unsigned i = 0; i < 200; i++) { // 200 segments of 10 bytes
        app_write(d, 0);
    }
    drain(d);
    // Every other ten bytes came.
    for (uint32_t i = 0; i < 100; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A 1 ack 1 sack %u-%u", 11 + i * 20, 21 + i * 20);
        peer(d, text);
    }
    for (unsigned i = 0; i < 200 && dialogue_info(d).in_flight > 0; i++) {
        pass(d, 500 * MS);
        drain(d);
    }
    peer(d, "A 1 ack 2001");
    EXPECT_EQ(d->acked, 2000);
    EXPECT_EQ(dialogue_info(d).in_flight, 0);
}

TEST(many_small_segments_are_sent_though_the_list_is_bounded)
{
    struct dialogue *d = open_with("mss 1000 sackok");
    d->config.is_nodelay = true;
    tcp_configure(&d->t, &d->config);
    for (uint32_t i = 0; i < 90; i++) { // one every millisecond, within a round trip
        char text[60];
        app_write(d, 10);
        fmt_print(text, sizeof(text), "A %u+10", 1 + i * 10);
        expect(d, text);
        pass(d, MS);
    }
    pass(d, 10 * MS);
    peer(d, "A 1 ack 1 sack 891-901");
    // It was sent 11 ms ago: what is older than that and a quarter of the least round trip is lost, and
    // when it was sent was kept well enough.
    uint32_t lost = dialogue_info(d).lost;
    EXPECT(lost > 700 && lost < 890);
    EXPECT(drain(d) >= 1);
    EXPECT_EQ(d->output.seq, OUR_ISN + 1);
}
