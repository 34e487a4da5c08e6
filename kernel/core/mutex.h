// SPDX-License-Identifier: Apache-2.0
/*
 * Sleeping mutual exclusion, with hand-off to the first waiter.  Only for thread context with
 * interrupts enabled and no spinlock held.
 *
 *   free (0) --CAS--> held (thread) --a locker finds it held--> held, waiters (thread | 1)
 *   held, waiters --unlock gives it to the first waiter--> held by that one, with or without the bit
 *
 * Nobody can take a mutex past its waiters, so none starves and the owner word always tells the
 * truth.  Taking a free mutex and releasing one without waiters is one compare-and-swap each.
 *
 * Locking: the waiters bit is set and cleared under waiters.lock only.  The acquiring swap pairs
 * with the releasing one; a hand-off pairs the unlocker's release with the new owner's acquire
 * through waiters.lock.
 */
#pragma once

#include "kernel/core/wait.h"

struct CAPABILITY("mutex") mutex {
    _Atomic uintptr_t owner; // [a] struct thread of the holder, bit 0: there are waiters
    struct wait_queue waiters;
    struct lock_check check;
};

// A lock of static storage, `name` itself.
#define MUTEX_INIT(name, lock_name, lock_rank)                                                     \
    {.waiters = WAIT_QUEUE_INIT((name).waiters, lock_name),                                        \
     .check = LOCK_CHECK_INIT(lock_name, lock_rank)}

// `name` is a string constant; the rank is that of a sleeping lock.
void mutex_init(struct mutex *m, const char *name, enum lock_rank rank);
void mutex_lock(struct mutex *m) ACQUIRES(*m);
bool mutex_try_lock(struct mutex *m) TRY_ACQUIRES(true, *m);
void mutex_unlock(struct mutex *m) RELEASES(*m);
bool mutex_is_held(const struct mutex *m); // by the current thread

// As mutex_lock, but a pending signal or kill ends the wait: false, without the mutex.  (Not a
// status, because the lock analysis follows a bool.)
bool mutex_lock_interruptible(struct mutex *m) TRY_ACQUIRES(true, *m);

// Takes two mutexes of one rank in address order; `a` and `b` may be the same mutex.
void mutex_lock_pair(struct mutex *a, struct mutex *b) ACQUIRES(*a, *b);
void mutex_unlock_pair(struct mutex *a, struct mutex *b) RELEASES(*a, *b);

// Takes a mutex of the rank of one that is held, in an order that the caller guarantees and states
// (a directory before what is in it).
void mutex_lock_inner(struct mutex *m) ACQUIRES(*m);
