// SPDX-License-Identifier: Apache-2.0
/* The output half: what programs write and what is echoed becomes bytes for the terminal. */
#include "lib/base/string.h"
#include "lib/tty/line_priv.h"

enum { TAB_WIDTH = 8 };

// New bytes are in the ring.
static void announce(struct tty_line *l)
{
    if (!l->is_stopped) {
        l->sent = l->output.in;
    }
    l->changes |= TTY_LINE_OUTPUT;
}

static void put(struct tty_line *l, const char *bytes, size_t size)
{
    (void)ring_put(&l->output, (const uint8_t *)bytes, size);
    announce(l);
}

bool tty_put_raw(struct tty_line *l, const char *bytes, size_t size)
{
    if (ring_room(&l->output) < size) {
        return false;
    }
    put(l, bytes, size);
    return true;
}

// ---- Columns ----

static uint32_t tab_stop_after(uint32_t column)
{
    return column - column % TAB_WIDTH + TAB_WIDTH;
}

// A byte goes to the terminal as it is.
static void advance_column(struct tty_line *l, uint8_t c)
{
    switch (c) {
    case '\n': l->column = has_output_flag(l, ABI_ONLRET) ? 0 : l->column; break;
    case '\r': l->column = 0; break;
    case '\t': l->column = tab_stop_after(l->column); break;
    case '\b': l->column -= l->column > 0; break;
    default: l->column += !is_control(c) && !is_continuation(l, c); break;
    }
}

static bool is_shown_as_caret(const struct tty_line *l, uint8_t c)
{
    return is_control(c) && c != '\t' && has_local_flag(l, ABI_ECHOCTL);
}

uint32_t tty_column_after(const struct tty_line *l, uint32_t column, uint8_t c)
{
    if (c == '\t') {
        return tab_stop_after(column);
    }
    if (is_control(c)) {
        return column + (is_shown_as_caret(l, c) ? 2 : 0);
    }
    return column + !is_continuation(l, c);
}

// ---- Output processing ----

static bool put_byte(struct tty_line *l, uint8_t c, uint32_t room)
{
    if (room == 0) {
        return false;
    }
    advance_column(l, c);
    put(l, (const char *)&c, 1);
    return true;
}

static bool put_line_feed(struct tty_line *l, uint32_t room)
{
    if (!has_output_flag(l, ABI_ONLCR)) {
        return put_byte(l, '\n', room);
    }
    if (room < 2) {
        return false;
    }
    l->column = 0;
    put(l, "\r\n", 2);
    return true;
}

static bool put_carriage_return(struct tty_line *l, uint32_t room)
{
    if (has_output_flag(l, ABI_ONOCR) && l->column == 0) {
        return true;
    }
    return put_byte(l, has_output_flag(l, ABI_OCRNL) ? '\n' : '\r', room);
}

static bool put_tab(struct tty_line *l, uint32_t room)
{
    if ((l->termios.output & ABI_TABDLY) != ABI_TAB3) {
        return put_byte(l, '\t', room);
    }
    uint32_t width = tab_stop_after(l->column) - l->column;
    if (room < width) {
        return false;
    }
    l->column += width;
    put(l, "        ", width);
    return true;
}

bool tty_put_processed(struct tty_line *l, uint8_t c, uint32_t room)
{
    if (!has_output_flag(l, ABI_OPOST)) {
        return put_byte(l, c, room);
    }
    switch (c) {
    case '\n': return put_line_feed(l, room);
    case '\r': return put_carriage_return(l, room);
    case '\t': return put_tab(l, room);
    default: return put_byte(l, c, room);
    }
}

// ---- Echo ----

void tty_echo(struct tty_line *l, uint8_t c)
{
    if (is_shown_as_caret(l, c)) {
        const char caret[] = {'^', (char)(c ^ 0x40)};
        if (tty_put_raw(l, caret, sizeof(caret))) {
            l->column += 2;
        }
        return;
    }
    (void)tty_put_processed(l, c, ring_room(&l->output));
}

void tty_echo_line_feed(struct tty_line *l)
{
    (void)tty_put_processed(l, '\n', ring_room(&l->output));
}

// ---- What programs write ----

// Room that programs may fill.
static uint32_t write_room(const struct tty_line *l)
{
    uint32_t limit = l->output.size / 2;
    uint32_t used = ring_used(&l->output);
    return used < limit ? limit - used : 0;
}

// Bytes from the first on that need no processing and move the cursor by one each.
static size_t plain_run(const uint8_t *bytes, size_t size)
{
    size_t n = 0;
    while (n < size && bytes[n] >= 0x20 && bytes[n] < 0x7f) {
        n++;
    }
    return n;
}

size_t tty_line_write(struct tty_line *l, const uint8_t *bytes, size_t size)
{
    size_t done = 0;
    bool has_room = true;
    while (done < size && has_room) {
        uint32_t room = write_room(l);
        size_t run = u64_min(plain_run(bytes + done, size - done), room);
        if (run > 0) {
            put(l, (const char *)bytes + done, run);
            l->column += (uint32_t)run;
            done += run;
        } else {
            has_room = tty_put_processed(l, bytes[done], room);
            done += has_room;
        }
    }
    return done;
}

bool tty_line_is_writable(const struct tty_line *l)
{
    return write_room(l) >= TAB_WIDTH; // what the widest byte needs
}

uint32_t tty_line_unsent_bytes(const struct tty_line *l)
{
    return l->is_wire ? l->output.in - l->sent : ring_used(&l->output);
}

// ---- The terminal takes it ----

const uint8_t *tty_line_output(struct tty_line *l, uint32_t *len)
{
    const uint8_t *run = ring_used_run(&l->output, len);
    uint32_t held = l->is_stopped ? l->output.in - l->sent : 0;
    uint32_t free = ring_used(&l->output) - held;
    if (l->is_stopped && !l->is_wire) {
        free = 0;
    }
    *len = (uint32_t)u64_min(*len, free);
    return run;
}

void tty_line_output_done(struct tty_line *l, uint32_t len)
{
    bool was_writable = tty_line_is_writable(l);
    ring_consume(&l->output, len);
    if ((!was_writable && tty_line_is_writable(l)) || ring_used(&l->output) == 0) {
        l->changes |= TTY_LINE_WRITABLE;
    }
}

void tty_line_flush_output(struct tty_line *l)
{
    if (l->is_wire) {
        l->output.in = l->sent; // what was sent cannot be called back
    } else {
        ring_consume(&l->output, ring_used(&l->output));
        l->sent = l->output.in;
    }
    l->changes |= TTY_LINE_WRITABLE;
}

void tty_line_stop(struct tty_line *l)
{
    l->is_stopped = true;
}

void tty_line_start(struct tty_line *l)
{
    if (l->is_stopped) {
        l->is_stopped = false;
        l->sent = l->output.in;
        l->changes |= TTY_LINE_OUTPUT | TTY_LINE_WRITABLE;
    }
}

void tty_line_send_control(struct tty_line *l, unsigned index)
{
    char c = (char)l->termios.cc[index];
    if (c != 0) {
        (void)tty_put_raw(l, &c, 1);
    }
}
