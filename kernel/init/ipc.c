// SPDX-License-Identifier: Apache-2.0
/* What kernel/ipc is told of processes. */
#include "abi/signal.h"
#include "abi/wait.h"
#include "kernel/init/init.h"
#include "kernel/ipc/caller.h"
#include "kernel/ipc/epoll.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/syscall/socket_path.h"

static struct handle_table *handles(void)
{
    struct process *p = process_current();
    return p == NULL ? NULL : p->handles;
}

static void identity(struct caller_identity *out)
{
    struct process *p = process_current();
    if (p == NULL) {
        return;
    }
    struct cred *c = process_get_cred(p);
    *out = (struct caller_identity){.pid = p->pid, .principal = c->principal, .group = c->group};
    cred_unref(c);
}

static status_t grant(enum swos_grant kind, struct grant **out)
{
    struct process *p = process_current();
    if (p != NULL) {
        return grant_set_get(&p->grants, kind, out);
    }
    *out = NULL;
    return OK;
}

static void mask_restore(bool is_interrupted)
{
    if (!is_interrupted) {
        signal_end_mask_for_call();
    }
}

static bool take_signal(uint64_t set, struct abi_signal_record *out)
{
    struct signal_info info;
    if (!signal_take(set, &info)) {
        return false;
    }
    struct abi_siginfo words;
    signal_info_to_user(&info, &words);
    *out = (struct abi_signal_record){
        .signal = (uint32_t)words.signal,
        .error = words.error,
        .code = words.code,
        .pid = (uint32_t)words.pid,
        .principal = words.uid,
        .status = words.status,
        .value_int = (int32_t)words.value,
        .value = words.value,
        .user_time = (uint64_t)words.user_ticks,
        .system_time = (uint64_t)words.system_ticks,
    };
    return true;
}

static uint64_t file_limit(void)
{
    struct process *p = process_current();
    return p == NULL ? UINT64_MAX : process_soft_limit(p, LIMIT_FSIZE);
}

static const struct caller_ops caller = {
    .handles = handles,
    .identity = identity,
    .grant = grant,
    .mask_swap = signal_set_mask_for_call,
    .mask_restore = mask_restore,
    .file_limit = file_limit,
    .signal_take = take_signal,
    .signal_is_pending = signal_is_pending,
    .signal_source = signal_get_source,
};

void init_ipc(void)
{
    caller_set_ops(&caller);
    epoll_init();
    unix_init(&socket_path_ops);
}
