// SPDX-License-Identifier: Apache-2.0
/*
 * Something that is due later, done in a thread: the timers of IP.  Who has many things that are due
 * has one alarm for all of them, and sets it for the first.
 *
 * Locking: the owner's lock is held around ip_alarm_set and ip_alarm_begin.
 */
#pragma once

#include "kernel/core/time.h"
#include "kernel/core/worker.h"

struct ip_alarm {
    struct timer timer;
    struct work work;
    nsec_t deadline;    // [owner's lock] NSEC_NEVER: not set
    void (*ring)(void); // [I]
};

// `ring` is called by a worker, without locks, when the deadline has passed; now and then for nothing.
void ip_alarm_init(struct ip_alarm *a, void (*ring)(void));

// It will ring at that time, or before.
void ip_alarm_set(struct ip_alarm *a, nsec_t deadline);

// First thing when it rang: it is not set any more.
static inline void ip_alarm_begin(struct ip_alarm *a)
{
    a->deadline = NSEC_NEVER;
}
