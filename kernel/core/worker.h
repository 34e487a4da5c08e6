// SPDX-License-Identifier: Apache-2.0
/*
 * Work put off to a thread: what must not be done where it comes up, because the context may not
 * sleep, holds locks, or would recurse (the end of objects, threads, address spaces).
 *
 * The item lives in its owner's storage.  Each CPU has a list and a worker thread that serves it;
 * items of one CPU run one after another in the order they were queued, in thread context with
 * interrupts enabled and no lock held.  An item may sleep on locks but does not wait for events,
 * since it keeps all behind it waiting.  Until the worker of a CPU runs, its items gather.
 *
 *   idle --work_queue--> queued --(the worker takes it off)--> idle, then `run` is called
 *
 * so `run` may queue the item again, and may free it.
 */
#pragma once

#include <stdatomic.h>

#include "lib/base/list.h"

struct cpu;

struct work {
    struct list link;               // [work lock of the list it is on]
    void (*run)(struct work *work); // [I]
    _Atomic bool is_queued;         // [a]
};

static inline void work_init(struct work *w, void (*run)(struct work *))
{
    list_init(&w->link);
    w->run = run;
    atomic_init(&w->is_queued, false);
}

// Queues the item on this CPU.  False if it was queued already; then it has yet to run, and sees
// what was done before this call.  Any context.
bool work_queue(struct work *w);

// The life of a worker thread; `cpu` is the struct cpu whose list it serves.  Boot creates one for
// each CPU:  kthread_create("worker/0", worker_run, cpu_get(0), NULL).  Does not return.
void worker_run(void *cpu);

// Returns when everything queued on any CPU before the call has run.  For tests and shutdown; not
// from a work item.
void worker_flush(void);

// Boot: readies the list of a CPU; called as CPUs are added.
void worker_init_cpu(struct cpu *c);
