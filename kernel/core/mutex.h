// SPDX-License-Identifier: Apache-2.0
/*
 * Sleeping mutual exclusion, with hand-off to the first waiter, and a reader-writer form in which
 * writers are not starved.  Only for thread context with interrupts enabled and no spinlock held.
 */
#pragma once

#include "kernel/core/wait.h"

struct CAPABILITY("mutex") mutex {
    _Atomic uintptr_t owner; // [a] struct thread of the holder, bit 0: there are waiters
    struct wait_queue waiters;
    struct lock_check check;
};

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank);
void mutex_lock(struct mutex *m) ACQUIRES(*m);
bool mutex_try_lock(struct mutex *m) TRY_ACQUIRES(true, *m);
void mutex_unlock(struct mutex *m) RELEASES(*m);
bool mutex_is_held(const struct mutex *m); // by the current thread

// Takes two mutexes of one rank in address order.
void mutex_lock_pair(struct mutex *a, struct mutex *b) ACQUIRES(*a, *b);
