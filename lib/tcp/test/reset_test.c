// SPDX-License-Identifier: Apache-2.0
/* Resets, SYNs and acknowledgements that somebody may have forged (RFC 5961), in every state. */
#include "lib/tcp/test/dialogue.h"

static struct dialogue dialogue;

// ---- Resets ----

TEST(a_reset_with_the_exact_number_ends_the_connection)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "R 1");
    expect_failed(d, ERR_CONNRESET);
    expect_silence(d);
    EXPECT_EQ(tcp_deadline(&d->t), NSEC_NEVER);
}

TEST(a_reset_elsewhere_in_the_window_is_challenged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "R 2");
    expect(d, "A 1 ack 1");
    peer(d, "RA 40000 ack 1");
    expect(d, "A 1 ack 1");
    expect_state(d, TCP_ESTABLISHED);
    expect_events(d, 0);
}

TEST(a_reset_outside_of_the_window_is_ignored)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "R 0");
    peer(d, "R 40001");
    peer(d, "R 1000000");
    peer(d, "RA -5 ack 1");
    expect_silence(d);
    expect_state(d, TCP_ESTABLISHED);
}

TEST(a_reset_needs_the_number_after_what_came_in_order)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+100 ack 1");
    peer(d, "R 1");
    expect_state(d, TCP_ESTABLISHED);
    expect_events(d, TCP_EVENT_READABLE);
    peer(d, "R 101");
    expect_failed(d, ERR_CONNRESET);
}

TEST(a_reset_with_a_closed_window_still_counts)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+40000 ack 1");
    expect(d, "A 1 ack 40001 win 0");
    peer(d, "R 40001");
    expect_state(d, TCP_CLOSED);
}

TEST(a_reset_is_taken_without_timestamps_and_with_old_ones)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1000 ts 1000 0");
    peer(d, "R 1 ts 1 0");
    expect_state(d, TCP_CLOSED);
    d = dialogue_open_with(&dialogue, "mss 1000 ts 1000 0");
    peer(d, "R 1");
    expect_state(d, TCP_CLOSED);
}

TEST(a_reset_in_fin_wait_1_is_an_error)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "R 1");
    expect_failed(d, ERR_CONNRESET);
}

TEST(a_reset_in_fin_wait_2_is_an_error)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "A 1 ack 2");
    peer(d, "R 1");
    expect_failed(d, ERR_CONNRESET);
}

TEST(a_reset_in_close_wait_is_an_error)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 1 ack 1");
    expect(d, "A 1");
    expect_events(d, TCP_EVENT_END);
    peer(d, "R 2");
    expect_failed(d, ERR_CONNRESET);
}

TEST(a_reset_in_closing_last_ack_and_time_wait_only_ends)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "FA 1 ack 1");
    expect_state(d, TCP_CLOSING);
    peer(d, "R 2");
    expect_events(d, TCP_EVENT_END | TCP_EVENT_CLOSED);

    d = dialogue_open(&dialogue);
    peer(d, "FA 1 ack 1");
    app_shutdown(d);
    expect(d, "FA 1");
    expect_state(d, TCP_LAST_ACK);
    peer(d, "R 2");
    expect_events(d, TCP_EVENT_END | TCP_EVENT_CLOSED);

    d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "FA 1 ack 2");
    expect_state(d, TCP_TIME_WAIT);
    peer(d, "R 2");
    expect_events(d, TCP_EVENT_END | TCP_EVENT_CLOSED);
}

// ---- SYNs ----

TEST(a_syn_in_an_open_connection_is_challenged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "S 1");
    expect(d, "A 1 ack 1");
    peer(d, "S 12345678");
    expect(d, "A 1 ack 1");
    peer(d, "S 0");
    expect(d, "A 1 ack 1");
    expect_state(d, TCP_ESTABLISHED);
}

TEST(a_syn_ack_that_comes_again_is_acknowledged_again)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "SA 0 ack 1");
    expect(d, "A 1 ack 1");
    expect_silence(d);
}

TEST(a_peer_that_restarted_can_reset_by_the_challenge)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1000 ts 1000 0");
    peer(d, "S 7000000 ts 3 0 mss 1000");
    expect(d, "A 1 ack 1");
    peer(d, "R 1"); // what it answers to a number that it does not know
    expect_state(d, TCP_CLOSED);
}

TEST(data_in_a_syn_is_not_taken_in_an_open_connection)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "SA 1+10 ack 1");
    EXPECT_EQ(d->readable, 0);
    expect(d, "A 1 ack 1");
}

// ---- Acknowledgements ----

TEST(an_acknowledgement_of_what_was_not_sent_is_challenged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 1);
    peer(d, "A 1+10 ack 1002");
    expect(d, "A 1001 ack 1");
    EXPECT_EQ(d->acked, 0);
    EXPECT_EQ(d->readable, 0); // the segment goes no further
}

TEST(an_acknowledgement_from_long_ago_is_challenged_and_its_data_is_not_taken)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+10 ack -60000");
    expect(d, "A 1 ack 1");
    EXPECT_EQ(d->readable, 0);
}

TEST(an_acknowledgement_within_the_largest_window_back_is_good)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+10 ack -40000");
    EXPECT_EQ(d->readable, 10);
}

TEST(how_far_back_an_acknowledgement_is_good_follows_the_largest_window)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1 ack 1 win 60000");
    peer(d, "A 1 ack 1 win 1000");
    peer(d, "A 1+10 ack -59000");
    EXPECT_EQ(d->readable, 10);
}

TEST(a_segment_without_ack_is_dropped)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "P 1+10");
    peer(d, "F 1");
    peer(d, "- 1");
    expect_silence(d);
    EXPECT_EQ(d->readable, 0);
    expect_state(d, TCP_ESTABLISHED);
}

// ---- How many challenges ----

TEST(challenges_are_limited)
{
    struct dialogue *d = dialogue_open(&dialogue);
    unsigned count = 0;
    for (unsigned i = 0; i < 100; i++) {
        peer(d, "R 2");
        count += tcp_output(&d->t, d->now, 0, &d->output, &d->payload) ? 1 : 0;
    }
    EXPECT_EQ(count, 10);
    pass(d, 5 * NSEC_PER_SEC);
    peer(d, "R 2");
    expect(d, "A 1 ack 1");
}

TEST(acknowledgements_outside_of_the_window_cannot_make_a_war)
{
    struct dialogue *d = dialogue_open(&dialogue);
    unsigned count = 0;
    for (unsigned i = 0; i < 1000; i++) {
        peer(d, "A -100 ack 1");
        count += tcp_output(&d->t, d->now, 0, &d->output, &d->payload) ? 1 : 0;
    }
    EXPECT_EQ(count, 10);
}

// ---- Segments of no connection ----

static struct tcp_segment reset_for(struct tcp_segment s)
{
    struct tcp_segment out = {};
    (void)tcp_reset_for(&s, &out);
    return out;
}

TEST(an_acknowledgement_of_no_connection_is_reset_by_its_number)
{
    struct tcp_segment r = reset_for((struct tcp_segment){
        .source_port = 1, .destination_port = 2, .seq = 3, .ack = 4, .flags = TCP_ACK});
    EXPECT_EQ(r.flags, TCP_RST);
    EXPECT_EQ(r.seq, 4);
    EXPECT_EQ(r.source_port, 2);
    EXPECT_EQ(r.destination_port, 1);
}

TEST(a_syn_of_no_connection_is_reset_by_what_it_takes_of_the_numbers)
{
    struct tcp_segment r =
        reset_for((struct tcp_segment){.seq = 0xffffffff, .flags = TCP_SYN, .payload_size = 5});
    EXPECT_EQ(r.flags, TCP_RST | TCP_ACK);
    EXPECT_EQ(r.seq, 0);
    EXPECT_EQ(r.ack, 5);
}

TEST(a_reset_of_no_connection_is_not_answered)
{
    struct tcp_segment out;
    EXPECT(tcp_reset_for(&(struct tcp_segment){.flags = TCP_FIN}, &out));
    EXPECT(!tcp_reset_for(&(struct tcp_segment){.flags = TCP_RST}, &out));
    EXPECT(!tcp_reset_for(&(struct tcp_segment){.flags = TCP_RST | TCP_ACK}, &out));
}
