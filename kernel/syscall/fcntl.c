// SPDX-License-Identifier: Apache-2.0
/* fcntl: flags and duplicates of handles, record locks, sizes of pipes. */
#include "abi/fcntl.h"

#include "abi/gen/syscall_handlers.h"
#include "abi/handle.h"
#include "abi/stat.h"
#include "kernel/arch/arch.h"
#include "kernel/ipc/pipe.h"
#include "kernel/proc/process.h"
#include "kernel/vfs/lock.h"

/* ---- Flags ---- */

static int64_t duplicate_from(int32_t handle, uint64_t from, uint32_t flags)
{
    struct handle_table *t = process_current()->handles;
    handle_t out;
    if (from >= handle_limit(t)) {
        struct handle_info info;
        return handle_info(t, handle, &info) == OK ? ERR_INVAL : ERR_BADF;
    }
    status_t status = handle_duplicate(t, handle, (handle_t)from, SWIFTOS_RIGHT_ALL, flags, &out);
    return status == OK ? out : status;
}

static int64_t get_handle_flags(int32_t handle)
{
    struct handle_info info;
    status_t status = handle_info(process_current()->handles, handle, &info);
    if (status != OK) {
        return status;
    }
    return (info.flags & HANDLE_CLOEXEC) != 0 ? ABI_FD_CLOEXEC : 0;
}

static int64_t set_handle_flags(int32_t handle, uint64_t flags)
{
    return handle_set_flags(process_current()->handles, handle,
                            (flags & ABI_FD_CLOEXEC) != 0 ? HANDLE_CLOEXEC : 0);
}

static int64_t get_file_flags(const struct file *f)
{
    uint32_t flags = file_flags(f);
    uint32_t out = flags & (FILE_STATUS_MASK | FILE_PATH);
    if ((flags & FILE_WRITE) != 0) {
        out |= (flags & FILE_READ) != 0 ? ABI_O_RDWR : ABI_O_WRONLY;
    }
    return out;
}

/* ---- Record locks ---- */

static status_t lock_base(struct file *f, int whence, uint64_t *base)
{
    enum { SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2 };
    if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END) {
        return ERR_INVAL;
    }
    if (whence == SEEK_END) {
        return f->ops->size == NULL ? ERR_INVAL : f->ops->size(f, base);
    }
    *base = 0;
    return whence == SEEK_SET ? OK : file_seek(f, 0, SEEK_CUR, base);
}

// The bytes that `l` names: a negative size names those before its start.
static status_t lock_range(struct file *f, const struct abi_flock *l, struct lock_request *r)
{
    uint64_t base;
    int64_t start;
    int64_t end;
    status_t status = lock_base(f, l->whence, &base);
    if (status != OK) {
        return status;
    }
    if (__builtin_add_overflow((int64_t)base, l->start, &start) ||
        __builtin_add_overflow(start, l->size, &end)) {
        return ERR_OVERFLOW;
    }
    if (l->size < 0) {
        int64_t swapped = start;
        start = end;
        end = swapped;
    }
    if (start < 0) {
        return ERR_INVAL;
    }
    r->start = (uint64_t)start;
    r->end = l->size == 0 ? UINT64_MAX : (uint64_t)end - 1;
    return OK;
}

static status_t lock_kind(int16_t type, enum range_lock_kind *out)
{
    switch (type) {
    case ABI_F_RDLCK: *out = RANGE_READ; return OK;
    case ABI_F_WRLCK: *out = RANGE_WRITE; return OK;
    case ABI_F_UNLCK: *out = RANGE_UNLOCKED; return OK;
    default: return ERR_INVAL;
    }
}

static status_t lock_request(struct file *f, const struct abi_flock *l, bool is_open_file,
                             struct lock_request *out)
{
    *out =
        (struct lock_request){.owner = process_current()->handles, .pid = process_current()->pid};
    if (is_open_file) {
        if (l->pid != 0) {
            return ERR_INVAL;
        }
        out->owner = f;
        out->pid = -1;
        out->is_open_file = true;
    }
    status_t status = lock_kind(l->type, &out->kind);
    return status == OK ? lock_range(f, l, out) : status;
}

static void report_lock(const struct lock_request *r, struct abi_flock *l)
{
    if (r->kind == RANGE_UNLOCKED) {
        l->type = ABI_F_UNLCK;
        return;
    }
    l->type = r->kind == RANGE_READ ? ABI_F_RDLCK : ABI_F_WRLCK;
    l->whence = 0;
    l->start = (int64_t)r->start;
    l->size = r->end == UINT64_MAX ? 0 : (int64_t)(r->end - r->start + 1);
    l->pid = r->pid;
}

static int64_t query_lock(struct file *f, vaddr_t argument, bool is_open_file)
{
    struct abi_flock l;
    struct lock_request r;
    if (arch_copy_from_user(&l, argument, sizeof(l)) != 0) {
        return ERR_FAULT;
    }
    status_t status = lock_request(f, &l, is_open_file, &r);
    if (status == OK && r.kind == RANGE_UNLOCKED) {
        status = ERR_INVAL;
    }
    if (status == OK) {
        status = file_lock_query(f, &r);
    }
    if (status != OK) {
        return status;
    }
    report_lock(&r, &l);
    return arch_copy_to_user(argument, &l, sizeof(l)) == 0 ? 0 : ERR_FAULT;
}

static int64_t set_lock(struct file *f, vaddr_t argument, bool is_open_file, bool can_wait)
{
    struct abi_flock l;
    struct lock_request r;
    if (arch_copy_from_user(&l, argument, sizeof(l)) != 0) {
        return ERR_FAULT;
    }
    status_t status = lock_request(f, &l, is_open_file, &r);
    if (status != OK) {
        return status;
    }
    r.can_wait = can_wait;
    status = file_lock_record(f, &r);
    return status == ERR_NOMEM ? ERR_NOLCK : status;
}

/* ---- The call ---- */

/* ---- Pipes ---- */

static int64_t pipe_size(struct file *f)
{
    uint32_t size;
    status_t status = pipe_capacity(f, &size);
    return status == OK ? (int64_t)size : status;
}

static int64_t set_pipe_size(struct file *f, uint64_t wanted)
{
    uint32_t size;
    status_t status = pipe_set_capacity(f, (uint32_t)wanted, &size);
    return status == OK ? (int64_t)size : status;
}

static int64_t on_file(struct file *f, int32_t command, uint64_t argument)
{
    if (command == ABI_F_GETFL) {
        return get_file_flags(f);
    }
    if ((file_flags(f) & FILE_PATH) != 0) {
        return ERR_BADF;
    }
    switch (command) {
    case ABI_F_SETFL: return file_set_flags(f, (uint32_t)argument, FILE_STATUS_SETTABLE);
    case ABI_F_GETLK: return query_lock(f, argument, false);
    case ABI_F_SETLK: return set_lock(f, argument, false, false);
    case ABI_F_SETLKW: return set_lock(f, argument, false, true);
    case ABI_F_OFD_GETLK: return query_lock(f, argument, true);
    case ABI_F_OFD_SETLK: return set_lock(f, argument, true, false);
    case ABI_F_OFD_SETLKW: return set_lock(f, argument, true, true);
    case ABI_F_GETPIPE_SZ: return pipe_size(f);
    case ABI_F_SETPIPE_SZ: return set_pipe_size(f, argument);
    default: return ERR_INVAL;
    }
}

int64_t sys_fcntl(int32_t handle, int32_t command, uint64_t argument)
{
    switch (command) {
    case ABI_F_DUPFD: return duplicate_from(handle, (uint32_t)argument, 0);
    case ABI_F_DUPFD_CLOEXEC: return duplicate_from(handle, (uint32_t)argument, HANDLE_CLOEXEC);
    case ABI_F_GETFD: return get_handle_flags(handle);
    case ABI_F_SETFD: return set_handle_flags(handle, argument);
    default: break;
    }
    struct file *f;
    status_t status = handle_get_file(process_current()->handles, handle, 0, &f);
    if (status != OK) {
        return status;
    }
    int64_t result = on_file(f, command, argument);
    file_unref(f);
    return result;
}
