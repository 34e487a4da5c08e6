// SPDX-License-Identifier: Apache-2.0
/* What goes without loss: segments, bursts, Nagle and cork, the peer's window. */
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

TEST(a_pause_counts_once_however_long_a_cork_holds)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->config.is_corked = true;
    tcp_configure(&d->t, &d->config);
    d->t.cubic.window = 80000;
    pass(d, 400 * MS); // more than one time-out of 300 ms, less than two
    app_write(d, 100);
    for (unsigned i = 0; i < 10; i++) {
        expect_silence(d);
    }
    EXPECT_EQ(dialogue_info(d).window, 40000);
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
