// SPDX-License-Identifier: Apache-2.0
/* Attributes of files: stat, access, mode, owner, times. */
#include "abi/fcntl.h"
#include "abi/gen/syscall_handlers.h"
#include "abi/stat.h"
#include "kernel/arch/arch.h"
#include "kernel/core/time.h"
#include "kernel/syscall/decode.h"
#include "kernel/syscall/path.h"
#include "kernel/vfs/change.h"
#include "kernel/vfs/open.h"

static int64_t put_stat(const struct abi_stat *s, vaddr_t stat)
{
    return arch_copy_to_user(stat, s, sizeof(*s)) == 0 ? 0 : ERR_FAULT;
}

int64_t sys_fstat(struct file *file, vaddr_t stat)
{
    struct abi_stat s = {};
    status_t status = file->ops->stat == NULL ? ERR_BADF : file->ops->stat(file, &s);
    return status == OK ? put_stat(&s, stat) : (int64_t)status;
}

static status_t find_stat(struct path_call *c, uint32_t flags, struct abi_stat *out)
{
    struct vnode *v;
    if (c->path.size == 0 && c->at != NULL) {
        return c->at->ops->stat == NULL ? ERR_BADF : c->at->ops->stat(c->at, out);
    }
    bool follows = (flags & ABI_AT_SYMLINK_NOFOLLOW) == 0;
    status_t status = path_call_find(c, follows ? PATH_FOLLOW : PATH_NOFOLLOW, &v);
    if (status == OK) {
        status = vnode_stat(v, out);
        vnode_unref(v);
    }
    return status;
}

static enum path_call_empty empty_of(uint32_t flags)
{
    return (flags & ABI_AT_EMPTY_PATH) != 0 ? PATH_MAY_BE_EMPTY : PATH_NOT_EMPTY;
}

int64_t sys_newfstatat(struct file *dir, vaddr_t path, vaddr_t stat, uint32_t flags)
{
    const uint32_t known = ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_NO_AUTOMOUNT | ABI_AT_EMPTY_PATH;
    struct path_call c;
    struct abi_stat s = {};
    if ((flags & ~known) != 0) {
        return ERR_INVAL;
    }
    status_t status = path_call_begin(&c, dir, path, empty_of(flags));
    if (status != OK) {
        return status;
    }
    status = find_stat(&c, flags, &s);
    path_call_end(&c);
    return status == OK ? put_stat(&s, stat) : (int64_t)status;
}

/* ---- Access ---- */

static status_t check_access(struct vnode *v, const struct path_base *base, const void *argument)
{
    const uint32_t *want = argument;
    return vnode_may(v, base->who, *want);
}

int64_t sys_faccessat2(struct file *dir, vaddr_t path, uint32_t mode, uint32_t flags)
{
    const uint32_t known = ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_EACCESS | ABI_AT_EMPTY_PATH;
    if ((flags & ~known) != 0 || (mode & ~(ABI_R_OK | ABI_W_OK | ABI_X_OK)) != 0) {
        return ERR_INVAL;
    }
    return path_call_act(dir, path, flags, check_access, &mode);
}

int64_t sys_faccessat(struct file *dir, vaddr_t path, uint32_t mode)
{
    return sys_faccessat2(dir, path, mode, 0);
}

/* ---- Mode and owner ---- */

// The same for an open file; ERR_INVAL: it is not one of a file system.
static status_t act_on_file(struct file *f, path_act_t act, const void *argument)
{
    struct path_call c;
    struct vnode *v = file_vnode(f);
    if (v == NULL) {
        return ERR_INVAL;
    }
    path_call_begin_handle(&c);
    status_t status = act(v, &c.base, argument);
    path_call_end(&c);
    return status;
}

static status_t set_mode(struct vnode *v, const struct path_base *base, const void *argument)
{
    const uint32_t *mode = argument;
    return vfs_set_mode(v, base, *mode);
}

int64_t sys_fchmod(struct file *file, uint32_t mode)
{
    return act_on_file(file, set_mode, &mode);
}

int64_t sys_fchmodat2(struct file *dir, vaddr_t path, uint32_t mode, uint32_t flags)
{
    if ((flags & ~(ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_EMPTY_PATH)) != 0) {
        return ERR_INVAL;
    }
    return path_call_act(dir, path, flags, set_mode, &mode);
}

int64_t sys_fchmodat(struct file *dir, vaddr_t path, uint32_t mode)
{
    return sys_fchmodat2(dir, path, mode, 0);
}

struct owner_pair {
    uint32_t owner;
    uint32_t group;
};

static status_t set_owner(struct vnode *v, const struct path_base *base, const void *argument)
{
    const struct owner_pair *pair = argument;
    return vfs_set_owner(v, base, pair->owner, pair->group);
}

int64_t sys_fchown(struct file *file, uint32_t owner, uint32_t group)
{
    struct owner_pair pair = {owner, group};
    return act_on_file(file, set_owner, &pair);
}

int64_t sys_fchownat(struct file *dir, vaddr_t path, uint32_t owner, uint32_t group, uint32_t flags)
{
    struct owner_pair pair = {owner, group};
    if ((flags & ~(ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_EMPTY_PATH)) != 0) {
        return ERR_INVAL;
    }
    return path_call_act(dir, path, flags, set_owner, &pair);
}

/* ---- Times ---- */

static status_t one_time(const struct abi_timespec *t, uint32_t bit, nsec_t now,
                         struct vfs_times *times, nsec_t *out)
{
    if (t->nanoseconds == ABI_UTIME_OMIT) {
        return OK;
    }
    times->mask |= bit;
    if (t->nanoseconds == ABI_UTIME_NOW) {
        *out = now;
        return OK;
    }
    if (t->nanoseconds < 0 || t->nanoseconds >= (int64_t)NSEC_PER_SEC || t->seconds < 0 ||
        (uint64_t)t->seconds > UINT64_MAX / NSEC_PER_SEC - 1) {
        return ERR_INVAL;
    }
    *out = (nsec_t)t->seconds * NSEC_PER_SEC + (nsec_t)t->nanoseconds;
    return OK;
}

static status_t get_times(vaddr_t address, struct vfs_times *out)
{
    struct abi_timespec t[2] = {{.nanoseconds = ABI_UTIME_NOW}, {.nanoseconds = ABI_UTIME_NOW}};
    nsec_t now = time_wall();
    *out = (struct vfs_times){};
    if (address != 0 && arch_copy_from_user(t, address, sizeof(t)) != 0) {
        return ERR_FAULT;
    }
    out->is_now = t[0].nanoseconds == ABI_UTIME_NOW && t[1].nanoseconds == ABI_UTIME_NOW;
    status_t status = one_time(&t[0], ATTR_ACCESSED, now, out, &out->accessed);
    return status == OK ? one_time(&t[1], ATTR_MODIFIED, now, out, &out->modified) : status;
}

static status_t set_times(struct vnode *v, const struct path_base *base, const void *argument)
{
    const struct vfs_times *times = argument;
    return times->mask == 0 ? OK : vfs_set_times(v, base, times);
}

int64_t sys_utimensat(int32_t dir, vaddr_t path, vaddr_t times, uint32_t flags)
{
    struct vfs_times t;
    struct file *at;
    if ((flags & ~(ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_EMPTY_PATH)) != 0) {
        return ERR_INVAL;
    }
    status_t status = get_times(times, &t);
    if (status != OK) {
        return status;
    }
    status = path == 0 ? decode_file(dir, 0, &at) : decode_at(dir, path, &at);
    if (status != OK) {
        return status;
    }
    status =
        path == 0 ? act_on_file(at, set_times, &t) : path_call_act(at, path, flags, set_times, &t);
    decode_drop_at(at);
    return status;
}
