// SPDX-License-Identifier: Apache-2.0
/*
 * Intervals: when something expires that a program sets, once or again and again.  A struct interval
 * is the arithmetic only: its owner has the struct timer that fires, and the lock.
 *
 *   stopped --interval_set--> deadline ahead --time--> deadline passed --interval_advance--> deadline
 *     ahead again (a period) or stopped (once)
 *
 * The deadline of an interval that was given a time of the wall clock follows that clock: whoever sets
 * it calls interval_clock_was_set, which calls `moved` of all that were made to follow it.
 *
 * Locking: the owner's for the fields; one sleeping lock (RANK_STREAM) for the list of followers, held
 * while `moved` runs.
 */
#pragma once

#include "lib/base/list.h"
#include "lib/base/types.h"

struct interval {
    nsec_t deadline;                        // monotonic; NSEC_NEVER: stopped
    nsec_t period;                          // 0: once
    nsec_t wall;                            // wall time of the deadline; 0: it follows no clock
    struct list link;                       // [followers' lock]
    void (*moved)(struct interval *moving); // [I] the wall clock was set; thread context
};

struct interval_setting {
    nsec_t value;    // 0: stopped; left of it, when asked
    nsec_t interval; // 0: once
};

enum interval_base {
    INTERVAL_FROM_NOW,
    INTERVAL_MONOTONIC, // `value` is a time of the monotonic clock
    INTERVAL_WALL,      // of the wall clock
};

// `moved` NULL: it never follows the wall clock.  Otherwise thread context, and interval_fini before
// the storage goes; after that `moved` is not running.
void interval_init(struct interval *i, void (*moved)(struct interval *));
void interval_fini(struct interval *i);

void interval_set(struct interval *i, enum interval_base base, const struct interval_setting *s,
                  nsec_t now);

// How often it expired up to `now` since the last call; the deadline moves on.
uint64_t interval_advance(struct interval *i, nsec_t now);

// Time to the next expiration and the period.  `value` is 0 if there is none.
struct interval_setting interval_left(const struct interval *i, nsec_t now);

// The deadline anew, after the wall clock was set.
void interval_move(struct interval *i, nsec_t now);

// The wall clock was set.  Thread context, no locks.
void interval_clock_was_set(void);
