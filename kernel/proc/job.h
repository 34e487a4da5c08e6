// SPDX-License-Identifier: Apache-2.0
/*
 * Process groups and sessions (POSIX.1-2024 XBD 3.290, 3.320), and what terminals ask of them.
 *
 * A group exists while it has members, a session while it has groups.  Both are named by the
 * identifier of the process that made them, which no other process gets while they exist.
 *
 * Locking: the tree lock of kernel/proc/process.h, except for session.terminal, which has a spinlock.
 */
#pragma once

#include "kernel/proc/process.h"

struct tty;

struct session {
    refcount_t refs;
    pid_t id;               // [I]
    struct spinlock lock;   // RANK_OBJECT
    struct tty *terminal;   // [lock] holds a reference; NULL: none
    struct process *leader; // [tree lock] borrowed; NULL: it has ended
};

struct job_group {
    struct rb_node by_id;    // [tree lock]
    pid_t id;                // [I]
    struct session *session; // [I] holds a reference
    struct list members;     // [tree lock] struct process.group_link
};

void job_init(void); // boot: hands the terminals their table

// As setpgid, setsid, getsid for the current process.
status_t job_set_group(pid_t pid, pid_t id);
status_t job_set_session(pid_t *out);
status_t job_ids(pid_t pid, pid_t *group, pid_t *session); // of a process; 0: the current

// The process is ending: a session leader gives its terminal up, and groups that become orphaned with
// stopped members get SIGHUP and SIGCONT.  Thread context, no locks.
void job_process_ending(struct process *p);

// Whether no member of the process's group has a parent in another group of the session.  Thread
// context, no locks.
bool job_is_orphaned(const struct process *p);

// Sends to all members of a group that the caller may send to.  ERR_SRCH: no such group; ERR_PERM:
// none of them.  With `is_kernel` permission is not asked.
status_t job_signal_group(pid_t id, const struct signal_info *info, bool is_kernel);
