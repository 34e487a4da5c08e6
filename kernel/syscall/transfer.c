// SPDX-License-Identifier: Apache-2.0
/* Reading and writing open files. */
#include "kernel/syscall/transfer.h"

#include "abi/gen/syscall_handlers.h"
#include "kernel/arch/arch.h"
#include "kernel/ipc/caller.h"
#include "kernel/mm/heap.h"
#include "kernel/object/file.h"
#include "kernel/proc/signal.h"
#include "lib/base/bits.h"

int64_t transfer_result(const struct uio *u, size_t before, status_t status)
{
    if (u->left != before) {
        return (int64_t)(before - u->left);
    }
    if (status == ERR_PIPE) {
        signal_raise(SIGPIPE);
    }
    return file_limit_result(status);
}

int64_t file_limit_result(status_t status)
{
    // An offset that no file has is no affair of the limit.
    if (status == ERR_FBIG && caller_file_limit() != UINT64_MAX) {
        signal_raise(SIGXFSZ);
    }
    return status;
}

/* ---- One piece ---- */

int64_t sys_read(struct file *file, vaddr_t bytes, uint64_t size)
{
    struct uio u;
    uio_init_user(&u, bytes, u64_min(size, TRANSFER_MAX));
    size_t before = u.left;
    status_t status = file_read(file, &u);
    return transfer_result(&u, before, status);
}

int64_t sys_write(struct file *file, vaddr_t bytes, uint64_t size)
{
    struct uio u;
    uio_init_user(&u, bytes, u64_min(size, TRANSFER_MAX));
    size_t before = u.left;
    status_t status = file_write(file, &u);
    return transfer_result(&u, before, status);
}

int64_t sys_pread64(struct file *file, vaddr_t bytes, uint64_t size, int64_t offset)
{
    struct uio u;
    uio_init_user(&u, bytes, u64_min(size, TRANSFER_MAX));
    size_t before = u.left;
    status_t status = offset < 0 ? ERR_INVAL : file_pread(file, &u, (uint64_t)offset);
    return transfer_result(&u, before, status);
}

int64_t sys_pwrite64(struct file *file, vaddr_t bytes, uint64_t size, int64_t offset)
{
    struct uio u;
    uio_init_user(&u, bytes, u64_min(size, TRANSFER_MAX));
    size_t before = u.left;
    status_t status = offset < 0 ? ERR_INVAL : file_pwrite(file, &u, (uint64_t)offset);
    return transfer_result(&u, before, status);
}

/* ---- Several pieces ---- */

status_t transfer_vector_begin(struct transfer_vector *v, vaddr_t address, int32_t count)
{
    struct uio_segment *segments = v->small;
    v->memory = NULL;
    if (count < 0 || count > TRANSFER_SEGMENTS_MAX) {
        return ERR_INVAL;
    }
    if (count > TRANSFER_SEGMENTS_SMALL) {
        status_t status = heap_alloc_array((size_t)count, sizeof(*segments), &v->memory);
        if (status != OK) {
            return status;
        }
        segments = v->memory;
    }
    status_t status = ERR_FAULT;
    if (arch_copy_from_user(segments, address, (size_t)count * sizeof(*segments)) == 0) {
        status = uio_init_user_vector(&v->uio, segments, (unsigned)count);
    }
    if (status != OK) {
        heap_free(v->memory);
    }
    return status;
}

void transfer_vector_end(struct transfer_vector *v)
{
    heap_free(v->memory);
}

enum direction { READS, WRITES };

static int64_t transfer_vector(struct file *file, vaddr_t vector, int32_t count,
                               const uint64_t *offset, enum direction direction)
{
    struct transfer_vector v;
    status_t status = transfer_vector_begin(&v, vector, count);
    if (status != OK) {
        return status;
    }
    size_t before = v.uio.left;
    if (offset == NULL) {
        status = direction == READS ? file_read(file, &v.uio) : file_write(file, &v.uio);
    } else {
        status = direction == READS ? file_pread(file, &v.uio, *offset)
                                    : file_pwrite(file, &v.uio, *offset);
    }
    transfer_vector_end(&v);
    return transfer_result(&v.uio, before, status);
}

int64_t sys_readv(struct file *file, vaddr_t vector, int32_t count)
{
    return transfer_vector(file, vector, count, NULL, READS);
}

int64_t sys_writev(struct file *file, vaddr_t vector, int32_t count)
{
    return transfer_vector(file, vector, count, NULL, WRITES);
}

int64_t sys_preadv(struct file *file, vaddr_t vector, int32_t count, int64_t offset)
{
    uint64_t at = (uint64_t)offset;
    return offset < 0 ? ERR_INVAL : transfer_vector(file, vector, count, &at, READS);
}

int64_t sys_pwritev(struct file *file, vaddr_t vector, int32_t count, int64_t offset)
{
    uint64_t at = (uint64_t)offset;
    return offset < 0 ? ERR_INVAL : transfer_vector(file, vector, count, &at, WRITES);
}

int64_t sys_lseek(struct file *file, int64_t offset, uint32_t whence)
{
    uint64_t place;
    status_t status = file_seek(file, offset, whence, &place);
    return status == OK ? (int64_t)place : (int64_t)status;
}

int64_t sys_getdents64(struct file *file, vaddr_t bytes, uint64_t size)
{
    struct uio u;
    uio_init_user(&u, bytes, u64_min(size, TRANSFER_MAX));
    size_t before = u.left;
    if (file->ops->read_entries == NULL) {
        return ERR_NOTDIR;
    }
    mutex_lock(&file->position_lock);
    status_t status = file->ops->read_entries(file, &u, &file->position);
    mutex_unlock(&file->position_lock);
    return transfer_result(&u, before, status);
}
