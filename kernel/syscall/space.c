// SPDX-License-Identifier: Apache-2.0
/* Sizes of files, what is on the medium, advice, whole-file locks. */
#include "abi/fcntl.h"
#include "abi/gen/syscall_handlers.h"
#include "kernel/syscall/path.h"
#include "kernel/syscall/transfer.h"
#include "kernel/vfs/lock.h"
#include "kernel/vfs/mount.h"
#include "kernel/vfs/open.h"

/* ---- Size ---- */

static status_t truncate(struct vnode *v, const struct path_base *base, const void *argument)
{
    const uint64_t *size = argument;
    if (v->type == VNODE_DIRECTORY) {
        return ERR_ISDIR;
    }
    status_t status = vnode_may(v, base->who, WANT_WRITE);
    return status == OK ? vnode_truncate(v, *size) : status;
}

int64_t sys_truncate(vaddr_t path, int64_t size)
{
    uint64_t bytes = (uint64_t)size;
    return size < 0 ? ERR_INVAL : file_limit_result(path_call_act(NULL, path, 0, truncate, &bytes));
}

int64_t sys_ftruncate(struct file *file, int64_t size)
{
    if (size < 0 || file->ops->truncate == NULL || (file_flags(file) & FILE_WRITE) == 0) {
        return ERR_INVAL;
    }
    return file_limit_result(file->ops->truncate(file, (uint64_t)size));
}

int64_t sys_fallocate(struct file *file, uint32_t mode, int64_t offset, int64_t size)
{
    struct vnode *v = file_vnode(file);
    if (offset < 0 || size <= 0) {
        return ERR_INVAL;
    }
    if (v == NULL) {
        return file->ops->is_seekable ? ERR_NODEV : ERR_SPIPE;
    }
    if ((file_flags(file) & FILE_WRITE) == 0) {
        return ERR_BADF;
    }
    return file_limit_result(vnode_allocate(v, mode, (uint64_t)offset, (uint64_t)size));
}

int64_t sys_fadvise64(struct file *file, int64_t offset, int64_t size, int32_t advice)
{
    enum { ADVICE_MAX = 5 };
    (void)offset;
    if (!file->ops->is_seekable) {
        return ERR_SPIPE;
    }
    return size < 0 || advice < 0 || advice > ADVICE_MAX ? ERR_INVAL : OK;
}

/* ---- The medium ---- */

static int64_t sync_file(struct file *file, bool data_only)
{
    return file->ops->sync == NULL ? ERR_INVAL : file->ops->sync(file, data_only);
}

int64_t sys_fsync(struct file *file)
{
    return sync_file(file, false);
}

int64_t sys_fdatasync(struct file *file)
{
    return sync_file(file, true);
}

int64_t sys_sync_file_range(struct file *file, int64_t offset, int64_t size, uint32_t flags)
{
    enum { SYNC_FLAGS = 7 };
    if (!file->ops->is_seekable) {
        return ERR_SPIPE;
    }
    if (offset < 0 || size < 0 || (flags & ~(uint32_t)SYNC_FLAGS) != 0) {
        return ERR_INVAL;
    }
    return sync_file(file, true);
}

int64_t sys_sync(void)
{
    (void)mount_sync_all(); // has no way to say that it failed
    return 0;
}

int64_t sys_syncfs(struct file *file)
{
    struct vnode *v = file_vnode(file);
    if (v == NULL) {
        return ERR_INVAL;
    }
    return v->mount->ops->sync == NULL ? OK : v->mount->ops->sync(v->mount);
}

/* ---- Locks ---- */

int64_t sys_flock(struct file *file, int32_t operation)
{
    bool can_wait = (operation & ABI_LOCK_NB) == 0;
    switch (operation & ~ABI_LOCK_NB) {
    case ABI_LOCK_SH: return file_lock_whole(file, RANGE_READ, can_wait);
    case ABI_LOCK_EX: return file_lock_whole(file, RANGE_WRITE, can_wait);
    case ABI_LOCK_UN: return file_lock_whole(file, RANGE_UNLOCKED, can_wait);
    default: return ERR_INVAL;
    }
}
