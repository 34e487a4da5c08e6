// SPDX-License-Identifier: Apache-2.0
/* Signals, flow control, raw reads, output, changes of settings. */
#include "lib/tty/line.h"

#include "lib/tty/test/dialogue.h"
#include "tests/harness/random.h"

static struct dialogue d;

static constexpr nsec_t TENTH = NSEC_PER_SEC / 10;

// ---- Signals ----

TEST(each_signal_character_raises_its_signal_and_is_echoed)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "\x03");
    EXPECT(tty_line_take_changes(l) & TTY_LINE_INTERRUPT);
    type(l, "\x1c");
    EXPECT(tty_line_take_changes(l) & TTY_LINE_QUIT);
    type(l, "\x1a");
    EXPECT(tty_line_take_changes(l) & TTY_LINE_SUSPEND);
    expect_screen(l, "^Z"); // each flushed what was shown before it
}

TEST(a_signal_flushes_input_and_output)
{
    struct tty_line *l = dialogue_begin(&d);
    show(l, "much text");
    type(l, "line\npart\x03");
    expect_nothing_to_read(l);
    expect_screen(l, "^C");
    type(l, "new\n");
    expect_read(l, "new\n");
}

TEST(with_noflsh_a_signal_flushes_nothing)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, 0, 0, ABI_NOFLSH);
    type(l, "li\x03ne\n");
    EXPECT(tty_line_take_changes(l) & TTY_LINE_INTERRUPT);
    expect_screen(l, "li^Cne\r\n");
    expect_read(l, "line\n");
}

TEST(what_a_pseudo_terminal_sent_is_not_flushed)
{
    struct tty_line *l = dialogue_begin(&d);
    l->is_wire = true;
    type(l, "abc\x03");
    expect_screen(l, "abc^C");
}

TEST(without_isig_signal_characters_are_data)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, 0, ABI_ISIG, 0);
    type(l, "a\x03\n");
    EXPECT_EQ(tty_line_take_changes(l) & TTY_LINE_INTERRUPT, 0);
    expect_read(l, "a\x03\n");
}

TEST(signals_work_in_raw_reads_too)
{
    struct tty_line *l = dialogue_begin(&d);
    set_raw(l, 1, 0);
    type(l, "ab\x03");
    EXPECT(tty_line_take_changes(l) & TTY_LINE_INTERRUPT);
    EXPECT_EQ(tty_line_readable_bytes(l), 0);
}

// ---- Flow control ----

TEST(stop_holds_output_until_start)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "\x13");
    show(l, "held");
    expect_screen(l, "");
    EXPECT_EQ(tty_line_unsent_bytes(l), 4);
    (void)tty_line_take_changes(l);
    type(l, "\x11");
    EXPECT(tty_line_take_changes(l) & TTY_LINE_OUTPUT);
    expect_screen(l, "held");
    expect_nothing_to_read(l);
}

TEST(with_ixany_any_character_starts_and_is_kept)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, ABI_IXANY, 0, 0);
    type(l, "\x13");
    show(l, "held ");
    type(l, "x\n");
    expect_screen(l, "held x\r\n");
    expect_read(l, "x\n");
}

TEST(an_interrupt_starts_stopped_output)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "\x13");
    show(l, "held");
    type(l, "\x03");
    expect_screen(l, "^C");
}

TEST(one_character_for_stop_and_start_toggles)
{
    struct tty_line *l = dialogue_begin(&d);
    set_character(l, ABI_VSTART, 0x13);
    type(l, "\x13");
    show(l, "held");
    expect_screen(l, "");
    type(l, "\x13");
    expect_screen(l, "held");
}

TEST(without_ixon_flow_control_characters_are_data_and_output_goes_on)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "\x13");
    show(l, "held");
    change_settings(l, ABI_IXON, 0, ABI_ECHO, 0);
    expect_screen(l, "held");
    type(l, "\x13\x11\n");
    expect_read(l, "\x13\x11\n");
}

TEST(a_program_can_stop_and_start_output)
{
    struct tty_line *l = dialogue_begin(&d);
    tty_line_stop(l);
    show(l, "x");
    expect_screen(l, "");
    tty_line_start(l);
    expect_screen(l, "x");
    tty_line_send_control(l, ABI_VSTOP);
    expect_screen(l, "\x13");
}

TEST(what_a_pseudo_terminal_sent_before_a_stop_can_be_fetched)
{
    struct tty_line *l = dialogue_begin(&d);
    l->is_wire = true;
    show(l, "before");
    type(l, "\x13");
    show(l, "after");
    EXPECT_EQ(tty_line_unsent_bytes(l), 5);
    expect_screen(l, "before");
    type(l, "\x11");
    EXPECT_EQ(tty_line_unsent_bytes(l), 0);
    expect_screen(l, "after");
}

// ---- Raw reads: the four cases of VMIN and VTIME ----

TEST(min_without_time_waits_for_that_many_bytes)
{
    struct tty_line *l = dialogue_begin(&d);
    set_raw(l, 3, 0);
    EXPECT_EQ(tty_line_read_due(l, 10, 0), NSEC_NEVER);
    type(l, "ab");
    EXPECT_EQ(tty_line_read_due(l, 10, 0), NSEC_NEVER);
    EXPECT_EQ(tty_line_read_due(l, 2, 0), 0); // all that was asked for
    EXPECT(!tty_line_is_readable(l));
    type(l, "c");
    EXPECT(tty_line_is_readable(l));
    expect_read(l, "abc");
}

TEST(min_and_time_wait_for_a_pause_after_the_first_byte)
{
    struct tty_line *l = dialogue_begin(&d);
    set_raw(l, 3, 5);
    EXPECT_EQ(tty_line_read_due(l, 10, 0), NSEC_NEVER);
    EXPECT_EQ(type_at(l, "a", 10 * TENTH), 1);
    EXPECT_EQ(tty_line_read_due(l, 10, 2 * TENTH), 15 * TENTH);
    EXPECT_EQ(type_at(l, "b", 14 * TENTH), 1);
    EXPECT_EQ(tty_line_read_due(l, 10, 2 * TENTH), 19 * TENTH);
    // Bytes that were there before count as coming with the read.
    EXPECT_EQ(tty_line_read_due(l, 10, 30 * TENTH), 35 * TENTH);
    EXPECT_EQ(type_at(l, "c", 15 * TENTH), 1);
    EXPECT_EQ(tty_line_read_due(l, 10, 2 * TENTH), 0);
}

TEST(time_without_min_waits_for_one_byte_that_long)
{
    struct tty_line *l = dialogue_begin(&d);
    set_raw(l, 0, 5);
    EXPECT_EQ(tty_line_read_due(l, 10, 2 * TENTH), 7 * TENTH);
    type(l, "a");
    EXPECT_EQ(tty_line_read_due(l, 10, 2 * TENTH), 0);
    expect_read(l, "a");
}

TEST(neither_min_nor_time_never_waits)
{
    struct tty_line *l = dialogue_begin(&d);
    set_raw(l, 0, 0);
    EXPECT_EQ(tty_line_read_due(l, 10, 2 * TENTH), 0);
    EXPECT(!tty_line_is_readable(l));
    expect_read(l, "");
}

TEST(a_raw_ring_refuses_when_it_is_full_and_offers_room_when_it_is_read)
{
    struct tty_line *l = dialogue_begin(&d);
    set_raw(l, 1, 0);
    size_t taken = 0;
    while (type_at(l, "x", 0) == 1) {
        taken++;
    }
    EXPECT_EQ(taken, DIALOGUE_INPUT);
    (void)tty_line_take_changes(l);
    expect_read_of(l, 1, "x");
    EXPECT(tty_line_take_changes(l) & TTY_LINE_INPUT_ROOM);
    EXPECT_EQ(type_at(l, "xx", 0), 1);
}

// ---- Output ----

TEST(a_line_feed_gets_a_carriage_return)
{
    struct tty_line *l = dialogue_begin(&d);
    show(l, "one\ntwo\n");
    expect_screen(l, "one\r\ntwo\r\n");
}

TEST(without_opost_output_is_as_it_was_written)
{
    struct tty_line *l = dialogue_begin(&d);
    set_output(l, ABI_ONLCR | ABI_TAB3);
    show(l, "a\n\tb\r");
    expect_screen(l, "a\n\tb\r");
}

TEST(tabs_become_spaces_up_to_the_next_stop)
{
    struct tty_line *l = dialogue_begin(&d);
    set_output(l, ABI_OPOST | ABI_ONLCR | ABI_TAB3);
    show(l, "\tab\tc\n\td\xc3\xa9\b\t.");
    expect_screen(l, "        ab      c\r\n        d\xc3\xa9\b       .");
}

TEST(carriage_returns_become_line_feeds_or_go_at_the_margin)
{
    struct tty_line *l = dialogue_begin(&d);
    set_output(l, ABI_OPOST | ABI_OCRNL);
    show(l, "a\rb");
    expect_screen(l, "a\nb");
    set_output(l, ABI_OPOST | ABI_ONOCR);
    show(l, "\r\rc\r\r");
    expect_screen(l, "\rc\r");
}

TEST(with_onlret_a_line_feed_returns_to_the_margin)
{
    struct tty_line *l = dialogue_begin(&d);
    set_output(l, ABI_OPOST | ABI_ONLRET | ABI_TAB3);
    show(l, "abc\n\tx");
    expect_screen(l, "abc\n        x");
}

TEST(writers_fill_half_of_the_ring_and_echo_has_the_rest)
{
    struct tty_line *l = dialogue_begin(&d);
    static uint8_t much[DIALOGUE_OUTPUT];
    char text[DIALOGUE_TEXT];
    memset(much, 'w', sizeof(much));
    EXPECT_EQ(tty_line_write(l, much, sizeof(much)), DIALOGUE_OUTPUT / 2);
    EXPECT(!tty_line_is_writable(l));
    EXPECT_EQ(tty_line_write(l, much, 1), 0);
    type(l, "typed\n");
    EXPECT_EQ(fetch_screen(l, text), DIALOGUE_OUTPUT / 2 + 7);
    EXPECT_MEM(text + DIALOGUE_OUTPUT / 2, "typed\r\n", 7);
    EXPECT(tty_line_take_changes(l) & TTY_LINE_WRITABLE);
    EXPECT(tty_line_is_writable(l));
}

TEST(a_line_feed_is_written_whole_or_not_at_all)
{
    struct tty_line *l = dialogue_begin(&d);
    static uint8_t much[DIALOGUE_OUTPUT];
    memset(much, 'w', sizeof(much));
    EXPECT_EQ(tty_line_write(l, much, DIALOGUE_OUTPUT / 2 - 1), DIALOGUE_OUTPUT / 2 - 1);
    EXPECT_EQ(tty_line_write(l, (const uint8_t *)"\n", 1), 0);
    EXPECT_EQ(tty_line_write(l, (const uint8_t *)"x", 1), 1);
}

TEST(echo_without_room_is_dropped_and_the_line_is_kept)
{
    struct tty_line *l = dialogue_begin(&d);
    for (int i = 0; i < 4 * DIALOGUE_OUTPUT; i++) {
        type(l, i % 2 == 0 ? "x" : "\x7f");
    }
    type(l, "whole\n");
    expect_read(l, "whole\n");
}

// ---- Settings ----

TEST(without_icanon_all_that_was_typed_can_be_read)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "one\ntwo\x04thr");
    set_raw(l, 1, 0);
    EXPECT_EQ(tty_line_readable_bytes(l), 10);
    expect_read(l, "one\ntwothr"); // the end of file was no data
}

TEST(with_icanon_what_came_before_is_lines_and_goes_on_being_typed)
{
    struct tty_line *l = dialogue_begin(&d);
    set_raw(l, 1, 0);
    type(l, "one\ntw");
    change_settings(l, 0, 0, 0, ABI_ICANON | ABI_ECHO);
    expect_read(l, "one\n");
    expect_nothing_to_read(l);
    type(l, "\x7fwo\n");
    expect_read(l, "two\n");
}

TEST(a_ring_full_of_raw_bytes_can_become_a_line)
{
    struct tty_line *l = dialogue_begin(&d);
    char text[DIALOGUE_TEXT];
    bool is_end;
    set_raw(l, 1, 0);
    for (int i = 0; i < DIALOGUE_INPUT; i++) {
        type(l, "x");
    }
    change_settings(l, 0, 0, 0, ABI_ICANON);
    expect_nothing_to_read(l);
    type(l, "\n");
    EXPECT_EQ(tty_line_read(l, (uint8_t *)text, sizeof(text), &is_end), DIALOGUE_INPUT);
    EXPECT_EQ(text[DIALOGUE_INPUT - 1], '\n');
}

TEST(a_change_of_settings_makes_readers_look_again)
{
    struct tty_line *l = dialogue_begin(&d);
    set_raw(l, 5, 0);
    type(l, "ab");
    (void)tty_line_take_changes(l);
    set_raw(l, 1, 0);
    EXPECT(tty_line_take_changes(l) & TTY_LINE_READABLE);
    expect_read(l, "ab");
}

TEST(readers_are_told_of_lines_and_not_of_each_byte)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "abc");
    EXPECT_EQ(tty_line_take_changes(l) & TTY_LINE_READABLE, 0);
    type(l, "\n");
    EXPECT(tty_line_take_changes(l) & TTY_LINE_READABLE);
}

TEST(flushing_input_forgets_the_line_that_is_typed_too)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "one\ntw\x16");
    tty_line_flush_input(l);
    type(l, "x\x7fy\n");
    expect_read(l, "y\n");
}

// What is typed without special characters is what is read, however rings wrap.
TEST(random_lines_come_out_as_they_went_in)
{
    struct test_random random = {7};
    struct tty_line *l = dialogue_begin(&d);
    char line[128];
    char text[DIALOGUE_TEXT];
    for (int i = 0; i < 3000; i++) {
        size_t len = test_random_below(&random, sizeof(line) - 2);
        for (size_t j = 0; j < len; j++) {
            line[j] = (char)('a' + test_random_below(&random, 26));
        }
        line[len] = '\n';
        line[len + 1] = '\0';
        type(l, line);
        (void)fetch_screen(l, text);
        expect_read(l, line);
    }
}
