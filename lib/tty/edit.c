// SPDX-License-Identifier: Apache-2.0
/* Editing of the line that is being typed: the bytes from `canon` to `in`. */
#include "lib/tty/line_priv.h"

enum { CODE_POINT_MAX = 4 };

static bool is_empty(const struct tty_line *l)
{
    return l->in == l->canon;
}

// How many bytes the last character has.  Continuation bytes without a first one are characters of
// their own.
static uint32_t last_character(const struct tty_line *l, uint8_t *first)
{
    uint32_t typed = l->in - l->canon;
    for (uint32_t n = 1; n <= CODE_POINT_MAX && n <= typed; n++) {
        *first = byte_at(l, l->in - n);
        if (!is_continuation(l, *first)) {
            return n;
        }
    }
    *first = byte_at(l, l->in - 1);
    return 1;
}

static uint32_t column_of_end(const struct tty_line *l)
{
    uint32_t column = l->line_column;
    for (uint32_t at = l->canon; at != l->in; at++) {
        column = tty_column_after(l, column, byte_at(l, at));
    }
    return column;
}

static void wipe(struct tty_line *l, uint32_t columns)
{
    while (columns > 0 && tty_put_raw(l, "\b \b", 3)) {
        l->column -= l->column > 0;
        columns--;
    }
}

// Makes a character that is gone from the line disappear.
static void wipe_character(struct tty_line *l, uint8_t c)
{
    uint32_t end = column_of_end(l);
    uint32_t width = tty_column_after(l, end, c) - end;
    if (c != '\t') {
        wipe(l, width);
        return;
    }
    // The cursor goes back over nothing.
    while (width > 0 && tty_put_raw(l, "\b", 1)) {
        l->column -= l->column > 0;
        width--;
    }
}

static void drop_character(struct tty_line *l)
{
    uint8_t c;
    l->in -= last_character(l, &c);
    if (has_local_flag(l, ABI_ECHO)) {
        wipe_character(l, c);
    }
}

void tty_erase_character(struct tty_line *l)
{
    if (is_empty(l)) {
        return;
    }
    if (has_local_flag(l, ABI_ECHO) && !has_local_flag(l, ABI_ECHOE)) {
        uint8_t c;
        l->in -= last_character(l, &c);
        tty_echo(l, l->termios.cc[ABI_VERASE]);
        return;
    }
    drop_character(l);
}

// Bytes beyond ASCII are letters of some language.
static bool is_word(uint8_t c)
{
    uint8_t lower = c | 0x20;
    return c == '_' || c >= 0x80 || (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z');
}

// What is no word goes first, then one word.
void tty_erase_word(struct tty_line *l)
{
    while (!is_empty(l) && !is_word(byte_at(l, l->in - 1))) {
        drop_character(l);
    }
    while (!is_empty(l) && is_word(byte_at(l, l->in - 1))) {
        drop_character(l);
    }
}

void tty_erase_line(struct tty_line *l)
{
    constexpr uint32_t VISIBLY = ABI_ECHOE | ABI_ECHOK | ABI_ECHOKE;
    if (is_empty(l)) {
        return;
    }
    if (!has_local_flag(l, ABI_ECHO)) {
        l->in = l->canon;
        return;
    }
    if ((l->termios.local & VISIBLY) == VISIBLY) {
        uint32_t end = column_of_end(l);
        l->in = l->canon;
        wipe(l, end - l->line_column);
        return;
    }
    l->in = l->canon;
    tty_echo(l, l->termios.cc[ABI_VKILL]);
    if (has_local_flag(l, ABI_ECHOK)) {
        tty_echo_line_feed(l);
    }
}

void tty_reprint(struct tty_line *l)
{
    tty_echo(l, l->termios.cc[ABI_VREPRINT]);
    tty_echo_line_feed(l);
    l->line_column = l->column;
    for (uint32_t at = l->canon; at != l->in; at++) {
        tty_echo(l, byte_at(l, at));
    }
}
