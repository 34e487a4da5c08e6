// SPDX-License-Identifier: Apache-2.0
/* Handles: closing, duplicating, asking. */
#include "kernel/object/handle.h"

#include "abi/fcntl.h"
#include "abi/gen/syscall_handlers.h"
#include "abi/handle.h"
#include "kernel/arch/arch.h"
#include "kernel/proc/process.h"
#include "lib/base/bits.h"

static_assert((int)SWOS_HANDLE_GRANT == (int)OBJECT_GRANT &&
              (int)SWOS_HANDLE_DEVICE == OBJECT_DEVICE);

static struct handle_table *my_handles(void)
{
    return process_current()->handles;
}

int64_t sys_close(int32_t handle)
{
    return handle_close(my_handles(), handle);
}

int64_t sys_close_range(uint32_t first, uint32_t last, uint32_t flags)
{
    if (first > last || (flags & ~ABI_CLOSE_RANGE_CLOEXEC) != 0) {
        return ERR_INVAL;
    }
    handle_close_range(my_handles(), first, last, flags != 0);
    return 0;
}

static int64_t duplicate(int32_t handle, int32_t from, rights_t rights, uint32_t flags)
{
    handle_t out;
    status_t status = handle_duplicate(my_handles(), handle, from, rights, flags, &out);
    return status == OK ? out : status;
}

int64_t sys_dup(int32_t handle)
{
    return duplicate(handle, 0, SWIFTOS_RIGHT_ALL, 0);
}

int64_t sys_handle_duplicate(int32_t handle, uint32_t rights)
{
    return duplicate(handle, 0, rights, 0);
}

int64_t sys_dup3(int32_t handle, int32_t target, uint32_t flags)
{
    if (handle == target || (flags & ~ABI_O_CLOEXEC) != 0) {
        return ERR_INVAL;
    }
    uint32_t slot_flags = flags != 0 ? HANDLE_CLOEXEC : 0;
    status_t status =
        handle_duplicate_at(my_handles(), handle, target, SWIFTOS_RIGHT_ALL, slot_flags);
    return status == OK ? target : status;
}

int64_t sys_handle_info(int32_t handle, vaddr_t info, uint64_t size)
{
    struct handle_info i;
    status_t status = handle_info(my_handles(), handle, &i);
    if (status != OK) {
        return status;
    }
    struct swos_handle_info out = {.kind = i.type,
                                   .rights = i.rights,
                                   .badge = i.badge,
                                   .id = i.id.raw,
                                   .flags = i.flags,
                                   .grant = i.grant};
    return arch_copy_to_user(info, &out, u64_min(size, sizeof(out))) == 0 ? 0 : ERR_FAULT;
}

/* ---- Grants ---- */

int64_t sys_grant_open(uint32_t grant)
{
    struct grant *g;
    if (grant >= SWOS_GRANT_COUNT) {
        return ERR_INVAL;
    }
    status_t status = grant_set_get(&process_current()->grants, grant, &g);
    if (status != OK) {
        return status;
    }
    handle_t out;
    status = handle_add(my_handles(), &g->object,
                        SWIFTOS_RIGHT_TRANSFER | SWIFTOS_RIGHT_DUPLICATE | SWIFTOS_RIGHT_GETATTR,
                        HANDLE_CLOEXEC, &out);
    return status == OK ? out : status;
}

int64_t sys_grant_adopt(struct object *grant)
{
    if (grant->type != OBJECT_GRANT) {
        return ERR_INVAL;
    }
    return grant_set_adopt(&process_current()->grants, grant_of(grant));
}

int64_t sys_grant_drop(uint32_t grant)
{
    if (grant >= SWOS_GRANT_COUNT) {
        return ERR_INVAL;
    }
    grant_set_keep(&process_current()->grants, ~(1u << grant));
    return 0;
}

/* ---- ioctl ---- */

static int64_t set_nonblocking(struct file *f, vaddr_t argument)
{
    int32_t on;
    if (arch_copy_from_user(&on, argument, sizeof(on)) != 0) {
        return ERR_FAULT;
    }
    return file_set_flags(f, on != 0 ? FILE_NONBLOCK : 0, FILE_NONBLOCK);
}

static int64_t ioctl_file(struct file *f, uint32_t request, vaddr_t argument)
{
    int64_t result;
    if ((file_flags(f) & FILE_PATH) != 0) {
        return ERR_BADF;
    }
    if (request == ABI_FIONBIO) {
        return set_nonblocking(f, argument);
    }
    status_t status = file_ioctl(f, request, argument, &result);
    return status == OK ? result : status;
}

int64_t sys_ioctl(int32_t handle, uint32_t request, uint64_t argument)
{
    struct file *f;
    status_t status = handle_get_file(my_handles(), handle, 0, &f);
    if (status != OK) {
        return status;
    }
    int64_t result;
    switch (request) {
    case ABI_FIOCLEX: result = handle_set_flags(my_handles(), handle, HANDLE_CLOEXEC); break;
    case ABI_FIONCLEX: result = handle_set_flags(my_handles(), handle, 0); break;
    default: result = ioctl_file(f, request, argument); break;
    }
    file_unref(f);
    return result;
}
