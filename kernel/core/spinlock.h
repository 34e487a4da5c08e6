// SPDX-License-Identifier: Apache-2.0
/*
 * Spinlocks: fair (ticket) locks for short sections.  The holder does not sleep.  A lock that an
 * interrupt handler also takes is taken with the _irqsave forms everywhere.
 *
 * The record for rank checking exists in the checked build only (lock_check.h of the variant).
 */
#pragma once

#include <lock_check.h>

#include "kernel/core/lock_rank.h"
#include "kernel/arch/arch.h"

struct CAPABILITY("spinlock") spinlock {
    uint32_t ticket;         // next << 16 | owner
    struct lock_check check; // empty in release builds
};

#define SPINLOCK_INIT(lock_name, lock_rank) {.check = LOCK_CHECK_INIT(lock_name, lock_rank)}

// `name` is a string constant.
void spin_init(struct spinlock *l, const char *name, enum lock_rank rank);
void spin_lock(struct spinlock *l) ACQUIRES(*l);
bool spin_try_lock(struct spinlock *l) TRY_ACQUIRES(true, *l);
void spin_unlock(struct spinlock *l) RELEASES(*l);
irqflags_t spin_lock_irqsave(struct spinlock *l) ACQUIRES(*l);
void spin_unlock_irqrestore(struct spinlock *l, irqflags_t flags) RELEASES(*l);
bool spin_is_locked(const struct spinlock *l);

// Takes two locks of one rank in address order; `a` and `b` may be the same lock.
void spin_lock_pair(struct spinlock *a, struct spinlock *b) ACQUIRES(*a, *b);
void spin_unlock_pair(struct spinlock *a, struct spinlock *b) RELEASES(*a, *b);
