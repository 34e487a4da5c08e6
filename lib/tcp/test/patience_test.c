// SPDX-License-Identifier: Apache-2.0
/* Waiting: closed windows, the user's patience, keepalive; and paths that become narrow. */
#include "lib/tcp/test/dialogue.h"

static struct dialogue dialogue;

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

// A probe was due and had not gone when the last byte was acknowledged: it is the FIN.
TEST(a_fin_that_goes_as_a_probe_is_repeated)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 1);
    pass(d, 100 * MS);
    peer(d, "A 1 ack 1001 win 0");
    app_write(d, 1);
    expect_silence(d);
    expect_due(d, 300 * MS);
    expect(d, "A 1001+1");
    expect_due(d, 600 * MS);
    peer(d, "A 1 ack 1002 win 0");
    app_shutdown(d);
    expect(d, "FA 1002");
    EXPECT(tcp_deadline(&d->t) != NSEC_NEVER);
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
