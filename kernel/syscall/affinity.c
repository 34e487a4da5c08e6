// SPDX-License-Identifier: Apache-2.0
/* The CPUs that threads may run on (sched_setaffinity(2)). */
#include "abi/gen/syscall_handlers.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/process.h"
#include "lib/base/bits.h"

// The set that the thread had comes back.
static status_t exchange(struct uthread *t, void *affinity)
{
    struct cpu_set **set = affinity;
    return thread_swap_affinity(&t->thread, *set, set);
}

int64_t sys_sched_setaffinity(int32_t pid, uint64_t size, vaddr_t mask)
{
    struct cpu_set *affinity;
    status_t status = uthread_affinity_create(&affinity);
    if (status != OK) {
        return status;
    }
    // CPUs that the mask does not reach are not in it, and of those that there are not it may have any.
    size = u64_min(size, affinity->words * sizeof(uint64_t));
    if (arch_copy_from_user(affinity->bits, mask, size) != 0) {
        heap_free(affinity);
        return ERR_FAULT;
    }
    affinity = uthread_affinity_reduce(affinity);
    status = process_with_thread(pid, THREAD_USE_CHANGE, exchange, &affinity);
    heap_free(affinity);
    thread_preempt_point(); // if it was the caller, that goes on where it may
    return status;
}

static status_t get(struct uthread *t, void *affinity)
{
    thread_get_affinity(&t->thread, affinity);
    return OK;
}

// As Linux has it: whole words, as many as there are CPUs for.
int64_t sys_sched_getaffinity(int32_t pid, uint64_t size, vaddr_t mask)
{
    struct cpu_set *affinity;
    status_t status = uthread_affinity_create(&affinity);
    if (status != OK) {
        return status;
    }
    uint64_t bytes = affinity->words * sizeof(uint64_t);
    if (size < bytes || size % sizeof(uint64_t) != 0) {
        status = ERR_INVAL;
    } else {
        status = process_with_thread(pid, THREAD_USE_LOOK, get, affinity);
    }
    if (status == OK && arch_copy_to_user(mask, affinity->bits, bytes) != 0) {
        status = ERR_FAULT;
    }
    heap_free(affinity);
    return status == OK ? (int64_t)bytes : status;
}
