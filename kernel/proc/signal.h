// SPDX-License-Identifier: Apache-2.0
/*
 * Signals: pending ones of a process and of each of its threads, what the process does with them, and
 * their delivery on the way to user mode.
 *
 *   signal_send_* --kept or dropped--> pending --a thread that does not block it, on its way to user
 *     mode (signal_deliver)--> handler | end of the process | stop | nothing
 *
 * Standard signals are kept once, real-time ones each time they are sent, with what the sender said.
 * Memory for that comes from the heap: a standard signal that finds none is delivered without its
 * sender's words, a real-time one is refused (ERR_AGAIN).
 *
 * Stop signals and SIGCONT cancel each other as they are sent.  A stopped process has `is_stopped`
 * set; its threads wait on stop_wait on their way to user mode.
 *
 * The first process is spared: a signal that is not its own doing, SIGKILL and SIGSTOP among them, does
 * nothing unless it handles or awaits it.  What it sends itself, its own faults and timers end it as
 * they end any other.
 *
 * Locking: the process's lock (a spinlock, interrupts masked) guards dispositions, pending signals,
 * masks and stop state of the process and its threads; a thread's mask is written by that thread only.
 * signal_send_* may be called in any context: what concerns the parent is left to a worker.
 */
#pragma once

#include "abi/signal.h"
#include "kernel/core/thread.h"

typedef int32_t pid_t;

struct process;
struct uthread;

// What the sender says.  `code` is an ABI_SI_* or one of the fault's codes.
struct signal_info {
    int signal;
    int code;
    int32_t pid; // or a timer's identifier
    uint32_t uid;
    uint64_t value; // or the address of a fault, or the status of a child
    int32_t sender; // the process whose doing it is, whatever it says; 0: the one that gets it
    nsec_t user_ns; // of a child
    nsec_t system_ns;
};

// In `sender`: of a terminal, of a group of processes, or nobody knows any more.
enum { SIGNAL_SENDER_OTHERS = -1 };

/*
 * A signal that is kept.  Those that are sent with memory from the heap are freed when they leave their
 * queue (`left` NULL).  One that is part of something else tells it instead, under the process's lock:
 * it was taken, and `out` is what will be delivered; or dropped, and `out` is NULL.
 */
struct signal_entry {
    struct list link;             // [process lock]
    struct signal_pending *queue; // [process lock] that it is on, NULL: none
    struct signal_info info;
    void (*left)(struct signal_entry *e, struct signal_info *out); // [I]
};

struct signal_pending {
    uint64_t set;      // [process lock]
    uint64_t wordless; // [process lock] of them, those that found no memory for an entry
    struct list queue; // [process lock] struct signal_entry
};

struct signal_state {                         // of a process
    struct abi_sigaction actions[SIGNAL_MAX]; // [process lock]
    uint64_t ignored;                         // [process lock] those of them that do nothing
    struct signal_pending pending;            // [process lock]
    uint32_t queued;              // [process lock] entries of process and threads, and timers
    struct signal_source *source; // [process lock] who reads signals; NULL: nobody
    bool is_spared;               // [process lock] what others send does nothing without a handler
};

// The relative time-out of a system call.  One that a signal cut short and that starts again without a
// handler goes on with the deadline that it had.
struct signal_call_time {
    nsec_t deadline; // NSEC_NEVER: the call has none
    uint64_t number; // of the call
    vaddr_t stack;   // of its caller: a handler's calls are others
    bool is_again;   // the next call is that one
};

struct signal_thread {             // of a thread
    uint64_t mask;                 // [process lock, read by the thread]
    uint64_t awaited;              // [process lock] those that wake it although it blocks them
    uint64_t saved_mask;           // [c] to come back after a handler, if has_saved_mask
    bool has_saved_mask;           // [c]
    bool has_new_frame;            // [c] see signal_frame_changed
    struct signal_pending pending; // [process lock]
    struct abi_sigaltstack stack;  // [c]
    struct signal_call_time time;  // [c] of the last call that had a time-out
};

void signal_state_init(struct signal_state *s);
void signal_thread_init(struct signal_thread *s);

// A process that starts as the copy of another (fork), or a new program (exec): caught ones go back
// to their default.
void signal_state_copy(struct signal_state *from, struct signal_state *to);
void signal_state_exec(struct process *p);

// The same for a process that nobody else sees yet; those of `defaults` are not ignored either.
void signal_state_forget_handlers(struct signal_state *s, uint64_t defaults);

// Frees what is pending.
void signal_pending_fini(struct signal_pending *p, struct signal_state *s);

// Keeps the signal and tells a thread that can take it.  ERR_AGAIN: a real-time signal that cannot
// be kept.  Any context.
status_t signal_send_process(struct process *p, const struct signal_info *info);
status_t signal_send_thread(struct uthread *t, const struct signal_info *info);

// To the thread that has the process's own identifier.  ERR_SRCH: it has ended.
status_t signal_send_first_thread(struct process *p, const struct signal_info *info);

// An entry of the caller's, which stays until it is told otherwise: to a thread of the process, or with
// `tid` 0 to the process.  Nothing happens if it is queued.  False: the signal is ignored, or there is
// no such thread.  With the process's lock held, any context.
bool signal_send_entry(struct process *p, pid_t tid, struct signal_entry *e);

// Takes an entry off its queue, if it is on one; it is not told.  With the process's lock held.
void signal_forget_entry(struct signal_entry *e);

// A fault of the current thread: delivered also if blocked or ignored; then, and without a handler,
// it ends the process.  True: a handler will run.
bool signal_force(const struct signal_info *info);

// To the current thread, for what its system call met: SIGPIPE, SIGXFSZ.
void signal_raise(int signal);

// The mask of the current thread; gives the old one.  SIGKILL and SIGSTOP are not blocked.
uint64_t signal_set_mask(uint64_t mask);

// Until the next handler has run, or until the call is over without one, another mask holds (ppoll,
// sigsuspend).
void signal_set_mask_for_call(uint64_t mask);
void signal_end_mask_for_call(void);

// A system call on its way out that a signal may have cut short.
struct signal_call {
    bool was_interrupted; // it has yet to be answered or started again
    bool can_restart;     // after a handler that wants it; without one it always does
    bool has_deadline;    // it keeps it
    bool is_final;        // it ended for good, with a handler or without
};

// On the way to user mode, in this order: what call it is; what is pending is taken and done, as often
// as something comes; a call that nobody answered is started again, or ends with ERR_INTR.
struct signal_call signal_look_at_call(struct arch_frame *frame);
void signal_deliver(struct arch_frame *frame, struct signal_call *call);
void signal_settle_call(struct arch_frame *frame, struct signal_call *call);

// The deadline of the current call, whose relative time-out would end at `fresh`: that of its first
// start, if it was started again.  NSEC_NEVER: it has no such time-out.
nsec_t signal_call_deadline(nsec_t fresh);

// The current call gave its thread other registers (a handler's return, exec): all of them are
// loaded on the way out, and the result is no call's.
void signal_frame_changed(void);

// Until it is called with 0, signals of `set` end an interruptible sleep of the current thread although
// it blocks them (they stay blocked: one that would be ignored is kept).
void signal_await(uint64_t set);

// Takes a signal of `set` that is pending for the current thread, whether blocked or not.
bool signal_take(uint64_t set, struct signal_info *out);

// Whether one is pending that the thread does not block: to be asked after its mask changed.
void signal_recheck(void);

// What becomes ready as signals are made pending for the current process, made when it is first
// wanted; borrowed.  ERR_NOMEM.
struct signal_source;
status_t signal_get_source(struct signal_source **out);

// Whether one of the set is pending for the current thread, blocked or not.
bool signal_is_pending(uint64_t set);

// Pending for the current thread and blocked by it.
uint64_t signal_pending_set(void);

// As sigaction(2).  ERR_INVAL.
status_t signal_action(int signal, const struct abi_sigaction *new, struct abi_sigaction *old);

// Whether the current process ignores the signal or its current thread blocks it.
bool signal_is_off(int signal);

void signal_info_to_user(const struct signal_info *in, struct abi_siginfo *out);

// Whether the caller may send `signal` to `p`: the same principal, the same session for SIGCONT, or
// the process grant.
bool signal_may_send(struct process *p, int signal);
