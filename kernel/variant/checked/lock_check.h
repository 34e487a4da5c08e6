// SPDX-License-Identifier: Apache-2.0
/*
 * Lock checking in the checked build.  Every lock carries its name and rank; every thread, and every
 * CPU for its interrupt handlers, carries the locks it holds with the places that took them.
 *
 * What panics, with both names and both call sites where there are two:
 *   - taking a lock whose rank is not above all ranks held, except the second lock of a pair, which
 *     has the same rank and the higher address, and an inner one, which has the same rank;
 *   - releasing a lock that the running code does not hold;
 *   - sleeping, or doing what may sleep, with a spinlock held or in an interrupt handler;
 *   - taking a spinlock with interrupts enabled that an interrupt handler takes too.
 *
 * The release build has the same names without contents (kernel/variant/release).
 */
#pragma once

#include "lib/base/types.h"

struct lock_check {
    const char *name;          // [I]
    unsigned rank;             // [I] enum lock_rank
    _Atomic uint32_t contexts; // [a] where it was taken: LOCK_IN_INTERRUPT, LOCK_WITH_INTERRUPTS
};

enum { LOCK_HELD_MAX = 16 }; // ranks rise, so no path can hold more than there are ranks

struct lock_held {
    unsigned count;
    struct {
        struct lock_check *lock;
        vaddr_t site; // return address of what took it
    } locks[LOCK_HELD_MAX];
};

enum lock_how {
    LOCK_ORDERED,        // may wait: the rank must rise
    LOCK_SECOND_OF_PAIR, // may wait: same rank, higher address
    LOCK_INNER,          // may wait: same rank, in an order that the caller guarantees
    LOCK_TRIED,          // was taken without waiting, so no order can be violated
};

#define LOCK_CHECK_INIT(lock_name, lock_rank) {.name = (lock_name), .rank = (lock_rank)}

void lock_check_init(struct lock_check *c, const char *name, unsigned rank);

// Records that the running code takes the lock; before it waits for it, so that a deadlock is
// reported rather than entered.
void lock_check_acquire(struct lock_check *c, enum lock_how how);
void lock_check_release(struct lock_check *c);

// Panics unless the running code may sleep here.
void lock_check_may_sleep(void);
