// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/kthread.h"

#include "kernel/core/percpu.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "kernel/mm/layout.h"
#include "lib/base/bits.h"

static void reap(struct thread *t)
{
    kmap_stack_free((void *)t->stack_base);
    heap_free(t);
}

static const struct thread_ops kthread_ops = {.reap = reap};

status_t kthread_prepare(const char *name, void (*entry)(void *), void *arg, struct thread **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct thread), &memory);
    if (status != OK) {
        return status;
    }
    void *stack;
    status = kmap_stack_alloc(&stack);
    if (status != OK) {
        heap_free(memory);
        return status;
    }
    *out = memory;
    thread_init(*out, name, stack, KERNEL_STACK_SIZE, entry, arg);
    (*out)->ops = &kthread_ops;
    return OK;
}

status_t kthread_create(const char *name, void (*entry)(void *), void *arg, struct thread **out)
{
    struct thread *t = NULL;
    status_t status = kthread_prepare(name, entry, arg, &t);
    if (status != OK) {
        return status;
    }
    // Before it runs: it may be gone when thread_start returns.
    if (out != NULL) {
        *out = t;
    }
    thread_start(t);
    return OK;
}

status_t kthread_add_cpu(uint64_t hwid)
{
    void *record;
    status_t status = heap_zalloc(sizeof(struct cpu), &record);
    if (status != OK) {
        return status;
    }
    // A power of two, so that the heap aligns it.
    void *area;
    status = heap_zalloc((size_t)1 << log2_ceil(percpu_size()), &area);
    if (status != OK) {
        goto out_record;
    }
    struct thread *idle = NULL;
    status = kthread_prepare("idle", NULL, NULL, &idle);
    if (status != OK) {
        goto out_area;
    }
    cpu_add(record, hwid, area, idle);
    return OK;

out_area:
    heap_free(area);
out_record:
    heap_free(record);
    return status;
}
