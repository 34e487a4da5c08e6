// SPDX-License-Identifier: Apache-2.0
/*
 * Timers to wait on (timerfd): a read takes the number of expirations since the last one.
 *
 * A timer that was given a time of the wall clock follows it: whoever sets that clock calls
 * timerfd_clock_was_set.
 *
 * Locking: `lock` of each (RANK_OBJECT) guards its state; `set_lock` (sleeping) serialises what starts
 * and stops it.  A list of the timers that follow the wall clock has a sleeping lock.
 */
#pragma once

#include "kernel/object/file.h"

struct timerfd_setting {
    nsec_t value;    // 0: stopped; left of it, when asked
    nsec_t interval; // 0: once
};

enum timerfd_flags : uint32_t {
    TIMERFD_ABSOLUTE = 1,
    TIMERFD_CANCEL_ON_SET = 2,
};

// `flags`: FILE_NONBLOCK.  Gives a reference.  ERR_NOMEM.
status_t timerfd_create(bool is_wall, uint32_t flags, struct file **out);

// `old` may be NULL.  ERR_INVAL: not a timer.  ERR_CANCELED: the wall clock was set since the last
// look at a timer that wants to know; the new setting holds all the same.
status_t timerfd_set(struct file *f, uint32_t flags, const struct timerfd_setting *s,
                     struct timerfd_setting *old);
status_t timerfd_get(struct file *f, struct timerfd_setting *out);

// The wall clock was set.  Thread context, no locks.
void timerfd_clock_was_set(void);
