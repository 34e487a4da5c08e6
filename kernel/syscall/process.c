// SPDX-License-Identifier: Apache-2.0
/* Processes, CPUs, time. */
#include "kernel/proc/process.h"

#include "abi/gen/syscall_handlers.h"
#include "abi/signal.h"
#include "kernel/proc/job.h"
#include "kernel/syscall/usage.h"

int64_t sys_null(void)
{
    return 0;
}

int64_t sys_exit_group(int32_t status)
{
    process_exit(wait_status_exited(status));
}

int64_t sys_exit(int32_t status)
{
    process_exit_thread(wait_status_exited(status));
}

int64_t sys_clone(uint64_t flags, uint64_t stack, vaddr_t parent_tid, uint64_t tls,
                  vaddr_t child_tid)
{
    pid_t pid;
    struct process_clone c = {.flags = flags,
                              .stack = stack,
                              .parent_tid = parent_tid,
                              .tls = tls,
                              .child_tid = child_tid};
    status_t status = process_clone(&c, &pid);
    return status == OK ? pid : status;
}

int64_t sys_fork(void)
{
    return sys_clone(SIGCHLD, 0, 0, 0, 0);
}

static status_t store_usage(vaddr_t at, const struct process_usage *u)
{
    return at == 0 ? OK : usage_to_user(at, u);
}

int64_t sys_wait4(int32_t pid, vaddr_t status_address, uint32_t options, vaddr_t usage)
{
    struct process_wait_result r;
    if ((options & ~(uint32_t)(ABI_WNOHANG | ABI_WUNTRACED | ABI_WCONTINUED)) != 0) {
        return ERR_INVAL;
    }
    if (pid == INT32_MIN) { // minus the number of no group
        return ERR_CHILD;
    }
    struct process_wait_request request = {.pid = pid, .options = options | ABI_WEXITED};
    status_t status = process_wait(&request, &r);
    if (status != OK || r.pid == 0) {
        return status;
    }
    if (status_address != 0 &&
        arch_copy_to_user(status_address, &r.wait_status, sizeof(r.wait_status)) != 0) {
        return ERR_FAULT;
    }
    status = store_usage(usage, &r.usage);
    return status == OK ? r.pid : status;
}

static void describe_wait(const struct process_wait_result *r, struct abi_siginfo *out)
{
    int signal = r->wait_status & 0x7f;
    *out = (struct abi_siginfo){.signal = SIGCHLD, .pid = r->pid, .uid = r->principal};
    if (r->wait_status == WAIT_STATUS_CONTINUED) {
        out->code = ABI_CLD_CONTINUED;
        out->status = SIGCONT;
    } else if (signal == 0x7f) {
        out->code = ABI_CLD_STOPPED;
        out->status = r->wait_status >> 8;
    } else {
        out->code = signal == 0 ? ABI_CLD_EXITED : ABI_CLD_KILLED;
        out->status = signal == 0 ? r->wait_status >> 8 : signal;
    }
}

int64_t sys_waitid(uint32_t type, int32_t id, vaddr_t info, uint32_t options, vaddr_t usage)
{
    enum : uint32_t {
        EVENTS = ABI_WEXITED | ABI_WUNTRACED | ABI_WCONTINUED,
        KNOWN = EVENTS | ABI_WNOHANG | ABI_WNOWAIT,
    };
    struct process_wait_result r;
    struct process_wait_request request = {.pid = -1, .options = options};
    if ((options & ~KNOWN) != 0 || (options & EVENTS) == 0 || (type == ABI_P_PID && id <= 0) ||
        (type == ABI_P_PGID && id < 0)) {
        return ERR_INVAL;
    }
    switch (type) {
    case ABI_P_ALL: break;
    case ABI_P_PID: request.pid = id; break;
    case ABI_P_PGID: request.pid = -id; break;
    default: return ERR_INVAL;
    }
    status_t status = process_wait(&request, &r);
    if (status != OK) {
        return status;
    }
    struct abi_siginfo out = {};
    if (r.pid != 0) {
        describe_wait(&r, &out);
    }
    if (info != 0 && arch_copy_to_user(info, &out, sizeof(out)) != 0) {
        return ERR_FAULT;
    }
    return store_usage(usage, &r.usage);
}

int64_t sys_getppid(void)
{
    return process_parent_pid();
}

int64_t sys_gettid(void)
{
    return uthread_current()->tid;
}

int64_t sys_set_tid_address(vaddr_t word)
{
    uthread_current()->clear_tid = word;
    return uthread_current()->tid;
}

int64_t sys_setpgid(int32_t pid, int32_t group)
{
    return job_set_group(pid, group);
}

int64_t sys_getpgid(int32_t pid)
{
    pid_t group;
    pid_t session;
    status_t status = pid < 0 ? ERR_SRCH : job_ids(pid, &group, &session);
    return status == OK ? group : status;
}

int64_t sys_setsid(void)
{
    pid_t session;
    status_t status = job_set_session(&session);
    return status == OK ? session : status;
}

int64_t sys_getsid(int32_t pid)
{
    pid_t group;
    pid_t session;
    status_t status = pid < 0 ? ERR_SRCH : job_ids(pid, &group, &session);
    return status == OK ? session : status;
}

int64_t sys_getpid(void)
{
    return process_current()->pid;
}

int64_t sys_sched_yield(void)
{
    thread_yield();
    return 0;
}
