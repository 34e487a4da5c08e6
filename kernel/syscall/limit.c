// SPDX-License-Identifier: Apache-2.0
/* Resource limits and what has been used. */
#include "abi/gen/syscall_handlers.h"
#include "abi/resource.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/timespec.h"
#include "kernel/syscall/usage.h"
#include "lib/base/bits.h"

enum { USAGE_SELF = 0, USAGE_CHILDREN = -1, USAGE_THREAD = 1 };

// NOFILE is also the limit of the table; the others are looked at where they matter.
static void apply(struct process *p, uint32_t resource, uint64_t soft)
{
    if (resource == LIMIT_NOFILE && p == process_current()) {
        handle_set_limit(p->handles, (uint32_t)u64_min(soft, UINT32_MAX));
    }
}

static status_t change_limit(struct process *p, uint32_t resource,
                             const struct process_limit_pair *new, struct process_limit_pair *old)
{
    // Raising what an administrator has lowered takes the grant over processes.
    bool may_raise = grant_set_has(&process_current()->grants, 1u << SWOS_GRANT_PROCESS);
    status_t status = OK;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    *old = p->limits[resource];
    if (new != NULL) {
        status = new->soft > new->hard                 ? ERR_INVAL
                 : new->hard > old->hard && !may_raise ? ERR_PERM
                                                       : OK;
        if (status == OK) {
            p->limits[resource] = *new;
        }
        if (status == OK && resource == LIMIT_CPU) {
            process_timers_limit(p);
        }
    }
    spin_unlock_irqrestore(&p->lock, flags);
    if (new != NULL && status == OK) {
        apply(p, resource, new->soft);
    }
    return status;
}

static int64_t limit_of(struct process *p, uint32_t resource, vaddr_t new_at, vaddr_t old_at)
{
    struct process_limit_pair new;
    struct process_limit_pair old;
    if (resource >= LIMITS) {
        return ERR_INVAL;
    }
    if (new_at != 0 && arch_copy_from_user(&new, new_at, sizeof(new)) != 0) {
        return ERR_FAULT;
    }
    status_t status = change_limit(p, resource, new_at != 0 ? &new : NULL, &old);
    if (status == OK && old_at != 0 && arch_copy_to_user(old_at, &old, sizeof(old)) != 0) {
        return ERR_FAULT;
    }
    return status;
}

int64_t sys_prlimit64(int32_t pid, uint32_t resource, vaddr_t new_limit, vaddr_t old_limit)
{
    struct process *p;
    if (pid == 0 || pid == process_current()->pid) {
        return limit_of(process_current(), resource, new_limit, old_limit);
    }
    status_t status = process_get(pid, &p);
    if (status != OK) {
        return status;
    }
    // The table of another process is its own to change.
    bool may = signal_may_send(p, 0) && (new_limit == 0 || resource != LIMIT_NOFILE);
    int64_t result = may ? limit_of(p, resource, new_limit, old_limit) : ERR_PERM;
    process_unref(p);
    return result;
}

int64_t sys_getrlimit(uint32_t resource, vaddr_t limit)
{
    return limit == 0 ? ERR_FAULT : limit_of(process_current(), resource, 0, limit);
}

int64_t sys_setrlimit(uint32_t resource, vaddr_t limit)
{
    return limit == 0 ? ERR_FAULT : limit_of(process_current(), resource, limit, 0);
}

status_t usage_to_user(vaddr_t at, const struct process_usage *u)
{
    struct abi_rusage out = {.user = timeval_of(u->user_ns),
                             .system = timeval_of(u->system_ns),
                             .max_resident_kib =
                                 (int64_t)(u->max_resident_pages * (PAGE_SIZE / 1024))};
    return arch_copy_to_user(at, &out, sizeof(out)) == 0 ? OK : ERR_FAULT;
}

int64_t sys_getrusage(int32_t who, vaddr_t usage)
{
    struct process *p = process_current();
    struct process_usage u = {};
    switch (who) {
    case USAGE_SELF: process_usage(p, &u); break;
    case USAGE_THREAD: process_add_times(&u, thread_current()); break;
    case USAGE_CHILDREN: process_children_usage(&u); break;
    default: return ERR_INVAL;
    }
    return usage_to_user(usage, &u);
}
