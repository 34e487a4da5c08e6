// SPDX-License-Identifier: Apache-2.0
/*
 * What this folder has to know of the process that calls: a table of functions that kernel/proc hands
 * over at boot.  All are called in thread context without locks.  Where one is missing (tests), the
 * caller has no handles, no identity or no signals.
 */
#pragma once

#include "abi/rights.h"
#include "kernel/object/event.h"
#include "lib/base/refcount.h"
#include "lib/base/types.h"

struct grant;
struct handle_table;
struct abi_signal_record;

// Who sends, as SCM_CREDENTIALS and SO_PEERCRED say it: musl's struct ucred.
struct caller_identity {
    int32_t pid;
    uint32_t principal;
    uint32_t group;
};

/*
 * What becomes ready when a signal is made pending for a process or one of its threads.  The process
 * holds a reference, and each signalfd that was polled by it; so a watch never outlives its source.
 */
struct signal_source {
    refcount_t refs; // [a]
    struct event_source events;
};

status_t signal_source_create(struct signal_source **out); // ERR_NOMEM
void signal_source_unref(struct signal_source *s);

struct caller_ops {
    struct handle_table *(*handles)(void); // borrowed; NULL: none
    void (*identity)(struct caller_identity *out);
    // Its grant of a kind with a reference; NULL where no process calls.  ERR_PERM: not held.
    status_t (*grant)(enum swos_grant kind, struct grant **out);

    // Signal masks of ppoll, pselect and epoll_pwait.  mask_swap installs another; mask_restore brings
    // the old one back: with `is_interrupted` only once the handlers of the signal that ended the
    // wait have been prepared under the other mask.
    void (*mask_swap)(uint64_t mask);
    void (*mask_restore)(bool is_interrupted);

    uint64_t (*file_limit)(void); // RLIMIT_FSIZE in bytes, UINT64_MAX: none

    // signalfd: the first signal of `set` that is pending for the caller is taken; false: none is.
    bool (*signal_take)(uint64_t set, struct abi_signal_record *out);
    bool (*signal_is_pending)(uint64_t set);
    // The caller's source, borrowed, made when it is first wanted.  ERR_NOMEM.  Each signal that is
    // made pending notifies it with EVENT_IN.
    status_t (*signal_source)(struct signal_source **out);
};

// Boot.  The table is kept.
void caller_set_ops(const struct caller_ops *ops);

struct handle_table *caller_handles(void);
void caller_identity(struct caller_identity *out);
status_t caller_grant(enum swos_grant kind, struct grant **out);
void caller_mask_swap(uint64_t mask);
void caller_mask_restore(bool is_interrupted);
uint64_t caller_file_limit(void);
bool caller_signal_take(uint64_t set, struct abi_signal_record *out);
bool caller_signal_is_pending(uint64_t set);
status_t caller_signal_source(struct signal_source **out);
