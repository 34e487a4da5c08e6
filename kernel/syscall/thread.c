// SPDX-License-Identifier: Apache-2.0
/* What a thread tells the kernel of itself. */
#include "abi/gen/syscall_handlers.h"
#include "kernel/proc/process.h"
#include "lib/base/string.h"

enum {
    ROBUST_HEAD_SIZE = 24,
    PR_GET_DUMPABLE = 3,
    PR_SET_DUMPABLE = 4,
    PR_SET_NAME = 15,
    PR_GET_NAME = 16,
    PR_SET_NO_NEW_PRIVS = 38,
    PR_GET_NO_NEW_PRIVS = 39,
    THREAD_NAME_BYTES = 16, // of prctl(2), with the NUL
};

int64_t sys_set_robust_list(vaddr_t head, uint64_t size)
{
    if (size != ROBUST_HEAD_SIZE) {
        return ERR_INVAL;
    }
    uthread_current()->robust_list = head;
    return 0;
}

int64_t sys_get_robust_list(int32_t tid, vaddr_t head, vaddr_t size)
{
    uint64_t bytes = ROBUST_HEAD_SIZE;
    vaddr_t own = uthread_current()->robust_list;
    if (tid != 0 && tid != uthread_current()->tid) {
        return ERR_PERM; // a thread's own business
    }
    return arch_copy_to_user(head, &own, sizeof(own)) == 0 &&
                   arch_copy_to_user(size, &bytes, sizeof(bytes)) == 0
               ? OK
               : ERR_FAULT;
}

static status_t set_name(vaddr_t at)
{
    char name[THREAD_NAME_BYTES] = "";
    size_t len;
    struct thread *t = thread_current();
    status_t status = arch_copy_string_from_user(name, at, sizeof(name), &len);
    if (status == ERR_NAMETOOLONG) {
        status = arch_copy_from_user(name, at, sizeof(name) - 1) == 0 ? OK : ERR_FAULT;
        name[sizeof(name) - 1] = '\0';
    }
    if (status == OK) {
        memcpy(t->name, name, sizeof(name));
    }
    return status;
}

int64_t sys_prctl(int32_t option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    (void)b;
    (void)c;
    (void)d;
    switch (option) {
    case PR_SET_NAME: return set_name(a);
    case PR_GET_NAME:
        return arch_copy_to_user(a, thread_current()->name, THREAD_NAME_BYTES) == 0 ? OK
                                                                                    : ERR_FAULT;
    case PR_GET_DUMPABLE: return 0; // there are no core files
    case PR_SET_DUMPABLE: return a == 0 ? OK : ERR_INVAL;
    // Nothing gives a program more than its caller had.
    case PR_SET_NO_NEW_PRIVS: return a == 1 ? OK : ERR_INVAL;
    case PR_GET_NO_NEW_PRIVS: return 1;
    default: return ERR_INVAL;
    }
}

int64_t sys_getcpu(vaddr_t cpu, vaddr_t node)
{
    uint32_t index = cpu_this()->index;
    uint32_t zero = 0;
    if ((cpu != 0 && arch_copy_to_user(cpu, &index, sizeof(index)) != 0) ||
        (node != 0 && arch_copy_to_user(node, &zero, sizeof(zero)) != 0)) {
        return ERR_FAULT;
    }
    return 0;
}
