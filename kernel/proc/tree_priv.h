// SPDX-License-Identifier: Apache-2.0
/* The tree of processes and the identifiers, between the files of kernel/proc. */
#pragma once

#include "kernel/proc/job.h"
#include "kernel/proc/process.h"
#include "lib/base/span.h"

struct process_tree {
    struct mutex lock;        // the tree lock
    struct rb_root by_pid;    // [lock]
    struct rb_root by_tid;    // [lock] threads that are not the first of their process
    struct rb_root groups;    // [lock]
    struct process *first;    // [lock] NULL before it starts and after it has ended
    pid_t next_id;            // [lock]
    _Atomic int first_status; // [a] wait status + 1 of the first process; 0: it has not ended
    struct wait_queue first_wait;
    struct fs_context *fs; // [I] of the first process
    struct cred *cred;     // [I] likewise
};
extern struct process_tree process_tree;

struct process *tree_find_locked(pid_t pid) REQUIRES(process_tree.lock);
struct uthread *tree_find_thread_locked(pid_t tid) REQUIRES(process_tree.lock);

// A number that no process, thread, group or session has.
pid_t tree_choose_id_locked(void) REQUIRES(process_tree.lock);

void tree_insert_locked(struct process *p) REQUIRES(process_tree.lock);
void tree_insert_thread_locked(struct uthread *t) REQUIRES(process_tree.lock);

void tree_set_parent_locked(struct process *p, struct process *parent) // NULL: none
    REQUIRES(process_tree.lock);

// Takes an ended process out of the tree; its reference goes to the caller.
void tree_remove_locked(struct process *p) REQUIRES(process_tree.lock);

// A thread has left: what only it was told of, another one of the process is told (signal.c).
void signal_pass_on_locked(struct process *p) REQUIRES(p -> lock);

// Tells the parent, which must exist: SIGCHLD as it asked for, and its waiting threads.
struct signal_info;
void tree_notify_parent_locked(struct process *parent, const struct signal_info *info,
                               bool is_stop_or_continue) REQUIRES(process_tree.lock);

// Groups: one of its own in a session of its own (ERR_NOMEM), one that is there, none; what has no
// members any more is freed.
status_t job_start_session_locked(struct process *p) REQUIRES(process_tree.lock);
void job_join_locked(struct process *p, struct job_group *g) REQUIRES(process_tree.lock);
void job_leave_locked(struct process *p) REQUIRES(process_tree.lock);
struct job_group *job_find_locked(pid_t id) REQUIRES(process_tree.lock); // NULL: there is none

// A new process in the group named `id` of the session, which it makes if it is its own identifier
// (0 means that).  ERR_PERM: no such group in the session.  ERR_NOMEM.
status_t job_start_in_group_locked(struct process *p, struct session *s, pid_t id)
    REQUIRES(process_tree.lock);

// ---- Parts of a beginning (process.c) ----

// A record with one reference (the tree's), on no list yet, without context; the way back.
status_t process_record_create(struct process **out);
void process_record_discard(struct process *p);

// Name and command line, for reports.
void process_name(struct process *p, const char *path, struct span args);

// Loads p->aspace.
struct program_strings;
status_t process_load(struct process *p, const struct path_base *base, const char *path,
                      struct program_strings *strings, struct arch_frame *frame);

// How a spawned process differs from what its parent is.
struct process_start {
    bool has_session;
    bool has_group;
    pid_t group;
    uint64_t signal_mask;
};

// Starts the first thread of a process whose address space is ready.  Takes p: a failure frees it.
// `c`: of a fork; `how`: of a spawn; or NULL.
status_t process_launch(struct process *p, const struct arch_frame *frame,
                        const struct process_clone *c, const struct process_start *how, pid_t *pid);

// Ending, called by the last thread of a process (exit.c).
NORETURN void process_finish(struct process *p, int wait_status);

// What lies beside the tree and the threads: handles, file system context, grants, identity.
void process_release_context(struct process *p);
