// SPDX-License-Identifier: Apache-2.0
/* Scheduling policies and nice values. */
#include "abi/gen/syscall_handlers.h"
#include "kernel/core/thread.h"
#include "kernel/proc/job.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/timespec.h"

// The values of musl's <sched.h> and <sys/resource.h>.
enum { POLICY_OTHER = 0, POLICY_FIFO = 1, POLICY_ROUND_ROBIN = 2 };
enum { PRIORITY_MIN = 1, PRIORITY_MAX = RT_PRIORITIES };
enum { OF_PROCESS = 0, OF_GROUP = 1, OF_USER = 2 };
enum { NICE_ZERO = 20 }; // what getpriority and RLIMIT_NICE count nice 0 as

static bool is_administrator(void)
{
    return grant_set_has(&process_current()->grants, 1u << SWOS_GRANT_PROCESS);
}

// A word that one who asks about a thread of another process may read without its lock.
static uint64_t limit_of(const struct uthread *t, enum process_limit which)
{
    return process_soft_limit(t->thread.process, which);
}

/* ---- Policies ---- */

struct change {
    int32_t policy; // -1: as it is
    int32_t priority;
};

static status_t get_class(struct uthread *t, void *context)
{
    *(struct thread_class *)context = thread_get_class(&t->thread);
    return OK;
}

static status_t find_class(int32_t tid, struct thread_class *out)
{
    return tid < 0 ? ERR_INVAL : process_with_thread(tid, THREAD_USE_LOOK, get_class, out);
}

// What anybody may do: give real-time up, or ask for no more of it than before or than the limit.
static status_t check_realtime(const struct uthread *t, const struct thread_class *now,
                               uint32_t priority)
{
    bool is_less = now->policy != THREAD_FAIR && priority <= now->priority + PRIORITY_MIN;
    return is_administrator() || is_less || priority <= limit_of(t, LIMIT_RTPRIO) ? OK : ERR_PERM;
}

static status_t change_class(struct uthread *t, void *context)
{
    const struct change *c = context;
    struct thread_class now = thread_get_class(&t->thread);
    enum thread_policy policy = c->policy == POLICY_OTHER         ? THREAD_FAIR
                                : c->policy == POLICY_FIFO        ? THREAD_FIFO
                                : c->policy == POLICY_ROUND_ROBIN ? THREAD_ROUND_ROBIN
                                                                  : now.policy;
    if (policy == THREAD_FAIR) {
        if (c->priority != 0) {
            return ERR_INVAL;
        }
        thread_set_fair(&t->thread);
        return OK;
    }
    if (c->priority < PRIORITY_MIN || c->priority > PRIORITY_MAX) {
        return ERR_INVAL;
    }
    status_t status = check_realtime(t, &now, (uint32_t)c->priority);
    return status == OK
               ? thread_set_realtime(&t->thread, policy, (uint32_t)c->priority - PRIORITY_MIN)
               : status;
}

static int64_t set_class(int32_t tid, int32_t policy, vaddr_t param)
{
    struct change c = {.policy = policy};
    if (tid < 0) {
        return ERR_INVAL;
    }
    if (arch_copy_from_user(&c.priority, param, sizeof(c.priority)) != 0) {
        return ERR_FAULT;
    }
    status_t status = process_with_thread(tid, THREAD_USE_CHANGE, change_class, &c);
    thread_preempt_point(); // it may have made itself less urgent
    return status;
}

int64_t sys_sched_setscheduler(int32_t pid, int32_t policy, vaddr_t param)
{
    return policy < POLICY_OTHER || policy > POLICY_ROUND_ROBIN ? ERR_INVAL
                                                                : set_class(pid, policy, param);
}

int64_t sys_sched_setparam(int32_t pid, vaddr_t param)
{
    return set_class(pid, -1, param);
}

int64_t sys_sched_getscheduler(int32_t pid)
{
    struct thread_class c;
    status_t status = find_class(pid, &c);
    if (status != OK) {
        return status;
    }
    return c.policy == THREAD_FIFO          ? POLICY_FIFO
           : c.policy == THREAD_ROUND_ROBIN ? POLICY_ROUND_ROBIN
                                            : POLICY_OTHER;
}

int64_t sys_sched_getparam(int32_t pid, vaddr_t param)
{
    struct thread_class c;
    status_t status = find_class(pid, &c);
    if (status != OK) {
        return status;
    }
    int32_t priority = c.policy == THREAD_FAIR ? 0 : (int32_t)c.priority + PRIORITY_MIN;
    return arch_copy_to_user(param, &priority, sizeof(priority)) == 0 ? OK : ERR_FAULT;
}

int64_t sys_sched_get_priority_max(int32_t policy)
{
    return policy == POLICY_OTHER                                  ? 0
           : policy == POLICY_FIFO || policy == POLICY_ROUND_ROBIN ? PRIORITY_MAX
                                                                   : ERR_INVAL;
}

int64_t sys_sched_get_priority_min(int32_t policy)
{
    return policy == POLICY_OTHER                                  ? 0
           : policy == POLICY_FIFO || policy == POLICY_ROUND_ROBIN ? PRIORITY_MIN
                                                                   : ERR_INVAL;
}

int64_t sys_sched_rr_get_interval(int32_t pid, vaddr_t interval)
{
    struct thread_class c;
    status_t status = find_class(pid, &c);
    return status == OK ? timespec_to_user(interval, thread_slice(c.policy)) : status;
}

/* ---- Nice values ---- */

// A walk over those that `which` and `who` name.
struct nice_walk {
    uint32_t which;
    int32_t who; // a group or a principal
    bool is_change;
    int32_t nice; // the new one; or the best found
    bool has_any;
    status_t status; // of the last that could not be changed
};

static void visit_thread(struct uthread *t, struct nice_walk *w)
{
    int32_t now = thread_get_class(&t->thread).nice;
    w->has_any = true;
    if (!w->is_change) {
        w->nice = now < w->nice ? now : w->nice;
        return;
    }
    bool may = w->nice >= now || is_administrator() ||
               (uint64_t)(NICE_ZERO - w->nice) <= limit_of(t, LIMIT_NICE);
    if (may) {
        thread_set_nice(&t->thread, w->nice);
    } else {
        w->status = ERR_ACCES;
    }
}

static void visit_process(struct process *p, struct nice_walk *w)
{
    if (w->is_change && !signal_may_send(p, 0)) {
        w->has_any = true;
        w->status = ERR_PERM;
        return;
    }
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    list_for_each (node, &p->threads) {
        visit_thread(container_of(node, struct uthread, link), w);
    }
    spin_unlock_irqrestore(&p->lock, flags);
}

static bool is_named(struct process *p, const struct nice_walk *w)
{
    pid_t group;
    pid_t session;
    if (!process_may_see(p)) {
        return false;
    }
    if (w->which == OF_GROUP) {
        return job_ids(p->pid, &group, &session) == OK && group == w->who;
    }
    struct cred *c = process_get_cred(p);
    bool is_theirs = c->principal == (uint32_t)w->who;
    cred_unref(c);
    return is_theirs;
}

static bool visit(void *context, struct process *p)
{
    if (is_named(p, context)) {
        visit_process(p, context);
    }
    return true;
}

static status_t visit_other_thread(struct uthread *t, void *context)
{
    visit_thread(t, context);
    return OK;
}

// A process with all its threads, or a thread that is not the first.
static status_t walk_process(int32_t who, struct nice_walk *w)
{
    struct process *p;
    if (who == 0) {
        visit_process(process_current(), w);
        return OK;
    }
    if (who < 0) {
        return ERR_SRCH;
    }
    if (process_get(who, &p) != OK) {
        return process_with_thread(who, w->is_change ? THREAD_USE_CHANGE : THREAD_USE_LOOK,
                                   visit_other_thread, w);
    }
    if (process_may_see(p)) {
        visit_process(p, w);
    }
    process_unref(p);
    return OK;
}

static status_t walk(uint32_t which, int32_t who, struct nice_walk *w)
{
    pid_t group;
    pid_t session;
    status_t status = OK;
    w->which = which;
    w->who = who;
    if (which == OF_PROCESS) {
        status = walk_process(who, w);
    } else if (which == OF_GROUP || which == OF_USER) {
        if (who == 0 && which == OF_GROUP) {
            status = job_ids(0, &group, &session);
            w->who = group;
        }
        process_for_each(0, visit, w);
    } else {
        status = ERR_INVAL;
    }
    return status != OK ? status : w->has_any ? w->status : ERR_SRCH;
}

int64_t sys_getpriority(uint32_t which, int32_t who)
{
    struct nice_walk w = {.nice = FAIR_NICE_MAX};
    status_t status = walk(which, who, &w);
    return status == OK ? NICE_ZERO - w.nice : status;
}

int64_t sys_setpriority(uint32_t which, int32_t who, int32_t nice)
{
    int32_t clamped = nice < FAIR_NICE_MIN   ? FAIR_NICE_MIN
                      : nice > FAIR_NICE_MAX ? FAIR_NICE_MAX
                                             : nice;
    struct nice_walk w = {.is_change = true, .nice = clamped};
    return walk(which, who, &w);
}
