// SPDX-License-Identifier: Apache-2.0
#include <lock_check.h>

#include "kernel/core/irq.h"
#include "kernel/core/panic.h"
#include "kernel/core/percpu.h"
#include "kernel/core/thread.h"

enum {
    LOCK_IN_INTERRUPT = 1u << 0,    // taken by an interrupt handler
    LOCK_WITH_INTERRUPTS = 1u << 1, // taken while interrupts could come
};

// Locks that this CPU's interrupt handlers hold; handlers do not nest.
PERCPU(struct lock_held, held_in_interrupt);

// The list of the running code; NULL before the first thread stands.
static struct lock_held *held_here(void)
{
    struct thread *t = thread_current();
    if (t == NULL) {
        return NULL;
    }
    return irq_is_active() ? this_cpu(held_in_interrupt) : &t->held;
}

void lock_check_init(struct lock_check *c, const char *name, unsigned rank)
{
    c->name = name;
    c->rank = rank;
    c->contexts = 0;
}

static bool is_in_order(const struct lock_check *held, const struct lock_check *c,
                        enum lock_how how)
{
    if (how == LOCK_TRIED || held->rank < c->rank) {
        return true;
    }
    if (how == LOCK_INNER) {
        return held->rank == c->rank;
    }
    return how == LOCK_SECOND_OF_PAIR && held->rank == c->rank && held < c;
}

// A handler that takes a lock which the code it interrupted holds would wait for ever; one that only
// tries it would not.
static void check_contexts(struct lock_check *c, enum lock_how how, vaddr_t site)
{
    uint32_t here = 0;
    if (irq_is_active()) {
        here = how == LOCK_TRIED ? 0 : LOCK_IN_INTERRUPT;
    } else if (c->rank >= RANK_FIRST_SPIN && arch_irq_is_enabled()) {
        here = LOCK_WITH_INTERRUPTS;
    }
    uint32_t before = atomic_load_explicit(&c->contexts, memory_order_relaxed);
    if ((before | here) != before) {
        before = atomic_fetch_or_explicit(&c->contexts, here, memory_order_relaxed);
    }
    if ((before | here) == (LOCK_IN_INTERRUPT | LOCK_WITH_INTERRUPTS)) {
        panic("lock %s is taken in interrupts and with interrupts enabled (here at %p)", c->name,
              (void *)site);
    }
}

void lock_check_acquire(struct lock_check *c, enum lock_how how)
{
    struct lock_held *held = held_here();
    if (held == NULL || panic_is_active()) {
        return;
    }
    vaddr_t site = (vaddr_t)__builtin_return_address(0);
    for (unsigned i = 0; i < held->count; i++) {
        if (!is_in_order(held->locks[i].lock, c, how)) {
            panic("lock order: %s (rank %u) at %p while holding %s (rank %u) since %p", c->name,
                  c->rank, (void *)site, held->locks[i].lock->name, held->locks[i].lock->rank,
                  (void *)held->locks[i].site);
        }
    }
    check_contexts(c, how, site);
    if (held->count == LOCK_HELD_MAX) {
        panic("more than %u locks held at %p", LOCK_HELD_MAX, (void *)site);
    }
    held->locks[held->count].lock = c;
    held->locks[held->count].site = site;
    held->count++;
}

void lock_check_release(struct lock_check *c)
{
    struct lock_held *held = held_here();
    if (held == NULL || panic_is_active()) {
        return;
    }
    for (unsigned i = held->count; i > 0; i--) {
        if (held->locks[i - 1].lock == c) {
            held->count--;
            for (unsigned j = i - 1; j < held->count; j++) {
                held->locks[j] = held->locks[j + 1];
            }
            return;
        }
    }
    panic("lock %s released at %p but not held", c->name, __builtin_return_address(0));
}

void lock_check_may_sleep(void)
{
    struct lock_held *held = held_here();
    if (held == NULL || panic_is_active()) {
        return;
    }
    if (irq_is_active()) {
        panic("sleeping in an interrupt handler at %p", __builtin_return_address(0));
    }
    for (unsigned i = 0; i < held->count; i++) {
        if (held->locks[i].lock->rank >= RANK_FIRST_SPIN) {
            panic("sleeping at %p while holding %s since %p", __builtin_return_address(0),
                  held->locks[i].lock->name, (void *)held->locks[i].site);
        }
    }
}
