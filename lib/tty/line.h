// SPDX-License-Identifier: Apache-2.0
/*
 * A terminal's line discipline: what stands between the bytes of a terminal and those of the
 * programs that use it (POSIX 11, General Terminal Interface).  Pure: bytes in, bytes out; time is a
 * parameter, memory is the caller's, nothing calls back.
 *
 *   terminal --tty_line_input--> [editing] input ring --tty_line_read--> programs
 *                                   | echo
 *   terminal <--tty_line_output-- output ring <--[OPOST]--tty_line_write-- programs
 *
 * The input ring:
 *
 *        out                     canon                  in
 *         v                        v                     v
 *    free | complete lines         | the line being typed | free
 *
 * Each byte has a mark: none, the end of a line, or an end of file (a byte that is not data).
 * Without ICANON there are no marks and `canon` is where `in` is.
 *
 * What the caller must do comes as a set of changes (enum tty_line_change), taken with
 * tty_line_take_changes: signals to send, who to wake.
 *
 * Invariants:
 *   1. out <= canon <= in, at most input_size apart; with ICANON, canon is out or behind a mark.
 *   2. Programs fill at most half of the output ring: the rest is kept for echo, so that a whole ring
 *      of input can be echoed while nothing is fetched.  Echo that does not fit even so is dropped.
 *   3. In a line that is being typed the last byte of the ring is kept for what ends it.
 *
 * Full input: bytes are refused (not taken) while programs have something to read, so that the
 * sender waits; where they have not, because one line fills the ring, bytes are dropped, with a BEL
 * if IMAXBEL says so, until the line ends.  A refused byte also holds up control characters behind
 * it.
 *
 * It does not do: parity errors and breaks (no device of ours reports them), delays, ECHOPRT, IUCLC
 * and OLCUC, packet mode.
 */
#pragma once

#include "abi/termios.h"
#include "lib/base/ring.h"

enum tty_line_change : uint32_t {
    TTY_LINE_INTERRUPT = 1u << 0,  // SIGINT to the foreground group
    TTY_LINE_QUIT = 1u << 1,       // SIGQUIT
    TTY_LINE_SUSPEND = 1u << 2,    // SIGTSTP
    TTY_LINE_READABLE = 1u << 3,   // readers should look again
    TTY_LINE_OUTPUT = 1u << 4,     // there is output to fetch
    TTY_LINE_WRITABLE = 1u << 5,   // writers should look again
    TTY_LINE_INPUT_ROOM = 1u << 6, // bytes that were refused may be taken now
};

// Sizes are powers of two of at least 512 bytes.
struct tty_line_storage {
    uint8_t *input;
    uint32_t input_size;
    uint64_t *marks; // input_size / 32 words
    uint8_t *output;
    uint32_t output_size;
};

struct tty_line {
    struct abi_termios termios;
    struct abi_winsize window;
    uint8_t *input;
    uint64_t *marks;
    uint32_t input_size;
    uint32_t in;    // bytes ever put
    uint32_t canon; // end of what programs can read
    uint32_t out;   // bytes ever taken
    struct ring output;
    uint32_t sent;        // is_wire: output up to here has been sent
    uint32_t changes;     // enum tty_line_change
    uint32_t column;      // where the cursor is, as far as output tells
    uint32_t line_column; // where it was when the line that is typed began
    nsec_t last_input;    // when the newest byte came
    bool is_wire;         // bytes in the output ring count as sent, as with a pseudo-terminal
    bool is_stopped;      // VSTOP or TCOOFF
    bool is_literal;      // the next byte has no meaning: VLNEXT came
    bool has_refused;     // input was not taken
};

void tty_line_init(struct tty_line *l, const struct tty_line_storage *storage);

// Gives what has changed since it was asked last.
uint32_t tty_line_take_changes(struct tty_line *l);

// Other settings; input that is there is looked at anew: without ICANON all of it can be read, with it
// what ends with a line feed.
void tty_line_set(struct tty_line *l, const struct abi_termios *t);

// ---- The terminal's side ----

// Takes bytes that came at `now`; gives how many, fewer than `size` when the input is full.
size_t tty_line_input(struct tty_line *l, const uint8_t *bytes, size_t size, nsec_t now);

// The next bytes for the terminal, a contiguous run of them (0: none, or stopped); then how many of
// them were taken.
const uint8_t *tty_line_output(struct tty_line *l, uint32_t *len);
void tty_line_output_done(struct tty_line *l, uint32_t len);

// ---- The programs' side ----

// When a read of `size` (not 0) bytes that began at `started` is over, as ICANON, VMIN and VTIME say,
// if nothing more comes: 0 at once, NSEC_NEVER when only input ends it.
nsec_t tty_line_read_due(const struct tty_line *l, size_t size, nsec_t started);

// Takes up to `size` bytes; gives how many.  `*is_end`: the read is over, because a line or the file
// ends there or nothing is left; else it goes on with the next call.  0 bytes: the end of the file,
// or nothing was there.
size_t tty_line_read(struct tty_line *l, uint8_t *to, size_t size, bool *is_end);

// Takes bytes to show, as many as there is room for; gives how many.
size_t tty_line_write(struct tty_line *l, const uint8_t *bytes, size_t size);

bool tty_line_is_readable(const struct tty_line *l); // for poll
bool tty_line_is_writable(const struct tty_line *l);
uint32_t tty_line_readable_bytes(const struct tty_line *l);
uint32_t tty_line_unsent_bytes(const struct tty_line *l); // written, not sent

void tty_line_flush_input(struct tty_line *l);
void tty_line_flush_output(struct tty_line *l);

// Holds output back, and lets it go (TCOOFF, TCOON).
void tty_line_stop(struct tty_line *l);
void tty_line_start(struct tty_line *l);

// Sends the STOP or START character to the terminal (TCIOFF, TCION).
void tty_line_send_control(struct tty_line *l, unsigned index);
