// SPDX-License-Identifier: Apache-2.0
/*
 * Threads for tests, given by what runs the tests: on the host's simulated machine or in the kernel's
 * test image.
 */
#pragma once

#include "kernel/core/thread.h"
#include "kernel/core/time.h"

// A started kernel thread with a stack of its own, or NULL when there is no memory.  It is freed
// when it has ended.
struct thread *test_spawn(const char *name, void (*entry)(void *), void *arg);

// The same, not started yet: for setting affinity and priority first.
struct thread *test_spawn_held(const char *name, void (*entry)(void *), void *arg);

// Waits until every thread that test_spawn made has ended and is freed.
void test_join_all(void);

constexpr nsec_t TEST_WORK_CHUNK_NS = 50 * NSEC_PER_USEC;

// Works for `ns` of time like a user program: interruptible, giving up the CPU when asked to.
void test_work(nsec_t ns);

static inline unsigned count_waiters(struct wait_queue *q)
{
    unsigned count = 0;
    irqflags_t flags = spin_lock_irqsave(&q->lock);
    list_for_each (node, &q->waiters) {
        count++;
    }
    spin_unlock_irqrestore(&q->lock, flags);
    return count;
}

// Returns when `count` threads wait on `q`.
static inline void test_await_waiters(struct wait_queue *q, unsigned count)
{
    while (count_waiters(q) < count) {
        (void)thread_sleep_until(time_now() + 100 * NSEC_PER_USEC, WAIT_DEFAULT);
    }
}
