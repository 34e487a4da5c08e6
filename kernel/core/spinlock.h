// SPDX-License-Identifier: Apache-2.0
/*
 * Spinlocks: fair (ticket) locks for short sections.  The holder does not sleep.  A lock that an
 * interrupt handler also takes is taken with the _irqsave forms (or with interrupts masked)
 * everywhere.
 *
 * A locker draws the next ticket and has the lock when the owner half shows it.  Barriers: drawing
 * a ticket that is already served, and seeing one's ticket come up, are acquire operations; each
 * pairs with the release store of the owner half in spin_unlock.
 *
 * The record for rank checking exists in the checked build only (lock_check.h of the variant).
 */
#pragma once

#include <stdatomic.h>

#include <lock_check.h>

#include "kernel/arch/arch.h"
#include "kernel/core/lock_rank.h"

struct CAPABILITY("spinlock") spinlock {
    union {
        _Atomic uint32_t ticket; // [a] next << 16 | owner
        _Atomic uint16_t owner;  // [a] its low half
    };
    struct lock_check check;
};

#define SPINLOCK_INIT(lock_name, lock_rank)                                                        \
    {.ticket = 0, .check = LOCK_CHECK_INIT(lock_name, lock_rank)}

enum { SPIN_TICKET = 1 << 16 }; // one in the next half

// `name` is a string constant.
static inline void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
    atomic_init(&l->ticket, 0);
    lock_check_init(&l->check, name, rank);
}

// Waits until the owner half of `l` is that of `ticket` (as drawn).
void spin_wait(struct spinlock *l, uint32_t ticket);

// The lock without its record, for spin_lock and its relatives only.
static ALWAYS_INLINE void spin_take(struct spinlock *l)
{
    uint32_t drawn = atomic_fetch_add_explicit(&l->ticket, SPIN_TICKET, memory_order_acquire);
    if (UNLIKELY((drawn ^ __builtin_rotateright32(drawn, 16)) != 0)) {
        spin_wait(l, drawn);
    }
}

static ALWAYS_INLINE void spin_lock(struct spinlock *l) ACQUIRES(*l) NO_THREAD_ANALYSIS
{
    lock_check_acquire(&l->check, LOCK_ORDERED);
    spin_take(l);
}

static ALWAYS_INLINE void spin_unlock(struct spinlock *l) RELEASES(*l) NO_THREAD_ANALYSIS
{
    lock_check_release(&l->check);
    // Only the holder writes the owner half, so a plain addition is enough.
    uint16_t owner = atomic_load_explicit(&l->owner, memory_order_relaxed);
    atomic_store_explicit(&l->owner, (uint16_t)(owner + 1), memory_order_release);
}

static ALWAYS_INLINE irqflags_t spin_lock_irqsave(struct spinlock *l)
    ACQUIRES(*l) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    spin_lock(l);
    return flags;
}

static ALWAYS_INLINE void spin_unlock_irqrestore(struct spinlock *l, irqflags_t flags)
    RELEASES(*l) NO_THREAD_ANALYSIS
{
    spin_unlock(l);
    arch_irq_restore(flags);
}

// Takes the lock if it is free.  Never waits.
bool spin_try_lock(struct spinlock *l) TRY_ACQUIRES(true, *l);

// Whether anybody holds it: for assertions.
bool spin_is_locked(const struct spinlock *l);

// Takes two locks of one rank in address order; `a` and `b` may be the same lock.
void spin_lock_pair(struct spinlock *a, struct spinlock *b) ACQUIRES(*a, *b);
void spin_unlock_pair(struct spinlock *a, struct spinlock *b) RELEASES(*a, *b);
