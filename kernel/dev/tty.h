// SPDX-License-Identifier: Apache-2.0
/*
 * Terminals: a line discipline (lib/tty) between a device and the files that are open on it, and the
 * rules of sessions and process groups.  The device is a console (a serial line) or the master side
 * of a pseudo-terminal (pty.h).
 *
 *   device --tty_input--> line --read--> files
 *   device <--transmit-- line <--write, echo-- files
 *
 *   free --TIOCSCTTY, open by a session leader--> controlling terminal of one session
 *     --the leader ends (tty_session_ended), TIOCNOTTY--> free
 *   --tty_hang_up--> hung up: files open until now see the end; those opened later (if the device
 *     lives on) are not concerned
 *
 * Processes, sessions and groups are above this layer.  What is needed of them is a table of
 * functions, struct tty_job_ops, which kernel/proc hands over at boot; without one no rule of job
 * control applies.
 *
 * Invariants:
 *   1. t->session is S exactly while the session S has `t` as its controlling terminal, but for the
 *      moment in which one of the two sides was told and the other is being told.  The terminal's
 *      side decides between two sessions, the session's side between two terminals.
 *   2. Input is worked on when it arrives, in any context; signals go out from thread context, with
 *      no lock held.
 *
 * Locking: `lock` (RANK_TTY, interrupts masked) guards the line and what stands beside it; the
 * device's functions are called under it.  `write_lock` (RANK_FILE, sleeping) is held across a write,
 * so that writes do not mix; `read_lock` across the copying of a read, never while one waits.
 * Lifetimes: counted; open files, the session and the device hold references.
 */
#pragma once

#include "kernel/core/worker.h"
#include "kernel/dev/chardev.h"
#include "kernel/object/file.h"
#include "lib/tty/line.h"

struct tty;

// Who calls, as POSIX numbers it.
struct tty_caller {
    int32_t session; // 0: a kernel thread, which no rule concerns
    int32_t group;   // its process group
    bool is_leader;  // of its session
    uint32_t principal;
};

/*
 * What kernel/proc does for terminals.  All are called in thread context without locks; they may
 * sleep on locks.  Groups and sessions that are gone are fine: nothing happens.
 */
struct tty_job_ops {
    void (*caller)(struct tty_caller *out);

    // The controlling terminal of the caller's session, with a reference; NULL: none.
    struct tty *(*controlling)(void);

    // Makes `t` (takes the reference also when it fails) the controlling terminal of the caller's
    // session.  ERR_PERM: the caller is not its leader, or the session has one already.
    status_t (*set_controlling)(struct tty *t);

    // The session has no controlling terminal any more, if that was `t` (drops the session's
    // reference then).  With `hang_up` its leader gets SIGHUP and SIGCONT.
    void (*lose_controlling)(int32_t session, struct tty *t, bool hang_up);

    bool (*is_signal_off)(int signal); // ignored by the caller, or blocked by the calling thread
    bool (*is_orphaned)(int32_t group);
    int32_t (*session_of_group)(int32_t group); // 0: there is no such group
    void (*signal_group)(int32_t group, int signal);
};

// Boot.  The table is kept; gives the one before.
const struct tty_job_ops *tty_set_job_ops(const struct tty_job_ops *ops);

/*
 * For kernel/proc: the leader of `session`, whose controlling terminal `t` was, has ended or given it
 * up.  SIGHUP and SIGCONT go to the foreground group; a real terminal is hung up besides, so that
 * nothing that was started in the session reads what the next one types.  The session has dropped
 * `t` from its side already, but for the reference, which stays the caller's.  Thread context, no
 * locks.
 */
void tty_session_ended(struct tty *t, int32_t session);

void tty_ref(struct tty *t);
void tty_unref(struct tty *t); // thread context, no spinlock held

// ---- For devices ----

struct tty_device_ops {
    const char *kind; // for reports: "console"
    // There is output: takes what it can with tty_line_output.  NULL: who wants it asks (a master).
    // Called with the terminal's lock held, in any context.
    void (*transmit)(struct tty *t);
    // Input that was refused would be taken now.  In any context, no lock held; NULL: who has it asks.
    void (*resume_input)(struct tty *t);
    // Sleeps until what it took with `transmit` has left; NULL: at once.  Thread context.  ERR_INTR.
    status_t (*drain)(struct tty *t);
    // The last file was closed, or the first opened.  Thread context, no locks.  NULL: no matter.
    void (*files_changed)(struct tty *t, bool is_open);
    // The last reference went: frees the storage that `t` lies in.
    void (*release)(struct tty *t);
    // ioctls of this device alone; ERR_NOTTY: none of them.  NULL: there are none.
    status_t (*ioctl)(struct tty *t, uint32_t request, vaddr_t argument, int64_t *result);
    bool is_revoked; // when its session ends, it is hung up (see tty_session_ended)
};

struct tty {
    refcount_t refs;                     // [a]
    const struct tty_device_ops *device; // [I]
    struct chardev *node;                // [I] its name, for stat; lives as long as the terminal
    struct spinlock lock;
    struct tty_line line;     // [l]
    int32_t session;          // [l] that it controls; 0: none
    int32_t foreground;       // [l] process group
    uint32_t generation;      // [l] times it was hung up; files of earlier ones are at their end
    uint32_t open_files;      // [l] of this generation
    bool is_gone;             // [l] hung up for good: no more opens
    uint32_t pending_signals; // [l] enum tty_line_change, to be sent to the foreground group
    struct work signal_work;
    struct wait_queue readers;
    struct wait_queue writers;
    struct event_source events;
    struct mutex read_lock;
    struct mutex write_lock;
};

// One reference, for the device.
void tty_init(struct tty *t, const struct tty_device_ops *ops, struct chardev *node,
              const struct tty_line_storage *storage);

// Takes bytes from the device; gives how many (see lib/tty/line.h about full input).  Any context
// without locks above RANK_TTY.
size_t tty_input(struct tty *t, const uint8_t *bytes, size_t size);

// The device can take output again: calls `transmit`.  Any context.
void tty_output_room(struct tty *t);

// The line is cut: the leader of the session gets SIGHUP and SIGCONT, the session loses its terminal,
// files that are open are at their end.  With `for_good` none is opened any more.  Thread context.
enum tty_hang_up_kind { TTY_HANG_UP, TTY_HANG_UP_FOR_GOOD };
void tty_hang_up(struct tty *t, enum tty_hang_up_kind kind);

// An open file of the terminal; makes it the controlling terminal of a session leader that has none,
// unless flags say otherwise (CHARDEV_OPEN_NOCTTY).  ERR_IO: it is gone.  ERR_NOMEM.
status_t tty_open(struct tty *t, uint32_t flags, struct file **out);

// The terminal behind an open file, borrowed; NULL: it is none.  (A process's controlling terminal is
// told apart from others by this.)
struct tty *tty_of_file(struct file *f);
