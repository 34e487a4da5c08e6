// SPDX-License-Identifier: Apache-2.0
/* The handshake (RFC 9293, 3.5). */
#include "lib/tcp/test/dialogue.h"

static struct dialogue dialogue;

static struct dialogue *opening(void)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    dialogue_connect(d, NULL);
    return d;
}

// ---- We open ----

TEST(connect_sends_a_syn_with_all_options)
{
    struct dialogue *d = opening();
    expect_state(d, TCP_SYN_SENT);
    expect(d, "S 0 win 40000 mss 1000 scale 7 sackok ts 0 0");
    expect_silence(d);
}

TEST(a_syn_ack_opens_and_is_acknowledged)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    peer(d, "SA 0 ack 1");
    expect_events(d, TCP_EVENT_CONNECTED);
    expect_state(d, TCP_ESTABLISHED);
    expect(d, "A 1 ack 1");
    expect_silence(d);
}

TEST(what_was_written_before_goes_with_the_handshakes_last_segment)
{
    struct dialogue *d = opening();
    app_write(d, 10);
    expect(d, "S 0");
    expect_silence(d);
    peer(d, "SA 0 ack 1");
    expect(d, "PA 1+10 ack 1");
    expect_silence(d);
}

TEST(data_in_the_syn_ack_is_taken)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    peer(d, "SA 0+5 ack 1");
    EXPECT_EQ(d->result.take, 5);
    EXPECT_EQ(d->result.readable, 5);
    expect(d, "A 1 ack 6");
}

TEST(an_acknowledgement_of_what_was_not_sent_is_refused_in_syn_sent)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    peer(d, "A 0 ack 2");
    expect(d, "R 2");
    peer(d, "SA 0 ack 0");
    expect(d, "R 0");
    expect_silence(d);
    expect_state(d, TCP_SYN_SENT);
}

TEST(a_reset_with_our_number_refuses_the_connection)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    peer(d, "RA 0 ack 1");
    expect_failed(d, ERR_CONNREFUSED);
    expect_silence(d);
}

TEST(a_reset_without_our_number_is_ignored_in_syn_sent)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    peer(d, "R 0");
    peer(d, "RA 0 ack 5");
    expect_silence(d);
    expect_state(d, TCP_SYN_SENT);
}

TEST(data_without_a_syn_is_ignored_in_syn_sent)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    peer(d, "A 1+10 ack 1");
    peer(d, "F 1");
    peer(d, "- 1");
    expect_silence(d);
    expect_state(d, TCP_SYN_SENT);
    EXPECT_EQ(d->readable, 0);
}

TEST(a_syn_is_repeated_with_doubled_times_until_its_retries_are_over)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    d->config.syn_retries = 3;
    tcp_configure(&d->t, &d->config);
    dialogue_connect(d, NULL);
    expect(d, "S 0");
    expect_due(d, 1000 * MS);
    expect(d, "S 0");
    expect_due(d, 2000 * MS);
    expect(d, "S 0");
    expect_due(d, 4000 * MS);
    expect(d, "S 0");
    EXPECT_EQ(dialogue_info(d).retransmits, 3);
    expect_due(d, 8000 * MS);
    expect_failed(d, ERR_TIMEDOUT);
    expect_silence(d);
}

TEST(a_repeated_syn_gives_no_round_trip_time_and_a_small_window)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    expect_due(d, 1000 * MS);
    expect(d, "S 0");
    peer(d, "SA 0 ack 1 mss 1000");
    struct tcp_info info = dialogue_info(d);
    EXPECT_EQ(info.rtt, 0);
    EXPECT_EQ(info.window, 1000);
}

TEST(the_handshake_measures_the_round_trip)
{
    struct dialogue *d = dialogue_open(&dialogue);
    EXPECT_EQ(dialogue_info(d).rtt / MS, 99); // of 100 ms, in ticks of 1.024 us
    EXPECT_EQ(dialogue_info(d).window, 10000);
}

TEST(closing_before_the_answer_ends_at_once)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    app_close(d);
    expect_state(d, TCP_CLOSED);
    expect_silence(d);
    EXPECT_EQ(tcp_deadline(&d->t), NSEC_NEVER);
}

TEST(a_fin_that_was_asked_for_in_syn_sent_goes_after_the_handshake)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    app_write(d, 3);
    app_shutdown(d);
    peer(d, "SA 0 ack 1");
    expect_state(d, TCP_FIN_WAIT_1);
    expect(d, "FPA 1+3 ack 1");
    peer(d, "A 1 ack 5");
    expect_state(d, TCP_FIN_WAIT_2);
}

TEST(options_that_the_peer_has_not_are_not_used)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1000");
    EXPECT_EQ(dialogue_info(d).has, 0);
    app_write(d, 10);
    expect(d, "A 1+10");
    EXPECT_EQ(d->output.has, 0);
}

TEST(without_an_mss_option_segments_have_536_bytes)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "sackok");
    app_write(d, 2000);
    expect(d, "A 1+536");
}

TEST(timestamps_take_their_room_from_each_segment)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1000 ts 77 0");
    app_write(d, 2000);
    expect(d, "A 1+988 ts 95 77");
}

TEST(a_tiny_mss_is_not_taken_at_its_word)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1");
    app_write(d, 2000);
    expect(d, "A 1+88");
}

TEST(the_mss_of_the_path_limits_that_of_the_peer)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 9000");
    app_write(d, 2000);
    expect(d, "A 1+1000");
}

TEST(the_window_of_a_syn_is_not_scaled_and_later_ones_are)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    dialogue_connect(d, NULL);
    expect(d, "S 0");
    peer(d, "SA 0 ack 1 win 500 mss 1000 scale 4");
    EXPECT_EQ(dialogue_info(d).send_window, 500);
    expect(d, "A 1 ack 1 win 312"); // 40000 >> 7
    peer(d, "A 1 ack 1 win 500");
    EXPECT_EQ(dialogue_info(d).send_window, 8000);
}

TEST(a_large_buffer_takes_a_larger_scale)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    d->config.receive_buffer = 64 << 20;
    tcp_configure(&d->t, &d->config);
    dialogue_connect(d, NULL);
    expect(d, "S 0 win 65535 scale 11");
}

// ---- The peer opens ----

TEST(a_listeners_syn_ack_has_the_options_of_the_syn)
{
    struct dialogue *d = dialogue_listen(&dialogue, "mss 1000 sackok ts 5 0");
    expect_state(d, TCP_SYN_RECEIVED);
    expect(d, "SA 0 ack 1 win 40000 mss 1000 sackok ts 0 5");
    EXPECT_EQ(d->output.has, TCP_HAS_MSS | TCP_HAS_SACK_PERMITTED | TCP_HAS_TIMESTAMPS);
    peer(d, "A 1 ack 1 ts 6 1");
    expect_events(d, TCP_EVENT_CONNECTED);
    expect_state(d, TCP_ESTABLISHED);
    expect_silence(d);
}

TEST(data_with_the_last_acknowledgement_of_the_handshake_is_taken)
{
    struct dialogue *d = dialogue_listen(&dialogue, "mss 1000");
    expect(d, "SA 0 ack 1");
    peer(d, "PA 1+20 ack 1");
    expect_events(d, TCP_EVENT_CONNECTED | TCP_EVENT_READABLE);
    EXPECT_EQ(d->readable, 20);
}

TEST(a_fin_with_the_last_acknowledgement_of_the_handshake_is_taken)
{
    struct dialogue *d = dialogue_listen(&dialogue, "mss 1000");
    expect(d, "SA 0 ack 1");
    peer(d, "FA 1 ack 1");
    expect_events(d, TCP_EVENT_CONNECTED | TCP_EVENT_END);
    expect_state(d, TCP_CLOSE_WAIT);
    expect(d, "A 1 ack 2");
}

TEST(a_syn_that_comes_again_gets_the_same_answer)
{
    struct dialogue *d = dialogue_listen(&dialogue, "mss 1000");
    expect(d, "SA 0 ack 1");
    peer(d, "S 0");
    expect(d, "SA 0 ack 1");
    expect_silence(d);
}

TEST(a_syn_ack_is_repeated_and_given_up)
{
    struct dialogue *d = dialogue_listen(&dialogue, "mss 1000");
    expect(d, "SA 0 ack 1");
    nsec_t wait = 1000 * MS;
    for (int i = 0; i < 6; i++, wait *= 2) {
        expect_due(d, wait);
        expect(d, "SA 0 ack 1");
    }
    expect_due(d, wait);
    expect_failed(d, ERR_TIMEDOUT);
}

TEST(a_wrong_acknowledgement_is_refused_in_syn_received)
{
    struct dialogue *d = dialogue_listen(&dialogue, "mss 1000");
    expect(d, "SA 0 ack 1");
    peer(d, "A 1 ack 2");
    expect(d, "R 2");
    peer(d, "A 1 ack 0");
    expect(d, "R 0");
    expect_state(d, TCP_SYN_RECEIVED);
}

TEST(a_reset_with_the_right_number_ends_syn_received)
{
    struct dialogue *d = dialogue_listen(&dialogue, "mss 1000");
    expect(d, "SA 0 ack 1");
    peer(d, "R 1");
    expect_failed(d, ERR_CONNRESET);
}

TEST(a_reset_beside_the_right_number_is_challenged_in_syn_received)
{
    struct dialogue *d = dialogue_listen(&dialogue, "mss 1000");
    expect(d, "SA 0 ack 1");
    peer(d, "R 2");
    expect_state(d, TCP_SYN_RECEIVED);
}

TEST(closing_in_syn_received_sends_the_fin_after_the_handshake)
{
    struct dialogue *d = dialogue_listen(&dialogue, "mss 1000");
    expect(d, "SA 0 ack 1");
    app_close(d);
    expect_state(d, TCP_SYN_RECEIVED);
    peer(d, "A 1 ack 1");
    expect_state(d, TCP_FIN_WAIT_1);
    expect(d, "FA 1 ack 1");
}

TEST(aborting_in_syn_received_tells_the_peer)
{
    struct dialogue *d = dialogue_listen(&dialogue, "mss 1000");
    expect(d, "SA 0 ack 1");
    tcp_abort(&d->t);
    expect(d, "RA 1 ack 1");
    expect_silence(d);
}

// ---- Both open at the same time (RFC 9293, 3.5, figure 8) ----

TEST(both_may_open_at_the_same_time)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    peer(d, "S 0 mss 1000");
    expect_state(d, TCP_SYN_RECEIVED);
    expect(d, "SA 0 ack 1");
    peer(d, "SA 0 ack 1");
    expect_state(d, TCP_ESTABLISHED);
    expect_events(d, TCP_EVENT_CONNECTED);
}

TEST(a_plain_acknowledgement_ends_a_simultaneous_open_too)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    peer(d, "S 0 mss 1000");
    expect(d, "SA 0 ack 1");
    peer(d, "A 1 ack 1");
    expect_state(d, TCP_ESTABLISHED);
    expect_silence(d);
}

TEST(a_reset_in_a_simultaneous_open_refuses)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    peer(d, "S 0");
    expect(d, "SA 0 ack 1");
    peer(d, "R 1");
    expect_failed(d, ERR_CONNREFUSED);
}

// ---- Cookies ----

TEST(a_cookies_connection_is_open_at_once_and_takes_its_acknowledgement)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    struct tcp_open open = {.local_port = OUR_PORT, .peer_port = PEER_PORT, .isn = OUR_ISN};
    struct tcp_segment syn = {.seq = PEER_ISN,
                              .flags = TCP_SYN,
                              .window = 1000,
                              .has = TCP_HAS_MSS | TCP_HAS_SACK_PERMITTED,
                              .mss = 1000};
    tcp_accept_cookie(&d->t, &open, &syn, d->now);
    expect_state(d, TCP_ESTABLISHED);
    expect_silence(d);
    peer(d, "PA 1+10 ack 1 win 2000");
    EXPECT_EQ(d->readable, 10);
    EXPECT_EQ(dialogue_info(d).send_window, 2000);
    app_write(d, 10);
    expect(d, "A 1+10 ack 11");
}

// ---- Errors of ICMP ----

TEST(an_unreachable_peer_ends_an_attempt_to_connect)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    tcp_unreachable(&d->t, OUR_ISN, ERR_HOSTUNREACH, &d->result);
    EXPECT_EQ(d->result.events, TCP_EVENT_FAILED | TCP_EVENT_CLOSED);
    EXPECT_EQ(d->result.error, ERR_HOSTUNREACH);
}

TEST(an_icmp_error_about_another_number_is_ignored)
{
    struct dialogue *d = opening();
    expect(d, "S 0");
    tcp_unreachable(&d->t, OUR_ISN + 1, ERR_HOSTUNREACH, &d->result);
    EXPECT_EQ(d->result.events, 0);
    expect_state(d, TCP_SYN_SENT);
}
