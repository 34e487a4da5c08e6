// SPDX-License-Identifier: Apache-2.0
/*
 * Timers that send signals: those of timer_create, and the interval timers of setitimer.
 *
 *   stopped --set--> running --expires--> signalled --the signal is taken--> running (a period) or
 *     stopped; or, if nobody would notice it, unheard --the signal gets a handler--> as if taken
 *
 * A timer that has signalled does not run: who takes its signal counts what expired meanwhile (the
 * overrun) and starts it again.  So a short period or a signal that stays blocked costs nothing, and
 * the queue entry is part of the timer: nothing is allocated in an interrupt.
 *
 * Timers of CPU time (ITIMER_VIRTUAL, ITIMER_PROF, RLIMIT_CPU) look at the process when it can have
 * used as much at the earliest.  While none of its threads runs they rest, with THREAD_CPU_TIMED set on
 * the threads: the first on its way to user mode sets them going again (process_timers_returning).
 *
 * Each timer counts as one signal towards RLIMIT_SIGPENDING.  At exec the interval timers stay and the
 * others go; a child inherits none.
 *
 * Locking: the process's lock guards all of it.  `timer_start` is called under it only.
 */
#pragma once

#include "kernel/core/interval.h"
#include "kernel/core/time.h"
#include "kernel/proc/uthread.h"

// A timer that sends a signal.
struct signal_timer {
    struct process *process;   // [I]
    struct interval interval;  // [process lock]
    struct timer timer;        // fires at the deadline
    struct signal_entry entry; // [process lock] what it sends
    pid_t tid;                 // [I] of the thread it signals; 0: the process
    bool is_silent;            // [I] SIGEV_NONE: it never fires
    struct rb_node by_id;      // [process lock] of those of timer_create
    int32_t id;                // [I]
    bool is_wall;              // [I]
    bool is_unheard;           // [process lock] it expired while its signal was ignored
    int32_t overrun;           // [process lock] with its last signal
};

// Those of CPU time.
enum cpu_timer_kind { CPU_TIMER_VIRTUAL, CPU_TIMER_PROF, CPU_TIMERS };
struct cpu_timer {
    nsec_t deadline; // of user time or of all time of the process; NSEC_NEVER: stopped
    nsec_t period;
    struct signal_entry entry;
};

struct process_timers {
    struct rb_root by_id; // [process lock] of timer_create
    int32_t next_id;      // [process lock]
    struct signal_timer real;
    struct cpu_timer cpu[CPU_TIMERS]; // [process lock]
    struct signal_entry limit;        // [process lock] the signal of RLIMIT_CPU
    nsec_t limit_next;                // [process lock] CPU time of the next SIGXCPU
    struct timer cpu_watch;           // when to look at the CPU time next
    bool is_watching;                 // [process lock] it is started
};

void process_timers_init(struct process *p);

// All but the interval timers go (exec); all (the end, when no thread is left to run).  Thread context.
void process_timers_exec(struct process *p);
void process_timers_end(struct process *p);

/* ---- timer_create and its kin, of the current process ---- */

struct timer_request {
    bool is_wall;   // CLOCK_REALTIME
    bool is_silent; // SIGEV_NONE
    bool has_value; // otherwise the identifier is the value
    int signal;
    pid_t tid; // 0: to the process
    uint64_t value;
};

// ERR_AGAIN: too many.  ERR_INVAL: no such signal or thread.  ERR_NOMEM.
status_t posix_timer_create(const struct timer_request *r, int32_t *id);

// ERR_INVAL: no such timer.
status_t posix_timer_settime(int32_t id, bool is_absolute, const struct interval_setting *s,
                             struct interval_setting *old);
status_t posix_timer_gettime(int32_t id, struct interval_setting *out);
status_t posix_timer_getoverrun(int32_t id, int32_t *out);
status_t posix_timer_delete(int32_t id);

/* ---- setitimer ---- */

enum itimer { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF, ITIMERS };

// Either may be NULL.
void itimer_exchange(enum itimer which, const struct interval_setting *s,
                     struct interval_setting *old);

/* ---- For the rest of kernel/proc, with the process's lock held ---- */

// The signal has stopped being ignored.
void process_timers_heard(struct process *p, int signal);

// RLIMIT_CPU was changed, or inherited.
void process_timers_limit(struct process *p);

/* ---- and without ---- */

// The current thread, with THREAD_CPU_TIMED set, is on its way to user mode.
void process_timers_returning(void);
