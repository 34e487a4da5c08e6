// SPDX-License-Identifier: Apache-2.0
/*
 * Timers to wait on (timerfd): a read takes the number of expirations since the last one.
 *
 * Locking: `lock` of each (RANK_OBJECT) guards its state; `set_lock` (sleeping) serialises what starts
 * and stops it.
 */
#pragma once

#include "kernel/core/interval.h"
#include "kernel/object/file.h"

enum timerfd_flags : uint32_t {
    TIMERFD_ABSOLUTE = 1,
    TIMERFD_CANCEL_ON_SET = 2,
};

// `flags`: FILE_NONBLOCK.  Gives a reference.  ERR_NOMEM.
status_t timerfd_create(bool is_wall, uint32_t flags, struct file **out);

// `old` may be NULL.  ERR_INVAL: not a timer.  ERR_CANCELED: the wall clock was set since the last
// look at a timer that wants to know; the new setting holds all the same.
status_t timerfd_set(struct file *f, uint32_t flags, const struct interval_setting *s,
                     struct interval_setting *old);
status_t timerfd_get(struct file *f, struct interval_setting *out);
