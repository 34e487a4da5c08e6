// SPDX-License-Identifier: Apache-2.0
/* What the kinds of terminals share. */
#pragma once

#include "kernel/dev/tty.h"

// After the line was worked on: hands output to the device; gives what has changed.
uint32_t tty_settle_locked(struct tty *t) REQUIRES(t -> lock);

// Works on input; gives how many bytes were taken, and what has changed.
size_t tty_input_locked(struct tty *t, const uint8_t *bytes, size_t size, uint32_t *changes)
    REQUIRES(t -> lock);

// Wakes who waits for these changes.  Any context, no lock held.
void tty_announce(struct tty *t, uint32_t changes);

// Sends the signals that are pending: in thread context with no lock held; or by a worker, in any
// context, if `changes` has some.
void tty_send_signals_later(struct tty *t, uint32_t changes);
void tty_send_signals(struct tty *t);

// The ioctls of a terminal, for its own files and for a master's.
enum tty_side { TTY_SIDE_TERMINAL, TTY_SIDE_MASTER };
status_t tty_ioctl(struct tty *t, enum tty_side side, uint32_t request, vaddr_t argument,
                   int64_t *result);

// Whether the caller may go on, in view of `signal` (SIGTTIN, SIGTTOU).  ERR_IO; ERR_RESTART: the
// signal was sent to the caller's group.
status_t tty_check_foreground(struct tty *t, int signal);

// Makes `t` the controlling terminal of the caller's session.  ERR_PERM.
status_t tty_take_control(struct tty *t);

// Sleeps until what was written has been sent.  ERR_RESTART.
status_t tty_drain(struct tty *t);

const struct tty_job_ops *tty_job_ops(void); // NULL: none
