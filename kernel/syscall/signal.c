// SPDX-License-Identifier: Apache-2.0
/* Signals. */
#include "kernel/proc/signal.h"

#include "abi/gen/syscall_handlers.h"
#include "kernel/core/time.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/timespec.h"
#include "lib/base/bits.h"

enum { SET_SIZE = sizeof(uint64_t) };

static status_t get_set(vaddr_t at, uint64_t size, uint64_t *out)
{
    if (size != SET_SIZE) {
        return ERR_INVAL;
    }
    return arch_copy_from_user(out, at, sizeof(*out)) == 0 ? OK : ERR_FAULT;
}

static struct signal_info from_caller(int32_t signal, int code)
{
    struct process *self = process_current();
    struct cred *c = process_get_cred(self);
    struct signal_info info = {
        .signal = signal,
        .code = code,
        .pid = self->pid,
        .uid = c->principal,
        .sender = self->pid,
    };
    cred_unref(c);
    return info;
}

int64_t sys_kill(int32_t pid, int32_t signal)
{
    struct signal_info info = from_caller(signal, ABI_SI_USER);
    return process_kill(pid, &info);
}

int64_t sys_tkill(int32_t tid, int32_t signal)
{
    struct signal_info info = from_caller(signal, ABI_SI_TKILL);
    return process_kill_thread(0, tid, &info);
}

int64_t sys_tgkill(int32_t pid, int32_t tid, int32_t signal)
{
    struct signal_info info = from_caller(signal, ABI_SI_TKILL);
    return pid <= 0 ? ERR_INVAL : process_kill_thread(pid, tid, &info);
}

// What a program sends in its own words; only the kernel's codes are the kernel's.
static status_t from_words(int32_t pid, int32_t signal, vaddr_t at, struct signal_info *out)
{
    struct abi_siginfo in;
    if (arch_copy_from_user(&in, at, sizeof(in)) != 0) {
        return ERR_FAULT;
    }
    pid_t self = process_current()->pid;
    if ((in.code >= 0 || in.code == ABI_SI_TKILL) && pid != self) {
        return ERR_PERM;
    }
    *out = (struct signal_info){
        .signal = signal,
        .code = in.code,
        .pid = in.pid,
        .uid = in.uid,
        .value = in.value,
        .sender = self,
    };
    return OK;
}

int64_t sys_rt_sigqueueinfo(int32_t pid, int32_t signal, vaddr_t info)
{
    struct signal_info said;
    status_t status = from_words(pid, signal, info, &said);
    if (status != OK) {
        return status;
    }
    return pid <= 0 ? ERR_SRCH : process_kill(pid, &said);
}

int64_t sys_rt_tgsigqueueinfo(int32_t pid, int32_t tid, int32_t signal, vaddr_t info)
{
    struct signal_info said;
    status_t status = from_words(pid, signal, info, &said);
    if (status != OK) {
        return status;
    }
    return pid <= 0 ? ERR_INVAL : process_kill_thread(pid, tid, &said);
}

int64_t sys_rt_sigaction(int32_t signal, vaddr_t action, vaddr_t old, uint64_t set_size)
{
    struct abi_sigaction new_action;
    struct abi_sigaction old_action;
    if (set_size != SET_SIZE) {
        return ERR_INVAL;
    }
    if (action != 0 && arch_copy_from_user(&new_action, action, sizeof(new_action)) != 0) {
        return ERR_FAULT;
    }
    status_t status = signal_action(signal, action != 0 ? &new_action : NULL, &old_action);
    if (status != OK) {
        return status;
    }
    return old == 0 || arch_copy_to_user(old, &old_action, sizeof(old_action)) == 0 ? OK
                                                                                    : ERR_FAULT;
}

int64_t sys_rt_sigprocmask(int32_t how, vaddr_t set, vaddr_t old, uint64_t set_size)
{
    uint64_t mask = uthread_current()->signals.mask;
    uint64_t bits = 0;
    status_t status = set_size != SET_SIZE ? ERR_INVAL : OK;
    if (status == OK && set != 0) {
        status = get_set(set, set_size, &bits);
    }
    if (status != OK) {
        return status;
    }
    if (set != 0) {
        switch (how) {
        case ABI_SIG_BLOCK: (void)signal_set_mask(mask | bits); break;
        case ABI_SIG_UNBLOCK: (void)signal_set_mask(mask & ~bits); break;
        case ABI_SIG_SETMASK: (void)signal_set_mask(bits); break;
        default: return ERR_INVAL;
        }
    }
    return old == 0 || arch_copy_to_user(old, &mask, sizeof(mask)) == 0 ? OK : ERR_FAULT;
}

int64_t sys_rt_sigpending(vaddr_t set, uint64_t set_size)
{
    uint64_t pending = signal_pending_set();
    if (set_size > SET_SIZE) {
        return ERR_INVAL;
    }
    return arch_copy_to_user(set, &pending, set_size) == 0 ? OK : ERR_FAULT;
}

int64_t sys_rt_sigsuspend(vaddr_t set, uint64_t set_size)
{
    uint64_t mask;
    status_t status = get_set(set, set_size, &mask);
    if (status != OK) {
        return status;
    }
    signal_set_mask_for_call(mask);
    while (!thread_is_notified(thread_current())) {
        thread_park();
    }
    return ERR_INTR;
}

static status_t wait_for_signal(uint64_t set, nsec_t deadline, struct signal_info *info)
{
    signal_await(set);
    bool is_taken = signal_take(set, info);
    bool is_over = is_taken;
    while (!is_over && !thread_is_notified(thread_current())) {
        is_over = thread_sleep_until(deadline, WAIT_INTERRUPTIBLE) == OK;
    }
    is_taken = is_taken || signal_take(set, info);
    signal_await(0);
    return is_taken ? OK : is_over ? ERR_AGAIN : ERR_INTR;
}

int64_t sys_rt_sigtimedwait(vaddr_t set, vaddr_t info, vaddr_t timeout, uint64_t set_size)
{
    uint64_t wanted;
    nsec_t deadline;
    struct signal_info got;
    status_t status = get_set(set, set_size, &wanted);
    if (status == OK) {
        status = deadline_from_user(timeout, &deadline);
    }
    if (status == OK) {
        status = wait_for_signal(wanted, deadline, &got);
    }
    if (status != OK) {
        return status;
    }
    struct abi_siginfo out;
    signal_info_to_user(&got, &out);
    if (info != 0 && arch_copy_to_user(info, &out, sizeof(out)) != 0) {
        return ERR_FAULT;
    }
    return got.signal;
}

int64_t sys_rt_sigreturn(void)
{
    uint64_t mask;
    struct arch_frame *frame = arch_user_frame(thread_current());
    if (arch_signal_leave(frame, &mask) != OK) {
        struct signal_info info = {
            .signal = SIGSEGV, .code = ABI_SEGV_MAPERR, .value = arch_frame_stack(frame)};
        (void)signal_force(&info);
        return 0;
    }
    (void)signal_set_mask(mask);
    signal_frame_changed();
    return arch_frame_result(frame); // what the way out stores is what stands there
}

int64_t sys_sigaltstack(vaddr_t stack, vaddr_t old)
{
    struct abi_sigaltstack *own = &uthread_current()->signals.stack;
    vaddr_t sp = arch_frame_stack(arch_user_frame(thread_current()));
    bool is_in_use =
        (own->flags & ABI_SS_DISABLE) == 0 && sp > own->base && sp - own->base <= own->size;
    struct abi_sigaltstack before = *own;
    before.flags = is_in_use ? ABI_SS_ONSTACK : before.flags;
    if (stack != 0) {
        struct abi_sigaltstack s;
        if (arch_copy_from_user(&s, stack, sizeof(s)) != 0) {
            return ERR_FAULT;
        }
        if (is_in_use) {
            return ERR_PERM;
        }
        if ((s.flags & ~ABI_SS_DISABLE) != 0) {
            return ERR_INVAL;
        }
        if ((s.flags & ABI_SS_DISABLE) == 0 && s.size < ABI_MINSIGSTKSZ) {
            return ERR_NOMEM;
        }
        *own =
            (s.flags & ABI_SS_DISABLE) != 0 ? (struct abi_sigaltstack){.flags = ABI_SS_DISABLE} : s;
    }
    return old == 0 || arch_copy_to_user(old, &before, sizeof(before)) == 0 ? OK : ERR_FAULT;
}
