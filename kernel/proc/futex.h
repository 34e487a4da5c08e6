// SPDX-License-Identifier: Apache-2.0
/*
 * Futexes: waiting on words of user memory.
 *
 *   futex_wait: queued --the word still has the value--> asleep --futex_wake, time-out, signal--> off
 *
 * A word is known by the address space and its address, or, in a shared mapping and unless the caller
 * says that it is private, by the memory object and its place in there: so processes meet.
 *
 * A waiter is queued before it looks at the word, because user memory cannot be read under a spinlock.
 * If the word has changed meanwhile and somebody woke this waiter already, the wake is passed on.
 *
 * Locking: waiters hang in hashed buckets, each with a spinlock (RANK_WAIT).
 * Lifetimes: waiters lie on the stacks of their threads.
 */
#pragma once

#include "kernel/core/thread.h"

struct uthread;

enum futex_scope { FUTEX_SHARED, FUTEX_PRIVATE };
constexpr uint32_t FUTEX_ANY = UINT32_MAX; // all bits of a bitset

struct futex_word {
    vaddr_t address;
    enum futex_scope scope;
};

// Boot.
void futex_init(void);

// Sleeps while the word has the value.  ERR_AGAIN: it has another; ERR_TIMEDOUT, ERR_INTR, ERR_FAULT;
// ERR_INVAL: not aligned, or no bits.
status_t futex_wait(struct futex_word word, uint32_t value, uint32_t bits, nsec_t deadline);

// Wakes up to `count` waiters that have one of the bits; gives how many.  ERR_FAULT, ERR_INVAL.
status_t futex_wake(struct futex_word word, uint32_t count, uint32_t bits, uint32_t *woken);

// Wakes up to `wake` and lets up to `move` others wait on another word; gives the sum.  With `expect`
// not NULL the word must have that value: else ERR_AGAIN.  ERR_INVAL: from shared memory to memory that
// only the caller has, where others could not be woken.
struct futex_requeue {
    struct futex_word from;
    struct futex_word to;
    uint32_t wake;
    uint32_t move;
    const uint32_t *expect;
};
status_t futex_requeue(const struct futex_requeue *r, uint32_t *count);

// The current thread ends or leaves its program: locks of its robust list are released as the owner's
// death does, the word it was promised is zeroed, and who waits for it woken.
void futex_thread_ending(struct uthread *t);
