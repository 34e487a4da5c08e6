// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/mutex.h"

#include "kernel/core/panic.h"
#include "kernel/core/thread.h"

enum { HAS_WAITERS = 1 }; // in the owner word

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank)
{
    atomic_init(&m->owner, 0);
    wait_init(&m->waiters, name);
    lock_check_init(&m->check, name, rank);
}

static uintptr_t self(void)
{
    return (uintptr_t)thread_current();
}

static uintptr_t owner_of(uintptr_t word)
{
    return word & ~(uintptr_t)HAS_WAITERS;
}

bool mutex_is_held(const struct mutex *m)
{
    return owner_of(atomic_load_explicit(&m->owner, memory_order_relaxed)) == self();
}

static bool take_free(struct mutex *m)
{
    uintptr_t expected = 0;
    return atomic_compare_exchange_strong_explicit(&m->owner, &expected, self(),
                                                   memory_order_acquire, memory_order_relaxed);
}

// Takes the mutex if it became free, or leaves the mark that makes its holder hand it over.
static bool take_or_mark(struct mutex *m) REQUIRES(m -> waiters.lock)
{
    uintptr_t word = atomic_load_explicit(&m->owner, memory_order_relaxed);
    for (;;) {
        uintptr_t wanted = word == 0 ? self() : word | HAS_WAITERS;
        if (atomic_compare_exchange_weak_explicit(&m->owner, &word, wanted, memory_order_acquire,
                                                  memory_order_relaxed)) {
            return word == 0;
        }
    }
}

// Off the queue after an interrupted wait; the last to leave clears the mark.
static void leave_queue(struct mutex *m, struct waiter *w) REQUIRES(m -> waiters.lock)
{
    list_del_init(&w->link);
    if (list_is_empty(&m->waiters.waiters)) {
        // The holder cannot release while we hold the queue's lock and the mark is set.
        atomic_fetch_and_explicit(&m->owner, ~(uintptr_t)HAS_WAITERS, memory_order_relaxed);
    }
}

static status_t lock_slowly(struct mutex *m, enum wait_flags flags)
{
    struct waiter w = {.thread = thread_current()};
    irqflags_t irq = spin_lock_irqsave(&m->waiters.lock);
    if (take_or_mark(m)) {
        spin_unlock_irqrestore(&m->waiters.lock, irq);
        return OK;
    }
    list_add_tail(&m->waiters.waiters, &w.link);
    spin_unlock_irqrestore(&m->waiters.lock, irq);

    status_t status = wait_sleep(&w, NSEC_NEVER, flags);

    irq = spin_lock_irqsave(&m->waiters.lock);
    if (status != OK && mutex_is_held(m)) {
        status = OK; // handed over in the last moment
    }
    if (status != OK) {
        leave_queue(m, &w);
    }
    spin_unlock_irqrestore(&m->waiters.lock, irq);
    return status;
}

static status_t take(struct mutex *m, enum wait_flags flags)
{
    if (LIKELY(take_free(m))) {
        return OK;
    }
    assert(!mutex_is_held(m));
    return lock_slowly(m, flags);
}

void mutex_lock(struct mutex *m) NO_THREAD_ANALYSIS
{
    lock_check_may_sleep();
    lock_check_acquire(&m->check, LOCK_ORDERED);
    (void)take(m, WAIT_DEFAULT);
}

void mutex_lock_inner(struct mutex *m) NO_THREAD_ANALYSIS
{
    lock_check_may_sleep();
    lock_check_acquire(&m->check, LOCK_INNER);
    (void)take(m, WAIT_DEFAULT);
}

bool mutex_lock_interruptible(struct mutex *m) NO_THREAD_ANALYSIS
{
    lock_check_may_sleep();
    lock_check_acquire(&m->check, LOCK_ORDERED);
    if (take(m, WAIT_INTERRUPTIBLE) != OK) {
        lock_check_release(&m->check);
        return false;
    }
    return true;
}

bool mutex_try_lock(struct mutex *m) NO_THREAD_ANALYSIS
{
    if (!take_free(m)) {
        return false;
    }
    lock_check_acquire(&m->check, LOCK_TRIED);
    return true;
}

// Gives the mutex to the first waiter, which owns it before it runs.
static void hand_over(struct mutex *m)
{
    irqflags_t irq = spin_lock_irqsave(&m->waiters.lock);
    struct list *first = list_first(&m->waiters.waiters);
    uintptr_t next = 0;
    if (first != NULL) {
        next = (uintptr_t)container_of(first, struct waiter, link)->thread;
        next |= first->next != &m->waiters.waiters ? HAS_WAITERS : 0;
    }
    atomic_store_explicit(&m->owner, next, memory_order_release);
    wait_wake_one_locked(&m->waiters);
    spin_unlock_irqrestore(&m->waiters.lock, irq);
}

void mutex_unlock(struct mutex *m) NO_THREAD_ANALYSIS
{
    lock_check_release(&m->check);
    uintptr_t expected = self();
    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &m->owner, &expected, 0, memory_order_release, memory_order_relaxed))) {
        assert(owner_of(expected) == self());
        hand_over(m);
    }
}

void mutex_lock_pair(struct mutex *a, struct mutex *b) NO_THREAD_ANALYSIS
{
    struct mutex *first = a < b ? a : b;
    struct mutex *second = a < b ? b : a;
    mutex_lock(first);
    if (second != first) {
        lock_check_acquire(&second->check, LOCK_SECOND_OF_PAIR);
        (void)take(second, WAIT_DEFAULT);
    }
}

void mutex_unlock_pair(struct mutex *a, struct mutex *b) NO_THREAD_ANALYSIS
{
    mutex_unlock(a);
    if (b != a) {
        mutex_unlock(b);
    }
}
