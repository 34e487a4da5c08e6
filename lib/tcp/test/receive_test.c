// SPDX-License-Identifier: Apache-2.0
/* What comes: in order and not, acknowledgements, SACK blocks, the window that is offered. */
#include "lib/tcp/test/dialogue.h"

static struct dialogue dialogue;

static void expect_taken_at(struct dialogue *d, uint32_t skip, uint32_t take, uint32_t offset,
                            int line)
{
    (void)test_check_eq(__FILE__, line, "take", d->result.take, take);
    if (take > 0) {
        (void)test_check_eq(__FILE__, line, "skip", d->result.skip, skip);
        (void)test_check_eq(__FILE__, line, "offset", d->result.offset, offset);
    }
}
#define expect_taken(d, skip, take, offset) expect_taken_at(d, skip, take, offset, __LINE__)

// The peer sends `n` segments of `size` from byte `from`; each that is answered is.
static uint32_t stream(struct dialogue *d, uint32_t from, unsigned n, uint32_t size)
{
    for (unsigned i = 0; i < n; i++, from += size) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+%u ack 1", from, size);
        peer(d, text);
        while (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
        }
    }
    return from;
}

// ---- In order ----

TEST(bytes_in_order_are_taken_and_can_be_read)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+100 ack 1");
    expect_taken(d, 0, 100, 0);
    EXPECT_EQ(d->result.readable, 100);
    expect_events(d, TCP_EVENT_READABLE);
}

TEST(a_small_segment_is_acknowledged_after_a_while)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+100 ack 1");
    expect_silence(d);
    expect_due(d, 40 * MS);
    expect(d, "A 1 ack 101");
    expect_silence(d);
    EXPECT_EQ(tcp_deadline(&d->t), NSEC_NEVER);
}

TEST(a_second_small_segment_does_not_move_the_delayed_acknowledgement)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+100 ack 1");
    pass(d, 30 * MS);
    peer(d, "A 101+100 ack 1");
    expect_silence(d);
    expect_due(d, 10 * MS);
    expect(d, "A 1 ack 201");
}

TEST(an_acknowledgement_goes_with_data)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+100 ack 1");
    app_write(d, 10);
    expect(d, "A 1+10 ack 101");
    expect_silence(d);
}

TEST(the_first_full_segments_are_acknowledged_at_once)
{
    struct dialogue *d = dialogue_open(&dialogue);
    for (uint32_t i = 0; i < 16; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+1000 ack 1", 1 + i * 1000);
        peer(d, text);
        app_read(d, 1000);
        fmt_print(text, sizeof(text), "A 1 ack %u", 1001 + i * 1000);
        expect(d, text);
    }
    peer(d, "A 16001+1000 ack 1");
    expect_silence(d);
}

TEST(later_every_second_full_segment_is_acknowledged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    stream(d, 1, 16, 1000);
    peer(d, "A 16001+1000 ack 1");
    expect_silence(d);
    peer(d, "A 17001+1000 ack 1");
    expect(d, "A 1 ack 18001");
}

TEST(who_answers_with_data_acknowledges_with_data)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+100 ack 1");
    app_write(d, 10);
    expect(d, "A 1+10 ack 101");
    peer(d, "A 101+1000 ack 11");
    expect_silence(d);
}

TEST(who_asks_first_still_acknowledges_the_answer_at_once)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 100);
    expect(d, "A 1+100");
    pass(d, 100 * MS);
    peer(d, "A 1+1000 ack 101");
    expect(d, "A 101 ack 1001");
}

TEST(segments_that_a_device_merged_are_acknowledged_at_once)
{
    struct dialogue *d = dialogue_open(&dialogue);
    stream(d, 1, 16, 1000);
    peer(d, "A 16001+2000 ack 1");
    expect(d, "A 1 ack 18001");
}

TEST(a_full_segment_is_smaller_by_the_timestamps)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1000 sackok ts 5 0");
    for (uint32_t i = 0; i < 16; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+988 ack 1 ts 6 0", 1 + i * 988);
        peer(d, text);
        fmt_print(text, sizeof(text), "A 1 ack %u", 989 + i * 988);
        expect(d, text);
    }
    peer(d, "A 15809+1976 ack 1 ts 6 0"); // merged by a device
    expect(d, "A 1 ack 17785");
}

// ---- Bytes that came before ----

TEST(what_came_before_is_skipped)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+100 ack 1");
    peer(d, "A 51+100 ack 1");
    expect_taken(d, 50, 50, 0);
    EXPECT_EQ(d->result.readable, 50);
}

TEST(a_segment_that_comes_twice_is_acknowledged_at_once_and_told)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 1+100 ack 1");
    expect_due(d, 40 * MS);
    expect(d, "A 1 ack 101 nosack");
    peer(d, "A 1+100 ack 1");
    expect_taken(d, 0, 0, 0);
    expect(d, "A 1 ack 101 sack 1-101"); // RFC 2883
    expect_silence(d);
}

TEST(a_duplicate_is_told_once)
{
    struct dialogue *d = dialogue_open(&dialogue);
    stream(d, 1, 1, 1000);
    peer(d, "A 1+1000 ack 1");
    expect(d, "A 1 ack 1001 sack 1-1001");
    peer(d, "A 1001+1000 ack 1");
    expect(d, "A 1 ack 2001 nosack");
}

TEST(only_the_part_that_came_before_is_told_as_duplicate)
{
    struct dialogue *d = dialogue_open(&dialogue);
    stream(d, 1, 1, 1000);
    peer(d, "A 501+1000 ack 1");
    expect_taken(d, 500, 500, 0);
    expect(d, "A 1 sack 501-1001");
}

TEST(without_sack_duplicates_are_only_acknowledged)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1000");
    stream(d, 1, 1, 1000);
    peer(d, "A 1+1000 ack 1");
    expect(d, "A 1 ack 1001 nosack");
}

// ---- Out of order ----

TEST(bytes_ahead_are_kept_at_their_offset_and_told)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 101+50 ack 1");
    expect_taken(d, 0, 50, 100);
    EXPECT_EQ(d->result.readable, 0);
    expect_events(d, 0);
    expect(d, "A 1 ack 1 sack 101-151");
}

TEST(filling_the_hole_makes_all_readable_and_is_acknowledged_at_once)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 101+50 ack 1");
    expect(d, "A 1 ack 1");
    peer(d, "A 1+100 ack 1");
    expect_taken(d, 0, 100, 0);
    EXPECT_EQ(d->result.readable, 150);
    expect(d, "A 1 ack 151 nosack");
}

TEST(while_a_hole_is_there_all_is_acknowledged_at_once)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 201+50 ack 1");
    expect(d, "A 1 ack 1");
    peer(d, "A 1+10 ack 1");
    expect(d, "A 1 ack 11 sack 201-251");
}

TEST(the_block_that_changed_last_comes_first)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 101+10 ack 1");
    expect(d, "A 1 sack 101-111");
    peer(d, "A 301+10 ack 1");
    expect(d, "A 1 sack 301-311 sack 101-111");
    peer(d, "A 201+10 ack 1");
    expect(d, "A 1 sack 201-211 sack 301-311 sack 101-111");
    peer(d, "A 111+10 ack 1");
    expect(d, "A 1 sack 101-121 sack 201-211 sack 301-311");
}

TEST(four_blocks_are_told_and_three_with_timestamps)
{
    struct dialogue *d = dialogue_open(&dialogue);
    for (uint32_t i = 1; i <= 5; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+10 ack 1", i * 100 + 1);
        peer(d, text);
    }
    expect(d, "A 1 sack 501-511 sack 401-411 sack 301-311 sack 201-211");

    d = dialogue_open_with(&dialogue, "mss 1000 sackok ts 5 0");
    for (uint32_t i = 1; i <= 4; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+10 ack 1 ts 6 0", i * 100 + 1);
        peer(d, text);
    }
    expect(d, "A 1 sack 401-411 sack 301-311 sack 201-211");
}

TEST(ranges_that_come_to_touch_are_one)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 101+100 ack 1");
    expect(d, "A 1 ack 1");
    peer(d, "A 301+100 ack 1");
    expect(d, "A 1 ack 1");
    peer(d, "A 201+100 ack 1");
    expect(d, "A 1 sack 101-401");
}

TEST(no_byte_is_taken_twice_when_ranges_overlap)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 101+100 ack 1");
    expect(d, "A 1 ack 1");
    peer(d, "A 151+100 ack 1");
    expect_taken(d, 50, 50, 200);
    expect(d, "A 1 sack 151-201 sack 101-251");
    peer(d, "A 51+100 ack 1");
    expect_taken(d, 0, 50, 50);
    expect(d, "A 1 sack 51-251");
}

TEST(a_segment_over_a_range_is_taken_up_to_it)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 101+100 ack 1");
    expect(d, "A 1 ack 1");
    peer(d, "A 1+1000 ack 1");
    expect_taken(d, 0, 100, 0);
    EXPECT_EQ(d->result.readable, 200);
    expect(d, "A 1 ack 201");
}

TEST(a_duplicate_ahead_is_told_before_the_range_that_has_it)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 101+100 ack 1");
    expect(d, "A 1 ack 1");
    peer(d, "A 301+100 ack 1");
    expect(d, "A 1 ack 1");
    peer(d, "A 121+30 ack 1");
    expect_taken(d, 0, 0, 0);
    expect(d, "A 1 ack 1 sack 121-151 sack 101-201 sack 301-401");
}

TEST(a_range_too_many_is_not_kept_and_the_others_are)
{
    struct dialogue *d = dialogue_open(&dialogue);
    for (uint32_t i = 1; i <= TCP_RANGES_FEW; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+10 ack 1", i * 100 + 1);
        peer(d, text);
        expect_taken(d, 0, 10, i * 100);
    }
    peer(d, "A 5001+10 ack 1");
    expect_taken(d, 0, 0, 0);
    peer(d, "A 1611+10 ack 1");
    expect_taken(d, 0, 10, 1610); // it touches one
    peer(d, "A 1+100 ack 1");
    EXPECT_EQ(d->result.readable, 110);
}

TEST(blocks_go_before_data_on_a_segment_of_their_own)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 10);
    peer(d, "A 101+10 ack 1");
    expect(d, "A 1 ack 1 sack 101-111");
    expect(d, "A 1+10 ack 1 nosack");
}

// ---- The window ----

TEST(bytes_behind_the_window_are_cut_off)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 39901+200 ack 1");
    expect_taken(d, 0, 100, 39900);
    expect(d, "A 1 sack 39901-40001");
}

TEST(a_segment_behind_the_window_is_only_acknowledged)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "A 40001+10 ack 1");
    expect_taken(d, 0, 0, 0);
    peer(d, "A 50000+10 ack 1");
    expect_taken(d, 0, 0, 0);
    expect(d, "A 1 ack 1");
}

TEST(the_window_closes_as_bytes_come_and_opens_as_they_are_read)
{
    struct dialogue *d = dialogue_open(&dialogue);
    stream(d, 1, 10, 1000);
    EXPECT_EQ(d->output.window, 30000);
    app_read(d, 10000);
    expect_silence(d); // it is not low
    stream(d, 10001, 30, 1000);
    EXPECT_EQ(d->output.window, 10000);
    app_read(d, 9000);
    expect_silence(d);
    app_read(d, 1000);
    expect(d, "A 1 ack 40001 win 20000");
}

TEST(a_probe_of_the_closed_window_is_acknowledged_and_not_taken)
{
    struct dialogue *d = dialogue_open(&dialogue);
    stream(d, 1, 40, 1000);
    EXPECT_EQ(d->output.window, 0);
    peer(d, "A 40001+1 ack 1");
    expect_taken(d, 0, 0, 0);
    expect(d, "A 1 ack 40001 win 0");
}

TEST(an_acknowledgement_counts_though_our_window_is_closed)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 1);
    stream(d, 1, 40, 1000);
    EXPECT_EQ(d->output.window, 0);
    peer(d, "A 40001 ack 1001");
    EXPECT_EQ(d->acked, 1000);
}

TEST(a_closed_window_opens_by_steps_that_are_worth_it)
{
    struct dialogue *d = dialogue_open(&dialogue);
    stream(d, 1, 40, 1000);
    app_read(d, 1000);
    expect_silence(d);
    peer(d, "A 40001+1 ack 1");
    expect(d, "A 1 ack 40001 win 1000"); // who asks is told, if it is a segment's worth
    app_read(d, 500);
    peer(d, "A 41001+1 ack 1");
    expect(d, "A 1 ack 40001 win 1000");
}

TEST(the_window_never_moves_back_when_the_buffer_shrinks)
{
    struct dialogue *d = dialogue_open(&dialogue);
    d->config.receive_buffer = 10000;
    tcp_configure(&d->t, &d->config);
    stream(d, 1, 1, 1000);
    EXPECT_EQ(d->output.window, 39000);
    peer(d, "A 39001+1000 ack 1");
    expect_taken(d, 0, 1000, 38000);
}

TEST(what_rounding_to_the_scale_takes_back_is_still_taken)
{
    struct dialogue *d = dialogue_open_with(&dialogue, "mss 1000 sackok scale 0");
    expect_silence(d);
    stream(d, 1, 1, 1);
    expect_due(d, 40 * MS);
    expect(d,
           "A 1 ack 2 win 312"); // 39,936 from byte 2 on, where the SYN offered 40,000 from byte 1
    peer(d, "A 39001+1000 ack 1");
    expect_taken(d, 0, 1000, 38999);
}

TEST(the_window_grows_while_the_reader_keeps_up)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    d->config.receive_buffer = 1 << 20;
    tcp_configure(&d->t, &d->config);
    dialogue_connect(d, "mss 1000 sackok scale 0");
    EXPECT_EQ(dialogue_info(d).receive_window, 65536);
    uint32_t at = 1;
    for (unsigned i = 0; i < 400; i++) {
        at = stream(d, at, 1, 1000);
        app_read(d, 1000);
        pass(d, MS);
    }
    EXPECT(dialogue_info(d).receive_window > 250000);
    for (unsigned i = 0; i < 3000; i++) {
        at = stream(d, at, 1, 1000);
        app_read(d, 1000);
        pass(d, MS / 10);
    }
    EXPECT(dialogue_info(d).receive_window > 700000);
    EXPECT(dialogue_info(d).receive_window <= 1 << 20);
}

TEST(the_window_grows_before_a_peer_in_slow_start_has_filled_it)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    d->config.receive_buffer = 1 << 20;
    tcp_configure(&d->t, &d->config);
    dialogue_connect(d, "mss 1000 sackok scale 0");
    uint32_t at = 1;
    for (unsigned i = 0; i < 40; i++) {
        at = stream(d, at, 1, 1000);
        app_read(d, 1000);
        pass(d, MS);
    }
    EXPECT(dialogue_info(d).receive_window > 90000);
}

TEST(the_window_does_not_grow_for_a_reader_that_is_slow)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    d->config.receive_buffer = 1 << 20;
    tcp_configure(&d->t, &d->config);
    dialogue_connect(d, "mss 1000 sackok scale 0");
    stream(d, 1, 65, 1000);
    EXPECT_EQ(d->readable, 65000);
    struct tcp_info before = dialogue_info(d);
    for (uint32_t i = 0; i < 40; i++) {
        app_read(d, 1000);
        stream(d, 65001 + i * 1000, 1, 1000);
    }
    EXPECT(before.receive_window < 70000);
    EXPECT(dialogue_info(d).receive_window < 70000);
}

TEST(the_window_does_not_grow_for_a_peer_that_is_slow)
{
    struct dialogue *d = &dialogue;
    dialogue_begin(d);
    d->config.receive_buffer = 1 << 20;
    tcp_configure(&d->t, &d->config);
    dialogue_connect(d, "mss 1000 sackok scale 0");
    uint32_t at = 1;
    for (unsigned i = 0; i < 300; i++) {
        at = stream(d, at, 1, 1000);
        app_read(d, 1000);
        pass(d, 50 * MS);
    }
    EXPECT(dialogue_info(d).receive_window <= 65536);
}

TEST(urgent_data_is_ordinary_data)
{
    struct dialogue *d = dialogue_open(&dialogue);
    peer(d, "UA 1+10 ack 1");
    expect_taken(d, 0, 10, 0);
    EXPECT_EQ(d->result.readable, 10);
}
