// SPDX-License-Identifier: Apache-2.0
/* Lines that are typed and edited. */
#include "lib/tty/test/dialogue.h"

static struct dialogue d;

TEST(a_line_is_read_when_it_ends_and_not_before)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "hello");
    expect_nothing_to_read(l);
    type(l, "\r");
    expect_read(l, "hello\n");
    expect_screen(l, "hello\r\n");
    expect_nothing_to_read(l);
}

TEST(two_lines_are_two_reads)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "one\ntwo\nthr");
    EXPECT_EQ(tty_line_readable_bytes(l), 8);
    expect_read(l, "one\n");
    expect_read(l, "two\n");
    expect_nothing_to_read(l);
}

TEST(a_long_line_is_read_in_pieces)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "abcdef\n");
    expect_read_of(l, 4, "abcd");
    expect_read_of(l, 4, "ef\n");
    expect_nothing_to_read(l);
}

TEST(erase_takes_back_one_character_and_wipes_it)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "cat\x7f\x7fu\n");
    expect_screen(l, "cat\b \b\b \bu\r\n");
    expect_read(l, "cu\n");
}

TEST(erase_at_the_start_of_a_line_does_nothing)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "a\n\x7f\x7f\x15\x17");
    expect_screen(l, "a\r\n");
    expect_read(l, "a\n");
}

TEST(erase_takes_back_a_whole_code_point)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "x\xe2\x82\xac\x7fy\n");
    expect_screen(l, "x\xe2\x82\xac\b \by\r\n");
    expect_read(l, "xy\n");
}

TEST(without_iutf8_erase_takes_back_a_byte)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, ABI_IUTF8, 0, ABI_ECHO, 0);
    type(l, "\xc3\xa9\x7f\n");
    expect_read(l, "\xc3\n");
}

TEST(stray_continuation_bytes_are_erased_one_by_one)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "\x80\x80\x80\x80\x80\x80\x7f\n");
    expect_read(l, "\x80\x80\x80\x80\x80\n");
}

TEST(erase_wipes_both_columns_of_a_control_character)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "a\x01\x7f\n");
    expect_screen(l, "a^A\b \b\b \b\r\n");
    expect_read(l, "a\n");
}

TEST(erase_goes_back_over_a_tab)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "ab\t\x7f");
    expect_screen(l, "ab\t\b\b\b\b\b\b");
    type(l, "c\n");
    expect_read(l, "abc\n");
}

TEST(erase_of_a_tab_knows_where_the_prompt_ends)
{
    struct tty_line *l = dialogue_begin(&d);
    show(l, "$ ");
    type(l, "\t\x7f");
    expect_screen(l, "$ \t\b\b\b\b\b\b");
}

TEST(erase_without_echoe_shows_the_character_that_was_typed)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, 0, ABI_ECHOE, 0);
    type(l, "ab\x7f");
    expect_screen(l, "ab^?");
}

TEST(word_erase_takes_a_word_and_what_is_behind_it)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "rm old_file \x17\n");
    expect_read(l, "rm \n");
    expect_screen(l, "rm old_file \b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \b\r\n");
}

TEST(kill_wipes_the_line)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "abc\x15x\n");
    expect_screen(l, "abc\b \b\b \b\b \bx\r\n");
    expect_read(l, "x\n");
}

TEST(kill_without_echoke_begins_a_new_line)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, 0, ABI_ECHOKE, 0);
    type(l, "abc\x15x\n");
    expect_screen(l, "abc^U\r\nx\r\n");
    expect_read(l, "x\n");
}

TEST(kill_without_echo_kills)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, 0, ABI_ECHO, 0);
    type(l, "secret\x15word\n");
    expect_screen(l, "");
    expect_read(l, "word\n");
}

TEST(reprint_shows_the_line_again)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "abc\x12");
    expect_screen(l, "abc^R\r\nabc");
    type(l, "\x7f\n");
    expect_read(l, "ab\n");
}

TEST(literal_next_takes_the_meaning_from_a_character)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "a\x16\x03\x16\x7f\x16\n\n");
    expect_screen(l, "a^\b^C^\b^?^\b^J\r\n");
    expect_read(l, "a\x03\x7f\n\n");
    EXPECT_EQ(tty_line_take_changes(l) & TTY_LINE_INTERRUPT, 0);
}

TEST(without_iexten_extended_characters_are_data)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, 0, ABI_IEXTEN | ABI_ECHO, 0);
    type(l, "a\x16\x17\x12\n");
    expect_read(l, "a\x16\x17\x12\n");
}

TEST(a_character_that_is_off_is_data)
{
    struct tty_line *l = dialogue_begin(&d);
    set_character(l, ABI_VKILL, 0);
    type(l, "ab\x15\n");
    expect_read(l, "ab\x15\n");
}

TEST(end_of_file_gives_what_was_typed_and_then_nothing)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "abc\x04");
    expect_screen(l, "abc");
    expect_read(l, "abc");
    expect_nothing_to_read(l);
    type(l, "\x04");
    EXPECT_EQ(tty_line_readable_bytes(l), 0);
    expect_read(l, "");
    expect_nothing_to_read(l);
}

TEST(a_read_that_ends_right_before_the_end_of_file_takes_it_along)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "abc\x04");
    expect_read_of(l, 3, "abc");
    expect_nothing_to_read(l);
}

TEST(other_line_ends_are_part_of_the_line)
{
    struct tty_line *l = dialogue_begin(&d);
    set_character(l, ABI_VEOL, ';');
    set_character(l, ABI_VEOL2, '.');
    type(l, "one;two.\n");
    expect_read(l, "one;");
    expect_read(l, "two.");
    expect_read(l, "\n");
    expect_screen(l, "one;two.\r\n");
}

TEST(a_nul_that_is_typed_is_no_end_of_file)
{
    struct tty_line *l = dialogue_begin(&d);
    uint8_t bytes[4];
    bool is_end;
    EXPECT_EQ(tty_line_input(l, (const uint8_t *)"a\0b\n", 4, 0), 4);
    EXPECT_EQ(tty_line_read(l, bytes, sizeof(bytes), &is_end), 4);
    EXPECT_MEM(bytes, "a\0b\n", 4);
}

TEST(carriage_returns_and_line_feeds_are_turned_or_dropped)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, ABI_ICRNL, ABI_IGNCR, ABI_ECHO, 0);
    type(l, "a\rb\n");
    expect_read(l, "ab\n");
    change_settings(l, ABI_IGNCR, ABI_INLCR, 0, 0);
    set_raw(l, 1, 0);
    type(l, "a\nb\r");
    expect_read(l, "a\rb\r");
}

TEST(istrip_clears_the_eighth_bit)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, ABI_ISTRIP, 0, 0);
    type(l, "\xe1\x8a");
    expect_read(l, "a\n");
}

TEST(parmrk_doubles_what_could_be_taken_for_a_mark)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, ABI_PARMRK, 0, 0);
    set_raw(l, 1, 0);
    type(l, "a\xff");
    expect_read(l, "a\xff\xff");
}

// ---- Echo ----

TEST(without_echo_nothing_is_shown)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, 0, ABI_ECHO, 0);
    type(l, "swordfish\n");
    expect_screen(l, "");
    expect_read(l, "swordfish\n");
}

TEST(echonl_shows_the_end_of_a_line_only)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, 0, ABI_ECHO, ABI_ECHONL);
    type(l, "swordfish\n");
    expect_screen(l, "\r\n");
}

TEST(without_echoctl_control_characters_are_echoed_as_they_are)
{
    struct tty_line *l = dialogue_begin(&d);
    change_settings(l, 0, 0, ABI_ECHOCTL, 0);
    type(l, "\x01");
    expect_screen(l, "\x01");
}

// ---- A full line ----

static void fill_line(struct tty_line *l, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        type(l, "x");
    }
}

TEST(a_line_that_fills_the_ring_drops_bytes_with_a_bell_but_can_be_ended)
{
    struct tty_line *l = dialogue_begin(&d);
    char text[DIALOGUE_TEXT];
    bool is_end;
    fill_line(l, DIALOGUE_INPUT - 1);
    EXPECT_EQ(fetch_screen(l, text), DIALOGUE_INPUT - 1);
    type(l, "yz");
    expect_screen(l, "\a\a");
    expect_nothing_to_read(l);
    type(l, "\n");
    EXPECT_EQ(tty_line_read(l, (uint8_t *)text, sizeof(text), &is_end), DIALOGUE_INPUT);
    EXPECT_EQ(text[DIALOGUE_INPUT - 1], '\n');
    EXPECT_EQ(text[DIALOGUE_INPUT - 2], 'x');
    type(l, "z\n");
    expect_read(l, "z\n");
}

TEST(a_full_line_can_be_erased_and_killed)
{
    struct tty_line *l = dialogue_begin(&d);
    fill_line(l, DIALOGUE_INPUT);
    type(l, "\x7f\x7fyz");
    type(l, "\x15ok\n");
    expect_read(l, "ok\n");
}

TEST(bytes_are_refused_while_there_are_lines_to_read)
{
    struct tty_line *l = dialogue_begin(&d);
    type(l, "one\n");
    (void)tty_line_take_changes(l);
    size_t taken = 0;
    while (type_at(l, "x", 0) == 1) {
        taken++;
    }
    EXPECT_EQ(taken, DIALOGUE_INPUT - 5);
    EXPECT_EQ(tty_line_take_changes(l) & TTY_LINE_INPUT_ROOM, 0);
    expect_read(l, "one\n");
    EXPECT(tty_line_take_changes(l) & TTY_LINE_INPUT_ROOM);
    type(l, "\n");
}

TEST(an_interrupt_character_gets_through_a_full_line)
{
    struct tty_line *l = dialogue_begin(&d);
    fill_line(l, DIALOGUE_INPUT);
    type(l, "\x03");
    EXPECT(tty_line_take_changes(l) & TTY_LINE_INTERRUPT);
    type(l, "ok\n");
    expect_read(l, "ok\n");
}
