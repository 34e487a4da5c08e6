// SPDX-License-Identifier: Apache-2.0
/* Records for the tools that show the system: processes and CPUs. */
#include <stdatomic.h>

#include "abi/gen/syscall_handlers.h"
#include "abi/records.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/proc/describe.h"

struct listing {
    vaddr_t to;
    uint64_t size; // room that is left
    uint64_t done; // bytes stored
    status_t status;
};

// False: there is no room for the record, or nowhere to store it.
static bool store(struct listing *l, const void *record, size_t size)
{
    if (l->size < size) {
        return false;
    }
    if (arch_copy_to_user(l->to + l->done, record, size) != 0) {
        l->status = ERR_FAULT;
        return false;
    }
    l->done += size;
    l->size -= size;
    return true;
}

static bool visit(void *context, struct process *p)
{
    struct swos_process record;
    if (!process_may_see(p) || !process_describe(p, &record)) {
        return true;
    }
    return store(context, &record, sizeof(record));
}

int64_t sys_process_list(vaddr_t records, uint64_t size, int32_t after)
{
    struct listing l = {.to = records, .size = size};
    process_for_each(after, visit, &l);
    return l.status == OK ? (int64_t)l.done : l.status;
}

int64_t sys_cpu_list(vaddr_t records, uint64_t size)
{
    struct listing l = {.to = records, .size = size};
    for (unsigned i = 0; i < cpu_count(); i++) {
        const struct cpu *c = cpu_get(i);
        struct sched_stats stats;
        sched_cpu_stats(c, &stats);
        bool is_online = atomic_load_explicit(&c->is_online, memory_order_relaxed);
        struct swos_cpu record = {
            .index = i,
            .is_online = is_online,
            .user_ns = stats.user_ns,
            .system_ns = stats.system_ns,
            .idle_ns = stats.idle_ns,
        };
        if (!store(&l, &record, sizeof(record))) {
            break;
        }
    }
    return l.status == OK ? (int64_t)l.done : l.status;
}
