// SPDX-License-Identifier: Apache-2.0
/* Signal numbers (POSIX names, the values that musl's generic table has) and wait statuses. */
#pragma once

enum {
    SIGHUP = 1,
    SIGINT = 2,
    SIGQUIT = 3,
    SIGILL = 4,
    SIGTRAP = 5,
    SIGBUS = 7,
    SIGFPE = 8,
    SIGKILL = 9,
    SIGSEGV = 11,
    SIGTERM = 15,
    SIGCONT = 18,
    SIGTSTP = 20,
    SIGTTIN = 21,
    SIGTTOU = 22,
    SIGWINCH = 28,
    SIGNAL_MAX = 64,
};

// What wait() stores: exited with a code, or ended by a signal.
static inline int wait_status_exited(int code)
{
    return (code & 0xff) << 8;
}

static inline int wait_status_signalled(int signal)
{
    return signal & 0x7f;
}
