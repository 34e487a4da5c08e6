// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/worker.h"

#include "kernel/core/cpu.h"
#include "kernel/core/thread.h"

struct worker {
    struct spinlock lock;
    struct list items;     // [l] struct work
    struct thread *thread; // [l] the one that serves the list; NULL: not yet
};
PERCPU(struct worker, worker);

void worker_init_cpu(struct cpu *c)
{
    struct worker *w = cpu_var(c, worker);
    spin_init(&w->lock, "worker", RANK_WORK);
    list_init(&w->items);
}

static void put(struct worker *to, struct work *w)
{
    irqflags_t flags = spin_lock_irqsave(&to->lock);
    bool was_empty = list_is_empty(&to->items);
    list_add_tail(&to->items, &w->link);
    if (was_empty && to->thread != NULL) {
        thread_wake(to->thread);
    }
    spin_unlock_irqrestore(&to->lock, flags);
}

bool work_queue(struct work *w)
{
    // Acquire and release: a caller that finds the item queued leaves what it did to the run to come,
    // which starts by clearing the flag.
    if (atomic_exchange_explicit(&w->is_queued, true, memory_order_acq_rel)) {
        return false;
    }
    // Another CPU's list would do as well, should the thread move meanwhile.
    put(this_cpu(worker), w);
    return true;
}

static struct work *take(struct worker *from)
{
    irqflags_t flags = spin_lock_irqsave(&from->lock);
    struct list *node = list_pop(&from->items);
    spin_unlock_irqrestore(&from->lock, flags);
    return node == NULL ? NULL : container_of(node, struct work, link);
}

void worker_run(void *cpu)
{
    struct worker *self = cpu_var((struct cpu *)cpu, worker);
    irqflags_t flags = spin_lock_irqsave(&self->lock);
    self->thread = thread_current();
    spin_unlock_irqrestore(&self->lock, flags);
    for (;;) {
        struct work *w = take(self);
        if (w == NULL) {
            thread_park();
            continue;
        }
        atomic_exchange_explicit(&w->is_queued, false, memory_order_acq_rel);
        w->run(w);
    }
}

struct flush {
    struct work work;
    struct completion reached;
};

static void flush_reached(struct work *work)
{
    completion_signal(&container_of(work, struct flush, work)->reached);
}

void worker_flush(void)
{
    cpu_for_each_online(c)
    {
        struct flush f;
        work_init(&f.work, flush_reached);
        completion_init(&f.reached, "worker flush");
        put(cpu_var(c, worker), &f.work);
        completion_wait(&f.reached);
    }
}
