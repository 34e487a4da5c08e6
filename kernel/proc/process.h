// SPDX-License-Identifier: Apache-2.0
/*
 * Processes: an address space, threads, handles, an identity, a place in the tree of processes.
 *
 *   process_launch -> RUNNING --the last thread ends--> ENDED --parent waits--> gone
 *
 * Invariants
 *  1. A process is in the identifier tree from its start until its parent has waited for it, or
 *     until it ends when nobody will.
 *  2. The first process (identifier 1) inherits the children of processes that end before them.
 *  3. Address space and handles go when the process ends, not when it is waited for.
 *  4. Identifiers of processes, threads, groups and sessions are one set of numbers; none is given
 *     anew while anything has it.
 *
 * Locking: one sleeping lock, RANK_PROC_TREE (the tree lock), guards the tree: links, identifiers,
 * groups, states; it is held for a few pointer moves, never while memory is mapped or copied.  `lock`
 * of a process (RANK_OBJECT, interrupts masked) guards threads and signals.
 *
 * Lifetimes: counted.  The tree holds one reference, each thread one; an ended child's record stays
 * until it is waited for.
 */
#pragma once

#include "kernel/mm/aspace.h"
#include "kernel/object/cred.h"
#include "kernel/object/grant.h"
#include "kernel/object/handle.h"
#include "kernel/proc/timer.h"
#include "kernel/vfs/path.h"
#include "lib/base/span.h"

enum { FIRST_PID = 1, PID_MAX = 1 << 22, PROCESS_NAME_SIZE = 32, PROCESS_COMMAND_SIZE = 128 };

enum process_state {
    PROCESS_RUNNING,
    PROCESS_ENDED,
};

enum process_limit { // RLIMIT_*
    LIMIT_CPU,
    LIMIT_FSIZE,
    LIMIT_DATA,
    LIMIT_STACK,
    LIMIT_CORE,
    LIMIT_RSS,
    LIMIT_NPROC,
    LIMIT_NOFILE,
    LIMIT_MEMLOCK,
    LIMIT_AS,
    LIMIT_LOCKS,
    LIMIT_SIGPENDING,
    LIMIT_MSGQUEUE,
    LIMIT_NICE,
    LIMIT_RTPRIO,
    LIMIT_RTTIME,
    LIMITS,
};
struct process_limit_pair {
    uint64_t soft;
    uint64_t hard;
};

struct job_group;

// What was used: of a process, or of those of its children that have been waited for.
struct process_usage {
    nsec_t user_ns;
    nsec_t system_ns;
    uint64_t max_resident_pages;
};

struct process {
    refcount_t refs;                    // [a]
    pid_t pid;                          // [I]
    char name[PROCESS_NAME_SIZE];       // [lock] last component of its program's path
    char command[PROCESS_COMMAND_SIZE]; // [lock] its arguments, as far as there is room
    struct rb_node by_pid;              // [tree lock]
    struct process *parent;             // [tree lock] NULL: the first, or orphaned at the end
    _Atomic pid_t parent_pid;           // [tree lock, read anywhere] 0: it has none
    struct list children;               // [tree lock] struct process.sibling
    struct list sibling;                // [tree lock]
    struct job_group *group;            // [tree lock] NULL once it has ended and was waited for
    struct list group_link;             // [tree lock]
    enum process_state state;           // [tree lock]
    int wait_status;                    // [tree lock] once ENDED
    bool has_execed;                    // [tree lock] since its fork: setpgid of its parent is over
    struct wait_queue child_wait;       // waits for child_events to change
    _Atomic uint32_t child_events;      // [a] children that ended, stopped or went on, ever
    struct work notify_work;            // tells the parent that it stopped or went on
    struct process_usage children_usage; // [tree lock]

    struct spinlock lock;            // RANK_OBJECT
    struct list threads;             // [lock] struct uthread.link, the oldest first
    uint32_t thread_count;           // [lock, read by its threads] those that have not ended
    bool is_ending;                  // [lock] no new threads; all are told to end
    bool is_execing;                 // [lock] all threads but one are told to end
    struct wait_queue fewer_threads; // woken when one has ended
    struct signal_state signals;     // [lock]
    bool is_stopping;                // [lock] a stop signal was taken, and no SIGCONT came since
    bool is_stopped;                 // [lock]
    int stop_signal;                 // [lock] that stopped it
    bool stop_untold;                // [lock] the parent has not waited for the stop
    bool continue_untold;            // [lock] nor for the going on
    struct wait_queue stop_wait;     // of threads of a stopped process
    _Atomic int exit_request;        // [a] wait status + 1 it will end with; 0: none

    struct aspace *aspace;        // [c] changed by its only thread (exec); NULL once it has ended
    struct handle_table *handles; // [I] NULL once it has ended
    struct fs_context *fs;        // [I] NULL once it has ended
    struct cred *cred;            // [lock] holds a reference
    struct grant_set grants;
    struct process_limit_pair limits[LIMITS]; // [lock]
    struct completion *vfork_done;            // [lock] of the parent that waits for exec or exit
    nsec_t start_time;                        // [I] monotonic
    struct process_usage usage;               // [lock] of threads that have ended
    struct process_timers timers;             // [lock]
};

// Whether the caller is alone in its process `p`: then only the caller changes its handles, identity and
// place, and starts threads.  What those that ended did is done.
static inline bool process_has_one_thread(const struct process *p)
{
    return __atomic_load_n(&p->thread_count, __ATOMIC_ACQUIRE) == 1;
}

// A soft limit as it is now; for who does not mind that it may change.
static inline uint64_t process_soft_limit(const struct process *p, enum process_limit which)
{
    return __atomic_load_n(&p->limits[which].soft, __ATOMIC_RELAXED);
}

// Boot: root, working directory and identity of the first process,
// kept for ever.
void process_init(struct fs_context *fs, struct cred *cred);

// The first process: all grants, `files` as handles 0, 1, 2 (takes a reference on each; NULL: none).  It
// runs the program at `path` with `argc` arguments whose strings stand one after the other, each with its
// NUL, in `args`.  ERR_NOENT, ERR_NOEXEC, ERR_NOMEM, ERR_2BIG.
status_t process_start_first(const char *path, struct span args, size_t argc,
                             struct file *const files[3], pid_t *pid);

// As clone(2) says; a copy of the process, or with CLONE_THREAD one more thread of it.
struct process_clone {
    uint64_t flags;
    vaddr_t stack; // 0: that of the caller
    vaddr_t parent_tid;
    uint64_t tls;
    vaddr_t child_tid;
};
status_t process_clone(const struct process_clone *c, pid_t *pid);

// What arguments and environment of a program may take, with the stack that `p` may have.
size_t process_strings_limit(const struct process *p);

// Replaces the program of the current process, which then has one thread: the caller.  `path` is as
// given; the strings are arguments and environment.  Errors as program_load.
struct program_request;
status_t process_exec(const struct program_request *request, const char *name);

// Starts a program as `request` says, which is a copy in kernel memory; its addresses are the
// caller's.  `path` is one, instead of the list of the request, or 0.  ERR_FAULT, ERR_INVAL, ERR_PERM, and what opening and loading give.
struct swos_spawn;
status_t process_spawn_request(const struct swos_spawn *request, vaddr_t path, pid_t *pid);

// Ends the current thread; the last one ends the process with `wait_status`, unless the process was
// told to end with another.
NORETURN void process_exit_thread(int wait_status);

// Ends the current process: all its threads.
NORETURN void process_exit(int wait_status);

// Tells a process to end (SIGKILL, fatal signals): its threads leave as soon as they can.  Called
// with p->lock held, any context.
void process_end_locked(struct process *p, int wait_status) REQUIRES(p -> lock);

// kill(2).
status_t process_kill(pid_t pid, const struct signal_info *info);
status_t process_kill_thread(pid_t pid, pid_t tid, const struct signal_info *info); // pid 0: any

// Calls `act` with the thread of that identifier (0: the current one; that of a process: its first), if
// the current process may see it, or change it: it may send signals to its process.  `act` must not
// sleep.  ERR_SRCH: there is no such thread, or it may not be seen.  ERR_PERM: it may not be changed.
enum thread_use { THREAD_USE_LOOK, THREAD_USE_CHANGE };
status_t process_with_thread(pid_t tid, enum thread_use use,
                             status_t (*act)(struct uthread *t, void *context), void *context);

// wait4 and waitid.
struct process_wait_request {
    pid_t pid;        // > 0: that child; -1: any; 0 or < -1: of the group (0: the caller's)
    uint32_t options; // ABI_W*
};
struct process_wait_result {
    pid_t pid; // 0: none yet (ABI_WNOHANG)
    int wait_status;
    uint32_t principal;
    struct process_usage usage;
};
status_t process_wait(const struct process_wait_request *request, struct process_wait_result *out);

// The parent is to look again at its children (a stop, a continue); any context.
void process_notify_parent(struct process *p);

// The running process; NULL in kernel threads.
static inline struct process *process_current(void)
{
    return thread_current()->process;
}

// With a reference.  ERR_SRCH.
status_t process_get(pid_t pid, struct process **out);
void process_ref(struct process *p);
void process_unref(struct process *p);

// That of the current process's parent; 0: it has none.
pid_t process_parent_pid(void);

// The identity, with a reference; and another one (takes the reference).
struct cred *process_get_cred(struct process *p);
void process_set_cred(struct process *p, struct cred *c);

// Whether the current process may see and watch `p`: the same session, or the process grant.
bool process_may_see(struct process *p);

// Adds the CPU time of a thread so far.
void process_add_times(struct process_usage *to, struct thread *t);

// CPU time so far, threads that ended included.
void process_usage(struct process *p, struct process_usage *out);
void process_usage_locked(struct process *p, struct process_usage *out) REQUIRES(p -> lock);

// That of children of the current process which have been waited for.
void process_children_usage(struct process_usage *out);

// Calls `visit` with each process above `after`, in order of identifiers, with a reference that the
// visitor must not keep; it may sleep.  False from it ends the walk.
void process_for_each(pid_t after, bool (*visit)(void *context, struct process *p), void *context);

// Waits (kernel threads at boot) until the first process has ended; gives its wait status.
int process_wait_first(void);
