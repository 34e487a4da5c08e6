// SPDX-License-Identifier: Apache-2.0
/* What goes without loss: segments, windows, Nagle and cork, probes of closed windows. */
#include "lib/tcp/test/dialogue.h"

static struct dialogue dialogue;

static struct dialogue *open_nodelay(void)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->config.is_nodelay = true;
    tcp_configure(&d->t, &d->config);
    return d;
}

static struct dialogue *open_corked(void)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->config.is_corked = true;
    tcp_configure(&d->t, &d->config);
    return d;
}

// ---- Segments ----

TEST(the_last_segment_of_what_was_written_is_pushed)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 1500);
    expect(d, "A 1+1000");
    EXPECT_EQ(d->output.flags & TCP_PSH, 0);
    expect(d, "PA 1001+500");
}

TEST(a_segments_payload_is_named_by_its_offset)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 3000);
    expect(d, "A 1+1000");
    EXPECT_EQ(d->payload.offset, 0);
    expect(d, "A 1001+1000");
    EXPECT_EQ(d->payload.offset, 1000);
    peer(d, "A 1 ack 1001"); // the caller drops 1000 bytes
    EXPECT_EQ(d->result.acked, 1000);
    expect(d, "A 2001+1000");
    EXPECT_EQ(d->payload.offset, 1000);
    EXPECT_EQ(d->payload.size, 1000);
}

TEST(a_part_of_a_segment_may_be_acknowledged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 1);
    peer(d, "A 1 ack 401");
    EXPECT_EQ(d->acked, 400);
    expect_events(d, TCP_EVENT_WRITABLE);
    peer(d, "A 1 ack 1001");
    EXPECT_EQ(d->acked, 1000);
}

TEST(the_initial_window_is_ten_segments)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 20000);
    for (unsigned i = 0; i < 10; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+1000", 1 + i * 1000);
        expect(d, text);
    }
    expect_silence(d);
}

TEST(slow_start_sends_two_segments_for_each_that_is_acknowledged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 10);
    app_write(d, 20000);
    peer(d, "A 1 ack 1001");
    expect(d, "A 10001+1000");
    expect(d, "A 11001+1000");
    expect_silence(d);
}

TEST(the_window_does_not_grow_while_the_application_is_the_limit)
{
    struct dialogue *d = dialogue_open(&dialogue);
    for (uint32_t i = 0; i < 20; i++) {
        char text[60];
        app_write_segments(d, 1 + i * 1000, 1);
        pass(d, 100 * MS);
        fmt_print(text, sizeof(text), "A 1 ack %u", 1001 + i * 1000);
        peer(d, text);
    }
    EXPECT_EQ(dialogue_info(d).window, 10000);
}

TEST(after_a_pause_the_window_shrinks_again)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 10);
    app_write(d, 10000);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 10001");
    while (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
    }
    peer(d, "A 1 ack 20001");
    EXPECT(dialogue_info(d).window > 15000);
    pass(d, 10 * NSEC_PER_SEC);
    app_write(d, 1000);
    expect(d, "A 20001+1000");
    EXPECT_EQ(dialogue_info(d).window, 10000);
}

TEST(without_a_pause_the_window_stays)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 10);
    app_write(d, 10000);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 10001");
    while (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
    }
    pass(d, 100 * MS);
    peer(d, "A 1 ack 20001");
    uint32_t window = dialogue_info(d).window;
    EXPECT(window > 15000);
    pass(d, 100 * MS);
    app_write(d, 1000);
    expect(d, "A 20001+1000");
    EXPECT_EQ(dialogue_info(d).window, window);
}

// ---- Bursts ----

TEST(a_burst_is_a_multiple_of_the_segment_size)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->burst = 65536;
    app_write(d, 4500);
    expect(d, "A 1+4000");
    EXPECT_EQ(d->payload.mss, 1000);
    expect(d, "A 4001+500");
}

TEST(a_burst_stays_below_what_the_caller_can_send)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->burst = 3999;
    app_write(d, 8000);
    expect(d, "A 1+3000");
    d->burst = 10;
    expect(d, "A 3001+1000");
}

TEST(a_burst_stays_within_both_windows)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->burst = 65536;
    app_write(d, 30000);
    expect(d, "A 1+10000");
    expect_silence(d);
    d = dialogue_open(&dialogue);
    d->burst = 65536;
    peer(d, "A 1 ack 1 win 2500");
    app_write(d, 30000);
    expect(d, "A 1+2000");
}

TEST(a_fin_ends_a_burst)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->burst = 65536;
    app_write(d, 4000);
    app_shutdown(d);
    expect(d, "FPA 1+4000");
    expect_silence(d);
}

// ---- Nagle, cork ----

TEST(a_small_segment_goes_at_once_when_nothing_is_in_flight)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 10);
    expect(d, "PA 1+10");
}

TEST(a_second_small_segment_waits_for_the_first)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 10);
    expect(d, "A 1+10");
    app_write(d, 10);
    app_write(d, 10);
    expect_silence(d);
    peer(d, "A 1 ack 11");
    expect(d, "A 11+20");
}

TEST(a_small_segment_behind_full_ones_goes_at_once)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 1010);
    expect(d, "A 1+1000");
    expect(d, "A 1001+10");
}

TEST(what_fills_a_segment_does_not_wait)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 10);
    expect(d, "A 1+10");
    app_write(d, 999);
    expect_silence(d);
    app_write(d, 1);
    expect(d, "A 11+1000");
}

TEST(without_nagle_small_segments_go_at_once)
{
    struct dialogue *d = open_nodelay();
    app_write(d, 10);
    expect(d, "A 1+10");
    app_write(d, 10);
    expect(d, "A 11+10");
}

TEST(a_fin_does_not_wait_for_small_segments)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 10);
    expect(d, "A 1+10");
    app_write(d, 10);
    app_shutdown(d);
    expect(d, "FA 11+10");
}

TEST(a_cork_holds_what_does_not_fill_a_segment)
{
    struct dialogue *d = open_corked();
    app_write(d, 1500);
    expect(d, "A 1+1000");
    expect_silence(d);
    app_write(d, 500);
    expect(d, "A 1001+1000");
}

TEST(pulling_the_cork_lets_it_go)
{
    struct dialogue *d = open_corked();
    app_write(d, 100);
    expect_silence(d);
    d->config.is_corked = false;
    tcp_configure(&d->t, &d->config);
    expect(d, "A 1+100");
}

TEST(a_cork_holds_for_a_fifth_of_a_second)
{
    struct dialogue *d = open_corked();
    app_write(d, 100);
    expect_silence(d);
    expect_due(d, 200 * MS);
    expect(d, "A 1+100");
}

TEST(a_cork_does_not_hold_the_fin)
{
    struct dialogue *d = open_corked();
    app_write(d, 100);
    app_shutdown(d);
    expect(d, "FA 1+100");
}

// ---- The peer's window ----

TEST(no_more_than_the_window_goes)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1 ack 1 win 3000");
    app_write(d, 5000);
    expect(d, "A 1+1000");
    expect(d, "A 1001+1000");
    expect(d, "A 2001+1000");
    expect_silence(d);
    peer(d, "A 1 ack 1001 win 3000");
    expect(d, "A 3001+1000");
    expect_silence(d);
}

TEST(a_window_that_opens_without_an_acknowledgement_is_used)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1 ack 1 win 1000");
    app_write(d, 2000);
    expect(d, "A 1+1000");
    peer(d, "A 1 ack 1 win 2000");
    expect(d, "A 1001+1000");
}

TEST(an_old_segment_does_not_change_the_window)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+10 ack 1 win 1000");
    peer(d, "A 11+10 ack 1 win 1000");
    peer(d, "A 1+10 ack 1 win 9000");
    EXPECT_EQ(dialogue_info(d).send_window, 1000);
}

TEST(less_than_half_the_largest_window_is_not_worth_a_small_segment)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1 ack 1 win 100");
    app_write(d, 500);
    expect_silence(d);
    expect_due(d, 200 * MS);
    expect(d, "A 1+100"); // RFC 9293, 3.8.6.2.1: not for ever
}

TEST(a_small_peer_gets_segments_of_half_its_window)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    dialogue_connect(d, NULL);
    expect(d, "S 0");
    peer(d, "SA 0 ack 1 win 500 mss 1000");
    expect(d, "A 1");
    app_write(d, 1000);
    expect(d, "A 1+500");
    peer(d, "A 1 ack 501 win 250");
    expect(d, "A 501+250");
    peer(d, "A 1 ack 751 win 249");
    expect_silence(d);
}

TEST(a_window_that_shrinks_sends_nothing_new)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 3);
    peer(d, "A 1 ack 1 win 1000");
    app_write(d, 1000);
    expect_silence(d);
    peer(d, "A 1 ack 3001 win 1000");
    expect(d, "A 3001+1000");
}

// ---- Closed windows (RFC 9293, 3.8.6.1) ----

static struct dialogue *closed_window(void)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 1);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 1001 win 0");
    app_write(d, 2000);
    expect_silence(d);
    return d;
}

TEST(a_closed_window_is_probed_with_one_byte_and_doubled_times)
{
    struct dialogue *d = closed_window();
    expect_due(d, 300 * MS);
    expect(d, "A 1001+1");
    expect_silence(d);
    peer(d, "A 1 ack 1001 win 0");
    expect_due(d, 600 * MS);
    expect(d, "A 1001+1");
    peer(d, "A 1 ack 1001 win 0");
    expect_due(d, 1200 * MS);
    expect(d, "A 1001+1");
}

TEST(a_probe_that_was_not_taken_goes_again_when_the_window_opens)
{
    struct dialogue *d = closed_window();
    expect_due(d, 300 * MS);
    expect(d, "A 1001+1");
    peer(d, "A 1 ack 1001 win 0");
    peer(d, "A 1 ack 1001 win 5000");
    expect(d, "A 1001+1");
    expect(d, "A 1002+1000");
    EXPECT_EQ(dialogue_info(d).window, 10000); // that was no congestion
}

TEST(a_probe_that_was_taken_opens_the_window)
{
    struct dialogue *d = closed_window();
    expect_due(d, 300 * MS);
    expect(d, "A 1001+1");
    peer(d, "A 1 ack 1002 win 5000");
    EXPECT_EQ(d->result.acked, 1);
    expect(d, "A 1002+1000");
    expect(d, "A 2002+999");
}

TEST(a_closed_window_that_is_acknowledged_lasts_for_hours)
{
    struct dialogue *d = closed_window();
    for (unsigned i = 0; i < 200; i++) {
        pass(d, 120 * NSEC_PER_SEC);
        if (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
            peer(d, "A 1 ack 1001 win 0");
        }
    }
    expect_state(d, TCP_ESTABLISHED);
    peer(d, "A 1 ack 1001 win 5000");
    expect(d, "A 1001+1");
}

TEST(a_closed_window_without_any_answer_is_given_up)
{
    struct dialogue *d = closed_window();
    for (unsigned i = 0; i < 40 && tcp_state(&d->t) != TCP_CLOSED; i++) {
        pass(d, 30 * NSEC_PER_SEC);
        while (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
        }
    }
    expect_state(d, TCP_CLOSED);
    EXPECT_STATUS(d->error, ERR_TIMEDOUT);
}

TEST(who_closed_does_not_wait_for_ever_for_the_window)
{
    struct dialogue *d = closed_window();
    app_close(d);
    for (unsigned i = 0; i < 40 && tcp_state(&d->t) != TCP_CLOSED; i++) {
        pass(d, 30 * NSEC_PER_SEC);
        if (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
            peer(d, "A 1 ack 1001 win 0");
        }
    }
    expect_state(d, TCP_CLOSED);
}

TEST(the_fin_probes_a_closed_window_too)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1 ack 1 win 0");
    app_shutdown(d);
    expect_silence(d);
    expect_due(d, 300 * MS);
    expect(d, "FA 1");
    peer(d, "A 1 ack 2 win 0");
    expect_state(d, TCP_FIN_WAIT_2);
}

TEST(what_was_in_flight_when_the_window_closed_goes_again_when_it_opens)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 3);
    peer(d, "A 1 ack 1 win 0"); // it takes back what it offered
    expect_silence(d);
    expect_due(d, 300 * MS);
    expect(d, "A 1+1");
    peer(d, "A 1 ack 1 win 5000");
    expect(d, "A 1+1000");
    expect(d, "A 1001+1000");
    expect(d, "A 2001+1000");
}

// ---- The user's patience ----

TEST(a_user_timeout_ends_a_connection_whose_data_is_not_acknowledged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->config.user_timeout = 3 * NSEC_PER_SEC;
    tcp_configure(&d->t, &d->config);
    app_write_segments(d, 1, 1);
    nsec_t begin = d->now;
    for (unsigned i = 0; i < 50 && tcp_state(&d->t) != TCP_CLOSED; i++) {
        while (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
        }
        pass(d, 100 * MS);
    }
    expect_failed(d, ERR_TIMEDOUT);
    expect(d, "RA 1001 ack 1");
    EXPECT((d->now - begin) / MS >= 2900 && (d->now - begin) / MS <= 3200);
}

TEST(a_user_timeout_counts_closed_windows_too)
{
    struct dialogue *d = closed_window();
    d->config.user_timeout = 3 * NSEC_PER_SEC;
    tcp_configure(&d->t, &d->config);
    for (unsigned i = 0; i < 50 && tcp_state(&d->t) != TCP_CLOSED; i++) {
        if (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
            peer(d, "A 1 ack 1001 win 0");
        }
        pass(d, 200 * MS);
    }
    expect_state(d, TCP_CLOSED);
    EXPECT_STATUS(d->error, ERR_TIMEDOUT);
}

TEST(a_user_timeout_counts_from_what_was_written_after_a_pause)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->config.user_timeout = 3 * NSEC_PER_SEC;
    tcp_configure(&d->t, &d->config);
    pass(d, 100 * NSEC_PER_SEC);
    app_write_segments(d, 1, 1);
    pass(d, NSEC_PER_SEC);
    expect_state(d, TCP_ESTABLISHED);
    expect(d, "A 1+1000");
}

TEST(a_user_timeout_of_a_closed_window_counts_from_what_was_written)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->config.user_timeout = 3 * NSEC_PER_SEC;
    tcp_configure(&d->t, &d->config);
    peer(d, "A 1 ack 1 win 0");
    pass(d, 100 * NSEC_PER_SEC);
    app_write(d, 100);
    expect_silence(d);
    expect_due(d, 300 * MS);
    expect_state(d, TCP_ESTABLISHED);
    expect(d, "A 1+1");
}

TEST(a_fin_into_a_closed_window_has_the_same_patience)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->config.user_timeout = 3 * NSEC_PER_SEC;
    tcp_configure(&d->t, &d->config);
    peer(d, "A 1 ack 1 win 0");
    pass(d, 100 * NSEC_PER_SEC);
    app_shutdown(d);
    expect_silence(d);
    expect_due(d, 300 * MS);
    expect(d, "FA 1");
}

TEST(a_probe_that_was_repeated_gives_no_round_trip_time)
{
    struct dialogue *d = closed_window();
    nsec_t before = dialogue_info(d).rtt;
    expect_due(d, 300 * MS);
    expect(d, "A 1001+1");
    expect_due(d, 600 * MS);
    expect(d, "A 1001+1");
    peer(d, "A 1 ack 1002 win 5000");
    EXPECT_EQ(dialogue_info(d).rtt, before);
}

TEST(the_reason_of_a_timeout_is_what_icmp_said)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 1);
    tcp_unreachable(&d->t, OUR_ISN + 1, ERR_HOSTUNREACH, &d->result);
    EXPECT_EQ(d->result.events, 0);
    for (unsigned i = 0; i < 60 && tcp_state(&d->t) != TCP_CLOSED; i++) {
        while (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
        }
        pass(d, 10 * NSEC_PER_SEC);
    }
    expect_failed(d, ERR_HOSTUNREACH);
}

// ---- The path's MTU ----

TEST(a_smaller_path_mtu_sends_what_is_in_flight_again_in_smaller_segments)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 2);
    tcp_path_mss(&d->t, 600, d->now);
    expect(d, "A 1+600");
    expect(d, "A 601+600");
    expect(d, "A 1201+600");
    expect(d, "A 1801+200");
    expect_silence(d);
    EXPECT_EQ(dialogue_info(d).window, 10000); // that was no congestion
}

TEST(a_larger_path_mtu_is_not_believed)
{
    struct dialogue *d = dialogue_open(&dialogue);
    tcp_path_mss(&d->t, 1400, d->now);
    EXPECT_EQ(dialogue_info(d).send_mss, 1000);
}

TEST(a_tiny_path_mtu_is_not_taken_at_its_word)
{
    struct dialogue *d = dialogue_open(&dialogue);
    tcp_path_mss(&d->t, 1, d->now);
    EXPECT_EQ(dialogue_info(d).send_mss, 88);
}

// ---- Keepalive (RFC 9293, 3.8.4) ----

static struct dialogue *kept_alive(void)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->config.keeps_alive = true;
    d->config.keep_idle = 10 * NSEC_PER_SEC;
    d->config.keep_interval = NSEC_PER_SEC;
    d->config.keep_count = 3;
    tcp_configure(&d->t, &d->config);
    pass(d, 0);
    return d;
}

TEST(a_quiet_connection_is_probed_before_its_window)
{
    struct dialogue *d = kept_alive();
    expect_silence(d);
    expect_due(d, 10 * NSEC_PER_SEC);
    expect(d, "A 0 ack 1");
    peer(d, "A 1 ack 1");
    expect_silence(d);
    pass(d, NSEC_PER_SEC);
    expect_silence(d);
    expect_due(d, 9 * NSEC_PER_SEC);
    expect(d, "A 0 ack 1");
}

TEST(a_connection_without_answers_to_probes_ends)
{
    struct dialogue *d = kept_alive();
    expect_due(d, 10 * NSEC_PER_SEC);
    expect(d, "A 0");
    expect_due(d, NSEC_PER_SEC);
    expect(d, "A 0");
    expect_due(d, NSEC_PER_SEC);
    expect(d, "A 0");
    expect_due(d, NSEC_PER_SEC);
    expect_failed(d, ERR_TIMEDOUT);
    expect(d, "RA 1 ack 1");
}

TEST(whatever_comes_puts_the_probes_off)
{
    struct dialogue *d = kept_alive();
    pass(d, 6 * NSEC_PER_SEC);
    peer(d, "A 1+10 ack 1");
    pass(d, 6 * NSEC_PER_SEC);
    expect(d, "A 1 ack 11"); // the delayed acknowledgement
    expect_silence(d);
    expect_due(d, 4 * NSEC_PER_SEC);
    expect(d, "A 0 ack 11");
}

TEST(keepalive_can_be_switched_off)
{
    struct dialogue *d = kept_alive();
    d->config.keeps_alive = false;
    tcp_configure(&d->t, &d->config);
    EXPECT_EQ(tcp_deadline(&d->t), NSEC_NEVER);
}

TEST(a_keepalive_probe_of_the_peer_is_answered)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 0 ack 1");
    expect(d, "A 1 ack 1");
    peer(d, "A 0+1 ack 1"); // with a byte of garbage, as old ones do
    expect(d, "A 1 ack 1");
    EXPECT_EQ(d->readable, 0);
}
