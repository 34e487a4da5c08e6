// SPDX-License-Identifier: Apache-2.0
/*
 * Processes: an address space, a user thread, an identity in the tree of processes.
 *
 *   process_spawn / process_fork -> RUNNING --exit, fault or kill--> ENDED --parent waits--> gone
 *
 * Invariants
 *  1. A process is in the identifier tree from its start until its parent has waited for it, or
 *     until it ends when nobody will.
 *  2. The first process (identifier 1) inherits the children of processes that end before them.
 *  3. The address space, the handles and the grants go when the process ends, not when it is waited
 *     for.
 *
 * Locking: one sleeping lock, RANK_PROC_TREE, guards the tree (links, identifiers, states); it is
 * held for a few pointer moves, never while memory is mapped or copied.  `exit_request` is atomic.
 *
 * Lifetimes: counted.  The tree holds one reference, each thread one; an ended child's record stays
 * until it is waited for.
 */
#pragma once

#include "kernel/core/thread.h"
#include "kernel/mm/aspace.h"
#include "kernel/object/cred.h"
#include "kernel/object/grant.h"
#include "kernel/object/handle.h"
#include "kernel/vfs/path.h"
#include "lib/base/rbtree.h"
#include "lib/base/refcount.h"
#include "lib/base/span.h"

typedef int32_t pid_t;

enum { FIRST_PID = 1, PROCESS_NAME_SIZE = 32 };

enum process_state {
    PROCESS_RUNNING,
    PROCESS_ENDED,
};

struct process {
    refcount_t refs;               // [a]
    pid_t pid;                     // [I]
    char name[PROCESS_NAME_SIZE];  // [I] last component of its program's path
    struct rb_node by_pid;         // [tree lock]
    struct process *parent;        // [tree lock] NULL: the first process, or orphaned at the end
    struct list children;          // [tree lock] struct process.sibling
    struct list sibling;           // [tree lock]
    enum process_state state;      // [tree lock]
    int wait_status;               // [tree lock] once ENDED
    _Atomic int exit_request;      // [a] wait status + 1 that a kill asked for; 0: none
    struct wait_queue child_wait;  // waits for child_events to change
    _Atomic uint32_t child_events; // [a] children that ended, ever
    struct handle_table *handles;  // [I] NULL once it has ended
    struct grant_set grants;       // has its own lock
    struct fs_context *fs;         // [I] root and working directory; NULL once it has ended
    struct spinlock identity;      // RANK_OBJECT
    struct cred *cred;             // [identity] holds a reference; NULL once it has ended
    struct aspace *aspace;         // [c] of its thread; NULL once it has ended
    struct thread *thread;         // [tree lock] NULL once it has ended
};

// The file system's answer for a path: its bytes stay valid for ever (the base image's do).
typedef status_t (*process_open_t)(const char *path, struct span *out);

// Boot: what programs are loaded from; root, working directory and identity of the first process,
// kept for ever.
void process_init(process_open_t open, struct fs_context *fs, struct cred *cred);

// The identity that a process acts for, with a reference.
struct cred *process_get_cred(struct process *p);
// Takes the reference on `c`.
void process_set_cred(struct process *p, struct cred *c);

// Starts the program at `path` with `argc` arguments whose strings stand one after the other,
// each with its NUL, in `args`.  The parent is the current process, or none for the first.
// ERR_NOENT, ERR_NOEXEC, ERR_NOMEM, ERR_2BIG.
status_t process_spawn(const char *path, struct span args, size_t argc, pid_t *pid);

// Copies the current process; the child's thread returns 0 from the same system call.
status_t process_fork(pid_t *pid);

// Ends the current process (its thread, its address space).
NORETURN void process_exit(int wait_status);

// Asks a process to end with `signal`.  ERR_SRCH, ERR_INVAL.
status_t process_kill(pid_t pid, int signal);

enum process_wait_flags {
    PROCESS_WAIT_BLOCK = 0,
    PROCESS_WAIT_POLL = 1, // *pid = 0 instead of waiting
};

// Waits for a child of the current process (`which`, or any for -1).  ERR_CHILD, ERR_INTR.
status_t process_wait(pid_t which, enum process_wait_flags flags, pid_t *pid, int *wait_status);

// The running process; NULL in kernel threads.
static inline struct process *process_current(void)
{
    return thread_current()->process;
}

void process_ref(struct process *p);
void process_unref(struct process *p);

// Waits (kernel threads at boot) until the first process has ended; gives its wait status.
int process_wait_first(void);
