// SPDX-License-Identifier: Apache-2.0
/*
 * Wait queues: the one way a thread sleeps until something happens.
 *
 * Use: the condition is guarded by a lock of the caller or by atomics, and is changed before
 * wait_wake.  A waiter does
 *
 *     WAIT_UNTIL(&queue, condition, deadline, flags, &status);
 *
 * which tests the condition, puts the thread on the queue, tests again, and sleeps: a wake between
 * is not lost because the thread is already queued when it tests for the last time.  Once
 * it was true it is not tested again, so the condition may take what it tests for.  Waking is allowed
 * in any context.  Waiters leave in first-in first-out order; wake-one wakes the first.
 *
 * The pairing: wait_prepare and the wakers take the queue's lock.  Whoever comes second sees what the
 * first did before, so either the waker finds the waiter queued, or the waiter's last test sees the
 * changed condition.
 *
 * Locking: `lock` may be taken with any lock of lower rank held and in interrupts.  Sleeping needs
 * interrupts enabled and no spinlock held.  A waker that was seen by the waiter does not touch the
 * queue any more only if the waiter takes the lock once more: use struct completion where the queue
 * itself goes away after the event.
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "lib/base/list.h"

struct thread;

struct wait_queue {
    struct spinlock lock;
    struct list waiters; // [l] struct waiter, the next to be woken first
};

struct waiter {
    struct list link;       // [l] of the queue; points at itself when off it
    struct thread *thread;  // [I]
    _Atomic bool was_woken; // [a] set by the waker (release), read by the waiter (acquire)
    status_t status;        // for WAIT_UNTIL: how the last sleep ended
    bool holds;             // for WAIT_UNTIL: the condition came true
};

enum wait_flags {
    WAIT_DEFAULT = 0,
    WAIT_INTERRUPTIBLE = 1 << 0, // a pending signal or kill ends the sleep with ERR_INTR
    WAIT_KILLABLE = 1 << 1,      // only a kill does
};

#define WAIT_QUEUE_INIT(name, queue_name)                                                          \
    {.lock = SPINLOCK_INIT(queue_name, RANK_WAIT), .waiters = LIST_INIT((name).waiters)}

void wait_init(struct wait_queue *q, const char *name);

// The parts of a sleep, for WAIT_UNTIL and for callers with a protocol of their own.
// wait_prepare queues the current thread.  wait_sleep sleeps until woken, deadline (absolute
// monotonic ns, NSEC_NEVER for none) or interruption, and tells which: OK, ERR_TIMEDOUT, ERR_INTR; a
// wake that happened wins over both.  wait_finish takes the thread off the queue again and must
// always be called.  A waiter that gives up although it was woken by wait_wake_one has used that
// wake up: pass it on (WAIT_UNTIL tests the condition once more instead).
void wait_prepare(struct wait_queue *q, struct waiter *w);
status_t wait_sleep(struct waiter *w, nsec_t deadline, enum wait_flags flags);
void wait_finish(struct wait_queue *q, struct waiter *w);

// Wakes one, or all.  Gives the number woken.  Any context.
size_t wait_wake_one(struct wait_queue *q);
size_t wait_wake_all(struct wait_queue *q);

// As wait_wake_one, by a caller that holds q->lock with interrupts masked.
size_t wait_wake_one_locked(struct wait_queue *q) REQUIRES(q -> lock);

// Whether somebody waits.  A hint unless the lock is held.
bool wait_is_empty(const struct wait_queue *q);

// The end of WAIT_UNTIL: the condition holds, or the last sleep ended otherwise.
static inline bool wait_is_over(const struct waiter *w, bool holds, status_t *out)
{
    *out = holds ? OK : w->status;
    return *out != OK || holds;
}

#define WAIT_UNTIL(queue, condition, deadline, flags, status_out)                                  \
    do {                                                                                           \
        struct waiter waiter_ = {.status = OK};                                                    \
        while (!wait_is_over(&waiter_, waiter_.holds || (condition), (status_out))) {              \
            wait_prepare((queue), &waiter_);                                                       \
            waiter_.holds = (condition);                                                           \
            waiter_.status = waiter_.holds ? OK : wait_sleep(&waiter_, (deadline), (flags));       \
            wait_finish((queue), &waiter_);                                                        \
        }                                                                                          \
    } while (0)

/*
 * Something that happens once.  Its storage may go as soon as completion_wait has returned: the
 * signaller's last access is the release of the lock that the waiter takes.
 */
struct completion {
    struct wait_queue queue;
    bool is_done; // [queue.lock]
};

void completion_init(struct completion *c, const char *name);
void completion_signal(struct completion *c); // any context
void completion_wait(struct completion *c);
status_t completion_wait_until(struct completion *c, nsec_t deadline, enum wait_flags flags);
