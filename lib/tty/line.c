// SPDX-License-Identifier: Apache-2.0
/* The input half, and settings.  The order in which a byte is looked at is POSIX's (11.1.9, 11.2.2). */
#include "lib/tty/line.h"

#include "lib/base/string.h"
#include "lib/tty/line_priv.h"

static const struct abi_termios default_termios = {
    .input = ABI_ICRNL | ABI_IXON | ABI_IMAXBEL | ABI_IUTF8,
    .output = ABI_OPOST | ABI_ONLCR,
    .control = ABI_B38400 | ABI_CS8 | ABI_CREAD | ABI_HUPCL,
    .local = ABI_ISIG | ABI_ICANON | ABI_ECHO | ABI_ECHOE | ABI_ECHOK | ABI_ECHOCTL | ABI_ECHOKE |
             ABI_IEXTEN,
    .cc =
        {
            [ABI_VINTR] = 'C' & 0x1f,
            [ABI_VQUIT] = '\\' & 0x1f,
            [ABI_VERASE] = 0x7f,
            [ABI_VKILL] = 'U' & 0x1f,
            [ABI_VEOF] = 'D' & 0x1f,
            [ABI_VMIN] = 1,
            [ABI_VSTART] = 'Q' & 0x1f,
            [ABI_VSTOP] = 'S' & 0x1f,
            [ABI_VSUSP] = 'Z' & 0x1f,
            [ABI_VREPRINT] = 'R' & 0x1f,
            [ABI_VDISCARD] = 'O' & 0x1f,
            [ABI_VWERASE] = 'W' & 0x1f,
            [ABI_VLNEXT] = 'V' & 0x1f,
        },
    .input_speed = ABI_B38400,
    .output_speed = ABI_B38400,
};

void tty_line_init(struct tty_line *l, const struct tty_line_storage *storage)
{
    *l = (struct tty_line){
        .termios = default_termios,
        .input = storage->input,
        .input_size = storage->input_size,
        .marks = storage->marks,
    };
    memset(l->marks, 0, storage->input_size / 4);
    ring_init(&l->output, storage->output, storage->output_size);
}

uint32_t tty_line_take_changes(struct tty_line *l)
{
    uint32_t changes = l->changes;
    l->changes = 0;
    return changes;
}

// ---- Keeping input ----

// Room came up, for whoever was refused.
static void offer_room(struct tty_line *l)
{
    if (l->has_refused) {
        l->has_refused = false;
        l->changes |= TTY_LINE_INPUT_ROOM;
    }
}

void tty_line_flush_input(struct tty_line *l)
{
    l->in = l->out;
    l->canon = l->out;
    l->is_literal = false;
    offer_room(l);
}

static void keep(struct tty_line *l, uint8_t c, enum tty_mark mark)
{
    set_byte(l, l->in, c, mark);
    l->in++;
    if (mark != MARK_NONE || !is_canonical(l)) {
        l->canon = l->in;
        l->changes |= TTY_LINE_READABLE;
    }
}

enum space { SPACE_THERE, SPACE_NONE_NOW, SPACE_NONE_EVER };

// For `need` bytes of data.  In a line one more is kept free, for its end.
static enum space space_for(const struct tty_line *l, uint32_t need)
{
    if (input_room(l) >= need + is_canonical(l)) {
        return SPACE_THERE;
    }
    return is_canonical(l) && l->canon == l->out ? SPACE_NONE_EVER : SPACE_NONE_NOW;
}

static void refuse_for_ever(struct tty_line *l)
{
    if (has_input_flag(l, ABI_IMAXBEL)) {
        (void)tty_put_raw(l, "\a", 1);
    }
}

static void echo_data(struct tty_line *l, uint8_t c)
{
    if (l->in == l->canon) {
        l->line_column = l->column;
    }
    if (!has_local_flag(l, ABI_ECHO)) {
        return;
    }
    if (c == '\n' && !l->is_literal) {
        tty_echo_line_feed(l);
    } else {
        tty_echo(l, c);
    }
}

// False: there is no room now.
static bool take_data(struct tty_line *l, uint8_t c)
{
    // What PARMRK would mark errors with is doubled, so that the two differ.
    bool is_doubled = c == 0xff && has_input_flag(l, ABI_PARMRK) && !has_input_flag(l, ABI_ISTRIP);
    switch (space_for(l, is_doubled ? 2 : 1)) {
    case SPACE_NONE_NOW: return false;
    case SPACE_NONE_EVER: refuse_for_ever(l); break;
    case SPACE_THERE:
        echo_data(l, c);
        if (is_doubled) {
            keep(l, c, MARK_NONE);
        }
        keep(l, c, MARK_NONE);
        break;
    }
    l->is_literal = false;
    return true;
}

// What ends a line.  `is_echoed`: show it.
static bool take_end(struct tty_line *l, uint8_t c, enum tty_mark mark, bool is_echoed)
{
    if (input_room(l) == 0) {
        if (l->canon != l->out) {
            return false;
        }
        l->in--; // bytes that came before ICANON fill the ring: the last makes room
    }
    if (is_echoed && c == '\n') {
        tty_echo_line_feed(l);
    } else if (is_echoed) {
        tty_echo(l, c);
    }
    keep(l, c, mark);
    return true;
}

// ---- Control characters ----

static bool take_flow_control(struct tty_line *l, uint8_t c)
{
    if (!has_input_flag(l, ABI_IXON)) {
        return false;
    }
    bool is_start = is_control_char(l, c, ABI_VSTART);
    bool is_stop = is_control_char(l, c, ABI_VSTOP);
    if (is_stop && !(is_start && l->is_stopped)) {
        tty_line_stop(l);
    } else if (is_start || has_input_flag(l, ABI_IXANY)) {
        tty_line_start(l);
    }
    return is_start || is_stop;
}

static uint32_t signal_of(const struct tty_line *l, uint8_t c)
{
    if (!has_local_flag(l, ABI_ISIG)) {
        return 0;
    }
    if (is_control_char(l, c, ABI_VINTR)) {
        return TTY_LINE_INTERRUPT;
    }
    if (is_control_char(l, c, ABI_VQUIT)) {
        return TTY_LINE_QUIT;
    }
    return is_control_char(l, c, ABI_VSUSP) ? TTY_LINE_SUSPEND : 0;
}

static void raise_signal(struct tty_line *l, uint8_t c, uint32_t signal)
{
    if (!has_local_flag(l, ABI_NOFLSH)) {
        tty_line_flush_input(l);
        tty_line_flush_output(l);
    }
    if (has_input_flag(l, ABI_IXON)) {
        tty_line_start(l);
    }
    if (has_local_flag(l, ABI_ECHO)) {
        tty_echo(l, c);
    }
    l->changes |= signal;
}

static void begin_literal(struct tty_line *l)
{
    constexpr uint32_t SEEN = ABI_ECHO | ABI_ECHOCTL;
    l->is_literal = true;
    if ((l->termios.local & SEEN) == SEEN) {
        (void)tty_put_raw(l, "^\b", 2); // the byte that comes is written over it
    }
}

// Edits the line that is typed, if `c` does that.
static bool take_edit(struct tty_line *l, uint8_t c)
{
    bool is_extended = has_local_flag(l, ABI_IEXTEN);
    if (is_control_char(l, c, ABI_VERASE)) {
        tty_erase_character(l);
    } else if (is_control_char(l, c, ABI_VKILL)) {
        tty_erase_line(l);
    } else if (is_extended && is_control_char(l, c, ABI_VWERASE)) {
        tty_erase_word(l);
    } else if (is_extended && is_control_char(l, c, ABI_VLNEXT)) {
        begin_literal(l);
    } else if (is_extended && is_control_char(l, c, ABI_VREPRINT) && has_local_flag(l, ABI_ECHO)) {
        tty_reprint(l);
    } else {
        return false;
    }
    return true;
}

static bool take_canonical(struct tty_line *l, uint8_t c)
{
    if (take_edit(l, c)) {
        return true;
    }
    if (c == '\n') {
        bool is_echoed = has_local_flag(l, ABI_ECHO) || has_local_flag(l, ABI_ECHONL);
        return take_end(l, c, MARK_LINE_END, is_echoed);
    }
    if (is_control_char(l, c, ABI_VEOF)) {
        return take_end(l, 0, MARK_FILE_END, false);
    }
    if (is_control_char(l, c, ABI_VEOL) ||
        (has_local_flag(l, ABI_IEXTEN) && is_control_char(l, c, ABI_VEOL2))) {
        return take_end(l, c, MARK_LINE_END, has_local_flag(l, ABI_ECHO));
    }
    return take_data(l, c);
}

// ---- A byte comes ----

// False: there is no room now.
static bool take_byte(struct tty_line *l, uint8_t c)
{
    if (has_input_flag(l, ABI_ISTRIP)) {
        c &= 0x7f;
    }
    if (l->is_literal) {
        return take_data(l, c);
    }
    if (take_flow_control(l, c)) {
        return true;
    }
    uint32_t signal = signal_of(l, c);
    if (signal != 0) {
        raise_signal(l, c, signal);
        return true;
    }
    if (c == '\r' && has_input_flag(l, ABI_IGNCR)) {
        return true;
    }
    if (c == '\r' && has_input_flag(l, ABI_ICRNL)) {
        c = '\n';
    } else if (c == '\n' && has_input_flag(l, ABI_INLCR)) {
        c = '\r';
    }
    return is_canonical(l) ? take_canonical(l, c) : take_data(l, c);
}

size_t tty_line_input(struct tty_line *l, const uint8_t *bytes, size_t size, nsec_t now)
{
    size_t done = 0;
    l->last_input = now;
    while (done < size && take_byte(l, bytes[done])) {
        done++;
    }
    l->has_refused = l->has_refused || done < size;
    return done;
}

// ---- Settings ----

// All that is there becomes data that can be read at once.
static void leave_canonical(struct tty_line *l)
{
    uint32_t to = l->out;
    for (uint32_t at = l->out; at != l->in; at++) {
        if (mark_at(l, at) != MARK_FILE_END) {
            set_byte(l, to, byte_at(l, at), MARK_NONE);
            to++;
        }
    }
    l->in = to;
    l->canon = to;
}

// What ends with a line feed is lines; the rest goes on being typed.
static void enter_canonical(struct tty_line *l)
{
    l->canon = l->out;
    for (uint32_t at = l->out; at != l->in; at++) {
        if (byte_at(l, at) == '\n') {
            set_byte(l, at, '\n', MARK_LINE_END);
            l->canon = at + 1;
        }
    }
    l->line_column = l->column;
}

void tty_line_set(struct tty_line *l, const struct abi_termios *t)
{
    bool was_canonical = is_canonical(l);
    bool was_flow_controlled = has_input_flag(l, ABI_IXON);
    l->termios = *t;
    if (was_canonical && !is_canonical(l)) {
        leave_canonical(l);
    } else if (!was_canonical && is_canonical(l)) {
        enter_canonical(l);
    }
    if (was_canonical != is_canonical(l)) {
        l->is_literal = false;
    }
    if (was_flow_controlled && !has_input_flag(l, ABI_IXON)) {
        tty_line_start(l);
    }
    l->changes |= TTY_LINE_READABLE;
    offer_room(l);
}
