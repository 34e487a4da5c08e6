// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/shortage.h"

#include "abi/signal.h"
#include "kernel/core/log.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"

constexpr nsec_t PATIENCE = NSEC_PER_SEC; // how long one that was ended has before the next goes
enum { TRIES_MAX = 5 };

static void choose(struct work *w);

static struct {
    struct work work;
    struct wait_queue waiters;
    _Atomic uint32_t ends;    // [a] processes that ended, ever
    _Atomic nsec_t last_kill; // [a] whoever changes it may end one
    _Atomic pid_t victim;     // [a] that was ended and has not given its memory back; 0: none
} shortage = {
    .work = {.link = LIST_INIT(shortage.work.link), .run = choose},
    .waiters = WAIT_QUEUE_INIT(shortage.waiters, "memory shortage"),
};

struct search {
    struct process *largest; // a reference; NULL: none
    size_t pages;
};

// The process's address space with a reference, if it may be chosen; else NULL.
static struct aspace *candidate(struct process *p)
{
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    struct aspace *as = p->pid == FIRST_PID || p->is_ending ? NULL : p->aspace;
    if (as != NULL) {
        aspace_ref(as);
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return as;
}

static bool compare(void *context, struct process *p)
{
    struct search *s = context;
    struct aspace *as = candidate(p);
    if (as == NULL) {
        return true;
    }
    struct aspace_usage usage;
    aspace_usage(as, &usage);
    aspace_unref(as);
    if (usage.resident_pages > s->pages) {
        if (s->largest != NULL) {
            process_unref(s->largest);
        }
        process_ref(p);
        s->largest = p;
        s->pages = usage.resident_pages;
    }
    return true;
}

static void end(struct process *p, size_t pages)
{
    log_warn("proc", "memory is short: %s (%d), which holds %zu KiB, is ended", p->name,
             (int)p->pid, pages * (PAGE_SIZE / 1024));
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    process_end_locked(p, wait_status_signalled(SIGKILL));
    spin_unlock_irqrestore(&p->lock, flags);
}

static void choose([[maybe_unused]] struct work *w)
{
    struct search s = {};
    nsec_t last = atomic_load_explicit(&shortage.last_kill, memory_order_acquire);
    nsec_t now = time_now();
    bool is_under_way =
        atomic_load_explicit(&shortage.victim, memory_order_acquire) != 0 && now - last < PATIENCE;
    if (is_under_way) {
        return;
    }
    process_for_each(0, compare, &s);
    if (s.largest == NULL) {
        return;
    }
    // Another CPU's worker may be here as well: one of them ends one.
    if (atomic_compare_exchange_strong_explicit(&shortage.last_kill, &last, now,
                                                memory_order_acq_rel, memory_order_relaxed)) {
        atomic_store_explicit(&shortage.victim, s.largest->pid, memory_order_release);
        end(s.largest, s.pages);
    }
    process_unref(s.largest);
}

static uint32_t ends(void)
{
    return atomic_load_explicit(&shortage.ends, memory_order_acquire);
}

bool shortage_relieve(void)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        uint32_t before = ends();
        status_t status;
        work_queue(&shortage.work);
        WAIT_UNTIL(&shortage.waiters, ends() != before, time_now() + PATIENCE, WAIT_KILLABLE,
                   &status);
        if (status != ERR_TIMEDOUT) {
            return true;
        }
    }
    return false;
}

void shortage_process_ended(pid_t pid)
{
    atomic_compare_exchange_strong_explicit(&shortage.victim, &pid, 0, memory_order_release,
                                            memory_order_relaxed);
    atomic_fetch_add_explicit(&shortage.ends, 1, memory_order_release);
    wait_wake_all(&shortage.waiters);
}
