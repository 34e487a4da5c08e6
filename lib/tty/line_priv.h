// SPDX-License-Identifier: Apache-2.0
/* What the parts of the line discipline share. */
#pragma once

#include "lib/tty/line.h"

enum tty_mark {
    MARK_NONE,
    MARK_LINE_END,
    MARK_FILE_END, // not data: the file seems to end here, once
};

static inline bool has_input_flag(const struct tty_line *l, uint32_t flag)
{
    return (l->termios.input & flag) != 0;
}

static inline bool has_output_flag(const struct tty_line *l, uint32_t flag)
{
    return (l->termios.output & flag) != 0;
}

static inline bool has_local_flag(const struct tty_line *l, uint32_t flag)
{
    return (l->termios.local & flag) != 0;
}

static inline bool is_canonical(const struct tty_line *l)
{
    return has_local_flag(l, ABI_ICANON);
}

// Whether `c` is the control character of that index; one that is 0 is off.
static inline bool is_control_char(const struct tty_line *l, uint8_t c, unsigned index)
{
    return c != 0 && l->termios.cc[index] == c;
}

static inline bool is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

// A byte of a UTF-8 code point that is not its first, if the terminal speaks that.
static inline bool is_continuation(const struct tty_line *l, uint8_t c)
{
    return has_input_flag(l, ABI_IUTF8) && (c & 0xc0) == 0x80;
}

static inline uint8_t byte_at(const struct tty_line *l, uint32_t position)
{
    return l->input[position & (l->input_size - 1)];
}

static inline enum tty_mark mark_at(const struct tty_line *l, uint32_t position)
{
    uint32_t i = position & (l->input_size - 1);
    return (enum tty_mark)(l->marks[i / 32] >> (i % 32 * 2) & 3);
}

static inline void set_byte(struct tty_line *l, uint32_t position, uint8_t c, enum tty_mark mark)
{
    uint32_t i = position & (l->input_size - 1);
    unsigned shift = i % 32 * 2;
    l->input[i] = c;
    l->marks[i / 32] = (l->marks[i / 32] & ~(UINT64_C(3) << shift)) | (uint64_t)mark << shift;
}

static inline uint32_t input_room(const struct tty_line *l)
{
    return l->input_size - (l->in - l->out);
}

// ---- Output (output.c) ----

// Puts bytes into the ring as they are, all or none.
bool tty_put_raw(struct tty_line *l, const char *bytes, size_t size);

// Shows one byte as OPOST says, `room` bytes of the ring at most.  False: no room.
bool tty_put_processed(struct tty_line *l, uint8_t c, uint32_t room);

// Shows a byte that was typed: control characters as ^X if ECHOCTL says so.
void tty_echo(struct tty_line *l, uint8_t c);
void tty_echo_line_feed(struct tty_line *l);

// Where the cursor is after `c` was echoed at `column`.
uint32_t tty_column_after(const struct tty_line *l, uint32_t column, uint8_t c);

// ---- Editing (edit.c) ----

// The line that is typed loses its last character, word, or all; what is seen follows as ECHOE,
// ECHOK and ECHOKE say.
void tty_erase_character(struct tty_line *l);
void tty_erase_word(struct tty_line *l);
void tty_erase_line(struct tty_line *l);
void tty_reprint(struct tty_line *l);
