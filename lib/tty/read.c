// SPDX-License-Identifier: Apache-2.0
/* How programs read: by lines, or as VMIN and VTIME say. */
#include "lib/base/string.h"
#include "lib/tty/line_priv.h"

static constexpr nsec_t TENTH = NSEC_PER_SEC / 10;

// The four cases of POSIX 11.1.7.
static nsec_t raw_read_due(const struct tty_line *l, size_t size, nsec_t started)
{
    uint32_t there = l->in - l->out;
    uint64_t min = l->termios.cc[ABI_VMIN];
    nsec_t time = l->termios.cc[ABI_VTIME] * TENTH;
    if (min == 0) {
        return there > 0 || time == 0 ? 0 : started + time;
    }
    if (there >= u64_min(min, size)) {
        return 0;
    }
    // The time runs between bytes, from the first on.
    return there == 0 || time == 0 ? NSEC_NEVER : u64_max(started, l->last_input) + time;
}

nsec_t tty_line_read_due(const struct tty_line *l, size_t size, nsec_t started)
{
    if (is_canonical(l)) {
        return l->canon != l->out ? 0 : NSEC_NEVER;
    }
    return raw_read_due(l, size, started);
}

static void take_run(struct tty_line *l, uint8_t *to, uint32_t n)
{
    struct ring input = {.bytes = l->input, .size = l->input_size, .in = l->in, .out = l->out};
    (void)ring_get(&input, to, n);
    l->out = input.out;
}

// Takes an end of file off if it comes next.
static bool take_file_end(struct tty_line *l)
{
    if (l->out == l->canon || mark_at(l, l->out) != MARK_FILE_END) {
        return false;
    }
    l->out++;
    return true;
}

static size_t read_lines(struct tty_line *l, uint8_t *to, size_t size, bool *is_end)
{
    uint32_t end = l->out;
    enum tty_mark mark = MARK_NONE;
    while (end != l->canon && end - l->out < size && mark == MARK_NONE) {
        mark = mark_at(l, end);
        end += mark != MARK_FILE_END;
    }
    uint32_t n = end - l->out;
    take_run(l, to, n);
    // An end of file right behind the last byte goes with it, or the next read would see it.
    *is_end = take_file_end(l) || mark != MARK_NONE || l->out == l->canon;
    return n;
}

size_t tty_line_read(struct tty_line *l, uint8_t *to, size_t size, bool *is_end)
{
    uint32_t before = l->out;
    size_t n;
    if (is_canonical(l)) {
        n = read_lines(l, to, size, is_end);
    } else {
        n = u64_min(size, l->in - l->out);
        take_run(l, to, (uint32_t)n);
        *is_end = l->out == l->in;
    }
    if (l->out != before && l->has_refused) {
        l->has_refused = false;
        l->changes |= TTY_LINE_INPUT_ROOM;
    }
    return n;
}

bool tty_line_is_readable(const struct tty_line *l)
{
    if (is_canonical(l)) {
        return l->canon != l->out;
    }
    uint32_t min = l->termios.cc[ABI_VTIME] == 0 ? l->termios.cc[ABI_VMIN] : 0;
    return l->in - l->out >= u64_max(min, 1);
}

uint32_t tty_line_readable_bytes(const struct tty_line *l)
{
    uint32_t n = 0;
    for (uint32_t at = l->out; at != l->canon; at++) {
        n += mark_at(l, at) != MARK_FILE_END;
    }
    return n;
}
