// SPDX-License-Identifier: Apache-2.0
/* Loss: time-outs, duplicate acknowledgements, SACK, RACK, tail loss probes, what was spurious. */
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
