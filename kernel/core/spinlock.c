// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/spinlock.h"

#include "lib/base/bits.h"

void spin_wait(struct spinlock *l, uint32_t ticket)
{
    uint32_t mine = ticket >> 16;
    for (;;) {
        uint32_t seen = atomic_load_explicit(&l->ticket, memory_order_acquire);
        if ((seen & 0xffff) == mine) {
            return;
        }
        // Returns at any change of the word, new lockers included.
        arch_spin_wait((const uint32_t *)&l->ticket, seen);
    }
}

bool spin_try_lock(struct spinlock *l) NO_THREAD_ANALYSIS
{
    uint32_t seen = atomic_load_explicit(&l->ticket, memory_order_relaxed);
    if ((seen >> 16) != (seen & 0xffff) ||
        !atomic_compare_exchange_strong_explicit(&l->ticket, &seen, seen + SPIN_TICKET,
                                                 memory_order_acquire, memory_order_relaxed)) {
        return false;
    }
    lock_check_acquire(&l->check, LOCK_TRIED);
    return true;
}

bool spin_is_locked(const struct spinlock *l)
{
    uint32_t seen = atomic_load_explicit(&l->ticket, memory_order_relaxed);
    return (seen >> 16) != (seen & 0xffff);
}

void spin_lock_pair(struct spinlock *a, struct spinlock *b) NO_THREAD_ANALYSIS
{
    struct spinlock *first = a < b ? a : b;
    struct spinlock *second = a < b ? b : a;
    spin_lock(first);
    if (second != first) {
        lock_check_acquire(&second->check, LOCK_SECOND_OF_PAIR);
        spin_take(second);
    }
}

void spin_unlock_pair(struct spinlock *a, struct spinlock *b) NO_THREAD_ANALYSIS
{
    spin_unlock(a);
    if (b != a) {
        spin_unlock(b);
    }
}
