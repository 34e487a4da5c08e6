// SPDX-License-Identifier: Apache-2.0
/*
 * Wait queues: the one way a thread sleeps until something happens.
 *
 * Use: the condition is guarded by the queue's own lock or by atomics that are changed before
 * wait_wake.  A waiter does
 *
 *     WAIT_UNTIL(&queue, condition, deadline, flags, &status);
 *
 * which tests the condition, puts the thread on the queue, tests again, and sleeps: a wake between
 * is not lost because the thread is already queued when it tests for the last time.  Waking is
 * allowed in any context.  Waiters leave in first-in first-out order; wake-one wakes the first.
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "lib/base/list.h"

struct thread;

struct wait_queue {
    struct spinlock lock;
    struct list waiters; // [l] struct waiter
};

struct waiter {
    struct list link;       // [l] of the queue; points at itself when off it
    struct thread *thread;  // [I]
    bool was_woken;         // [l]
};

enum wait_flags {
    WAIT_DEFAULT = 0,
    WAIT_INTERRUPTIBLE = 1 << 0, // a pending signal or kill ends the sleep with ERR_INTR
};

#define WAIT_QUEUE_INIT(name, queue_name) \
    {.lock = SPINLOCK_INIT(queue_name, RANK_WAIT), .waiters = LIST_INIT((name).waiters)}

void wait_init(struct wait_queue *q, const char *name);

// The two halves of a sleep, for WAIT_UNTIL and for callers with a lock of their own.
// wait_prepare queues the current thread and marks it about to sleep.  wait_sleep sleeps until
// woken, deadline (absolute monotonic ns, NSEC_NEVER for none) or interruption, and tells which:
// OK, ERR_TIMEDOUT, ERR_INTR.  wait_finish takes it off the queue again and must always be called.
void wait_prepare(struct wait_queue *q, struct waiter *w);
status_t wait_sleep(struct waiter *w, nsec_t deadline, enum wait_flags flags);
void wait_finish(struct wait_queue *q, struct waiter *w);

// Wakes one, or all.  Gives the number woken.  Any context.
size_t wait_wake_one(struct wait_queue *q);
size_t wait_wake_all(struct wait_queue *q);

#define WAIT_UNTIL(queue, condition, deadline, flags, status_out)            \
    do {                                                                     \
        struct waiter waiter_;                                               \
        *(status_out) = OK;                                                  \
        while (!(condition)) {                                               \
            wait_prepare((queue), &waiter_);                                 \
            if (!(condition)) {                                              \
                *(status_out) = wait_sleep(&waiter_, (deadline), (flags));   \
            }                                                                \
            wait_finish((queue), &waiter_);                                  \
            if (*(status_out) != OK) {                                       \
                if (condition) {                                             \
                    *(status_out) = OK;                                      \
                }                                                            \
                break;                                                       \
            }                                                                \
        }                                                                    \
    } while (0)
