// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall/publish.h"

#include "abi/fcntl.h"
#include "kernel/arch/arch.h"
#include "kernel/object/handle.h"
#include "kernel/proc/process.h"

static uint32_t slot_flags(uint32_t flags)
{
    return (flags & ABI_O_CLOEXEC) != 0 ? HANDLE_CLOEXEC : 0;
}

int64_t publish_file(struct file *f, rights_t rights, uint32_t flags)
{
    handle_t out;
    status_t status =
        handle_add(process_current()->handles, &f->object, rights, slot_flags(flags), &out);
    return status == OK ? out : status;
}

static status_t reserve_pair(struct handle_table *t, handle_t *pair)
{
    status_t status = handle_reserve(t, 0, &pair[0]);
    if (status != OK) {
        return status;
    }
    status = handle_reserve(t, 0, &pair[1]);
    if (status != OK) {
        handle_cancel(t, pair[0]);
    }
    return status;
}

int64_t publish_pair(struct file *first, struct file *second, rights_t more_rights, uint32_t flags,
                     vaddr_t pair)
{
    struct handle_table *t = process_current()->handles;
    handle_t handles[2];
    status_t status = reserve_pair(t, handles);
    if (status == OK && arch_copy_to_user(pair, handles, sizeof(handles)) != 0) {
        handle_cancel(t, handles[0]);
        handle_cancel(t, handles[1]);
        status = ERR_FAULT;
    }
    if (status != OK) {
        file_unref(first);
        file_unref(second);
        return status;
    }
    // No failure below.
    handle_publish(t, handles[0], &first->object, file_rights(first) | more_rights,
                   slot_flags(flags));
    handle_publish(t, handles[1], &second->object, file_rights(second) | more_rights,
                   slot_flags(flags));
    return 0;
}
