// SPDX-License-Identifier: Apache-2.0
/* FINs in all orders, and the states that they lead to (RFC 9293, 3.6). */
#include "lib/tcp/test/dialogue.h"

static struct dialogue dialogue;

static constexpr nsec_t MINUTE = 60 * NSEC_PER_SEC;

// ---- We close first ----

TEST(shutdown_sends_a_fin_that_is_acknowledged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect_state(d, TCP_FIN_WAIT_1);
    expect(d, "FA 1 ack 1");
    peer(d, "A 1 ack 2");
    expect_state(d, TCP_FIN_WAIT_2);
    expect_silence(d);
    expect_events(d, 0);
}

TEST(the_fin_goes_with_the_last_bytes)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 2000);
    app_shutdown(d);
    expect(d, "A 1+1000");
    expect(d, "FPA 1001+1000");
    expect_silence(d);
}

TEST(the_fin_waits_for_the_window)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1 ack 1 win 1000");
    app_write(d, 2000);
    app_shutdown(d);
    expect(d, "A 1+1000");
    expect_silence(d);
    peer(d, "A 1 ack 1001 win 1000");
    expect(d, "A 1001+1000");
    expect_silence(d);
    peer(d, "A 1 ack 2001 win 1000");
    expect(d, "FA 2001");
}

TEST(only_bytes_count_as_acknowledged_not_the_fin)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 10);
    app_shutdown(d);
    expect(d, "FA 1+10");
    peer(d, "A 1 ack 12");
    EXPECT_EQ(d->acked, 10);
    expect_events(d, TCP_EVENT_WRITABLE);
    expect_state(d, TCP_FIN_WAIT_2);
}

TEST(bytes_without_their_fin_may_be_acknowledged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 10);
    app_shutdown(d);
    expect(d, "FA 1+10");
    peer(d, "A 1 ack 11");
    EXPECT_EQ(d->acked, 10);
    expect_state(d, TCP_FIN_WAIT_1);
    peer(d, "A 1 ack 12");
    expect_state(d, TCP_FIN_WAIT_2);
}

TEST(the_peers_fin_after_ours_leads_to_time_wait)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "A 1 ack 2");
    peer(d, "FA 1 ack 2");
    expect_state(d, TCP_TIME_WAIT);
    expect_events(d, TCP_EVENT_END);
    expect(d, "A 2 ack 2");
    expect_silence(d);
}

TEST(a_fin_that_acknowledges_ours_leads_to_time_wait_at_once)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "FA 1 ack 2");
    expect_state(d, TCP_TIME_WAIT);
    expect(d, "A 2 ack 2");
}

TEST(reading_goes_on_after_shutdown)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "A 1+100 ack 2");
    EXPECT_EQ(d->readable, 100);
    expect_due(d, 40 * MS);
    expect(d, "A 2 ack 101");
    peer(d, "FA 101+5 ack 2");
    EXPECT_EQ(d->readable, 105);
    expect_state(d, TCP_TIME_WAIT);
}

TEST(time_wait_ends_after_a_minute)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "FA 1 ack 2");
    expect(d, "A 2 ack 2");
    expect_events(d, TCP_EVENT_END);
    expect_due(d, MINUTE);
    expect_events(d, TCP_EVENT_CLOSED);
    expect_state(d, TCP_CLOSED);
    EXPECT_EQ(tcp_deadline(&d->t), NSEC_NEVER);
}

TEST(a_fin_that_comes_again_in_time_wait_is_acknowledged_and_the_time_starts_anew)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "FA 1 ack 2");
    expect(d, "A 2 ack 2");
    pass(d, MINUTE / 2);
    peer(d, "FA 1 ack 2");
    expect(d, "A 2 ack 2");
    expect_due(d, MINUTE);
    expect_state(d, TCP_CLOSED);
}

// ---- The peer closes first ----

TEST(the_peers_fin_is_the_end_of_what_comes)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 1+10 ack 1");
    expect_events(d, TCP_EVENT_READABLE | TCP_EVENT_END);
    EXPECT_EQ(d->result.take, 10);
    EXPECT_EQ(d->readable, 10);
    expect_state(d, TCP_CLOSE_WAIT);
    expect(d, "A 1 ack 12");
}

TEST(sending_goes_on_in_close_wait)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 1 ack 1");
    expect(d, "A 1 ack 2");
    app_write(d, 10);
    expect(d, "A 1+10 ack 2");
    peer(d, "A 2 ack 11");
    EXPECT_EQ(d->acked, 10);
    expect_state(d, TCP_CLOSE_WAIT);
}

TEST(closing_after_the_peer_ends_with_the_acknowledgement_of_our_fin)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 1 ack 1");
    expect(d, "A 1 ack 2");
    app_shutdown(d);
    expect_state(d, TCP_LAST_ACK);
    expect(d, "FA 1 ack 2");
    expect_events(d, TCP_EVENT_END);
    peer(d, "A 2 ack 2");
    expect_events(d, TCP_EVENT_CLOSED);
    expect_state(d, TCP_CLOSED);
    expect_silence(d);
}

TEST(a_fin_that_comes_again_in_close_wait_is_acknowledged_again)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 1 ack 1");
    expect(d, "A 1 ack 2");
    peer(d, "FA 1 ack 1");
    expect(d, "A 1 ack 2");
    expect_events(d, TCP_EVENT_END); // once
}

TEST(data_behind_the_fin_is_not_taken)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 1 ack 1");
    expect(d, "A 1 ack 2");
    peer(d, "A 2+10 ack 1");
    EXPECT_EQ(d->result.take, 0);
    EXPECT_EQ(d->readable, 0);
    expect(d, "A 1 ack 2");
}

// ---- Both close at the same time ----

TEST(fins_that_cross_lead_through_closing_to_time_wait)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1 ack 1");
    peer(d, "FA 1 ack 1");
    expect_state(d, TCP_CLOSING);
    expect(d, "A 2 ack 2");
    peer(d, "A 2 ack 2");
    expect_state(d, TCP_TIME_WAIT);
    expect_silence(d);
}

// ---- FINs out of order ----

TEST(a_fin_before_the_bytes_in_front_of_it_waits)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 11+10 ack 1");
    expect_state(d, TCP_ESTABLISHED);
    EXPECT_EQ(d->result.take, 10);
    EXPECT_EQ(d->result.offset, 10);
    expect(d, "A 1 ack 1 sack 11-22");
    peer(d, "A 1+10 ack 1");
    EXPECT_EQ(d->readable, 20);
    expect_events(d, TCP_EVENT_READABLE | TCP_EVENT_END);
    expect_state(d, TCP_CLOSE_WAIT);
    expect(d, "A 1 ack 22 nosack");
}

TEST(a_lone_fin_out_of_order_waits_too)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 11 ack 1");
    EXPECT_EQ(d->result.take, 0);
    expect(d, "A 1 ack 1 sack 11-12");
    peer(d, "A 1+10 ack 1");
    EXPECT_EQ(d->readable, 10);
    expect_state(d, TCP_CLOSE_WAIT);
}

TEST(data_behind_a_fin_that_waits_is_cut_off)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 11 ack 1");
    expect(d, "A 1");
    peer(d, "A 1+100 ack 1");
    EXPECT_EQ(d->readable, 10);
    expect_state(d, TCP_CLOSE_WAIT);
    expect(d, "A 1 ack 12");
}

TEST(a_fin_in_front_of_bytes_that_came_is_not_believed)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 12+10 ack 1");
    expect(d, "A 1 sack 12-22");
    peer(d, "FA 11 ack 1");
    expect(d, "A 1 ack 1 sack 12-22");
    peer(d, "A 1+11 ack 1");
    EXPECT_EQ(d->readable, 21);
    expect_state(d, TCP_ESTABLISHED);
}

TEST(a_fin_behind_the_window_is_not_taken_before_its_data)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 39001+2000 ack 1");
    EXPECT_EQ(d->result.take, 1000);
    expect(d, "A 1 ack 1 sack 39001-40001");
}

TEST(a_fin_at_the_edge_of_the_window_is_taken)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "FA 1+40000 ack 1");
    EXPECT_EQ(d->readable, 40000);
    expect_state(d, TCP_CLOSE_WAIT);
    expect(d, "A 1 ack 40002 win 0");
}

// ---- FINs that are lost ----

TEST(a_fin_is_sent_again)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1000");
    app_shutdown(d);
    expect(d, "FA 1");
    expect_due(d, 300 * MS);
    expect(d, "FA 1 ack 1");
    expect_due(d, 600 * MS);
    expect(d, "FA 1 ack 1");
    peer(d, "A 1 ack 2");
    expect_state(d, TCP_FIN_WAIT_2);
}

TEST(a_fin_is_sent_again_with_the_bytes_in_front_of_it)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1000");
    app_write(d, 1500);
    expect(d, "A 1+1000");
    expect(d, "A 1001+500");
    app_shutdown(d);
    expect(d, "FA 1501");
    expect_due(d, 300 * MS);
    expect(d, "A 1+1000");
    peer(d, "A 1 ack 1001");
    expect(d, "FA 1001+500");
}

TEST(the_last_fin_is_sent_again_in_last_ack)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1000");
    peer(d, "FA 1 ack 1");
    expect(d, "A 1 ack 2");
    app_shutdown(d);
    expect(d, "FA 1 ack 2");
    expect_due(d, 300 * MS);
    expect(d, "FA 1 ack 2");
}

TEST(a_peer_that_never_acknowledges_the_fin_is_given_up)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_close(d);
    for (int i = 0; i < 30 && tcp_state(&d->t) != TCP_CLOSED; i++) {
        while (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
        }
        pass(d, 20 * NSEC_PER_SEC);
    }
    expect_failed(d, ERR_TIMEDOUT);
}

// ---- Nobody reads any more ----

TEST(closed_fin_wait_2_has_a_time_limit)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_close(d);
    expect(d, "FA 1");
    peer(d, "A 1 ack 2");
    expect_state(d, TCP_FIN_WAIT_2);
    expect_due(d, MINUTE);
    expect_events(d, TCP_EVENT_CLOSED);
}

TEST(half_closed_fin_wait_2_has_none)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "A 1 ack 2");
    EXPECT_EQ(tcp_deadline(&d->t), NSEC_NEVER);
    app_close(d);
    expect_due(d, MINUTE);
    expect_state(d, TCP_CLOSED);
}

TEST(the_time_limit_of_fin_wait_2_is_a_setting)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->config.linger_timeout = 5 * NSEC_PER_SEC;
    tcp_configure(&d->t, &d->config);
    app_close(d);
    expect(d, "FA 1");
    peer(d, "A 1 ack 2");
    expect_due(d, 5 * NSEC_PER_SEC);
}

TEST(data_after_close_is_answered_by_a_reset)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_close(d);
    expect(d, "FA 1");
    peer(d, "A 1+10 ack 2");
    expect_events(d, TCP_EVENT_CLOSED);
    expect(d, "RA 2 ack 1");
    expect_silence(d);
}

TEST(data_that_comes_again_after_close_is_only_acknowledged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+10 ack 1");
    app_read(d, 10);
    app_close(d);
    expect(d, "FA 1 ack 11");
    peer(d, "A 1+10 ack 1");
    expect(d, "A 2 ack 11");
    expect_state(d, TCP_FIN_WAIT_1);
}

TEST(a_fin_after_close_is_taken)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_close(d);
    expect(d, "FA 1 ack 1");
    peer(d, "FA 1 ack 2");
    expect(d, "A 2 ack 2");
    expect_state(d, TCP_TIME_WAIT);
}

TEST(closing_with_unread_data_resets)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+10 ack 1");
    app_close(d);
    expect_state(d, TCP_CLOSED);
    expect(d, "RA 1 ack 11");
}

TEST(closing_with_all_data_read_does_not_reset)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+10 ack 1");
    app_read(d, 10);
    app_close(d);
    expect(d, "FA 1 ack 11");
}

TEST(what_was_written_before_close_is_still_sent)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 500);
    app_close(d);
    expect(d, "FA 1+500");
}

TEST(nothing_is_taken_to_send_after_shutdown)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    app_write(d, 100);
    expect(d, "FA 1");
    expect_silence(d);
    app_shutdown(d);
    expect_silence(d);
}

// ---- Abort ----

TEST(abort_sends_a_reset_with_the_next_number)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 2);
    tcp_abort(&d->t);
    expect_state(d, TCP_CLOSED);
    expect(d, "RA 2001 ack 1");
    expect_silence(d);
    EXPECT_EQ(tcp_deadline(&d->t), NSEC_NEVER);
}

TEST(abort_in_time_wait_says_nothing)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_shutdown(d);
    expect(d, "FA 1");
    peer(d, "FA 1 ack 2");
    expect(d, "A 2");
    tcp_abort(&d->t);
    expect_silence(d);
    expect_state(d, TCP_CLOSED);
}

TEST(a_closed_machine_ignores_everything)
{
    struct dialogue *d = dialogue_open(&dialogue);
    tcp_abort(&d->t);
    expect(d, "RA 1");
    peer(d, "A 1+10 ack 1");
    peer(d, "S 0");
    app_write(d, 10);
    app_close(d);
    expect_silence(d);
    expect_events(d, 0);
}
