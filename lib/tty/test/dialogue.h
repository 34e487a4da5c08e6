// SPDX-License-Identifier: Apache-2.0
/*
 * Dialogues with a terminal: type(), then expect_screen() what the terminal was sent since it was
 * looked at last, and expect_read() what a program gets.
 */
#pragma once

#include "lib/base/string.h"
#include "lib/tty/line.h"
#include "tests/harness/test.h"

enum { DIALOGUE_INPUT = 512, DIALOGUE_OUTPUT = 2048, DIALOGUE_TEXT = 4096 };

struct dialogue {
    struct tty_line line;
    nsec_t now;
    uint8_t input[DIALOGUE_INPUT];
    uint8_t output[DIALOGUE_OUTPUT];
    uint64_t marks[DIALOGUE_INPUT / 32];
};

static inline struct tty_line *dialogue_begin(struct dialogue *d)
{
    struct tty_line_storage storage = {
        .input = d->input,
        .input_size = sizeof(d->input),
        .marks = d->marks,
        .output = d->output,
        .output_size = sizeof(d->output),
    };
    d->now = NSEC_PER_SEC;
    tty_line_init(&d->line, &storage);
    return &d->line;
}

// Other bits, all at once.
static inline void change_settings(struct tty_line *l, uint32_t input_off, uint32_t input_on,
                                   uint32_t local_off, uint32_t local_on)
{
    struct abi_termios t = l->termios;
    t.input = (t.input & ~input_off) | input_on;
    t.local = (t.local & ~local_off) | local_on;
    tty_line_set(l, &t);
}

static inline void set_output(struct tty_line *l, uint32_t output)
{
    struct abi_termios t = l->termios;
    t.output = output;
    tty_line_set(l, &t);
}

static inline void set_character(struct tty_line *l, unsigned index, uint8_t c)
{
    struct abi_termios t = l->termios;
    t.cc[index] = c;
    tty_line_set(l, &t);
}

static inline void set_raw(struct tty_line *l, uint8_t min, uint8_t time)
{
    struct abi_termios t = l->termios;
    t.local &= ~(uint32_t)(ABI_ICANON | ABI_ECHO);
    t.cc[ABI_VMIN] = min;
    t.cc[ABI_VTIME] = time;
    tty_line_set(l, &t);
}

static inline size_t type_at(struct tty_line *l, const char *text, nsec_t now)
{
    return tty_line_input(l, (const uint8_t *)text, strlen(text), now);
}

static inline void type(struct tty_line *l, const char *text)
{
    EXPECT_EQ(type_at(l, text, NSEC_PER_SEC), strlen(text));
}

static inline size_t fetch_screen(struct tty_line *l, char *text)
{
    size_t size = 0;
    uint32_t len;
    const uint8_t *run = tty_line_output(l, &len);
    while (len > 0) {
        memcpy(text + size, run, len);
        size += len;
        tty_line_output_done(l, len);
        run = tty_line_output(l, &len);
    }
    return size;
}

static inline void expect_screen(struct tty_line *l, const char *want)
{
    char text[DIALOGUE_TEXT];
    text[fetch_screen(l, text)] = '\0';
    EXPECT_STR(text, want);
}

static inline void expect_read_of(struct tty_line *l, size_t size, const char *want)
{
    char text[DIALOGUE_TEXT];
    bool is_end;
    EXPECT_EQ(tty_line_read_due(l, size, NSEC_PER_SEC), 0);
    size_t n = tty_line_read(l, (uint8_t *)text, size, &is_end);
    text[n] = '\0';
    EXPECT_STR(text, want);
}

static inline void expect_read(struct tty_line *l, const char *want)
{
    expect_read_of(l, DIALOGUE_TEXT - 1, want);
}

static inline void expect_nothing_to_read(struct tty_line *l)
{
    EXPECT(!tty_line_is_readable(l));
    EXPECT_EQ(tty_line_read_due(l, 1, NSEC_PER_SEC), NSEC_NEVER);
}

static inline void show(struct tty_line *l, const char *text)
{
    EXPECT_EQ(tty_line_write(l, (const uint8_t *)text, strlen(text)), strlen(text));
}
