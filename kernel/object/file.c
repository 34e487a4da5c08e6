// SPDX-License-Identifier: Apache-2.0
#include "kernel/object/file.h"

#include <stdatomic.h>

enum { SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2 };

static void (*left_hook)(struct file *f); // [I] after boot

void file_set_left_hook(void (*left)(struct file *f))
{
    left_hook = left;
}

static void file_last_handle(struct object *o)
{
    struct file *f = file_of(o);
    // Who adds the file to a set looks at the handles after it has put the item on the list; with this
    // fence one of the two sees the other.
    atomic_thread_fence(memory_order_seq_cst);
    if (UNLIKELY(!list_is_empty(&f->sets)) && left_hook != NULL) {
        left_hook(f);
    }
    if (f->ops->last_handle != NULL) {
        f->ops->last_handle(f);
    }
}

static void file_destroy(struct object *o)
{
    struct file *f = file_of(o);
    f->ops->release(f);
}

static const struct object_ops file_object_ops = {
    .name = "file", .last_handle = file_last_handle, .destroy = file_destroy};

void file_init(struct file *f, const struct file_ops *ops, uint32_t flags)
{
    object_init(&f->object, OBJECT_FILE, &file_object_ops);
    f->ops = ops;
    atomic_init(&f->flags, flags);
    mutex_init(&f->position_lock, "file position", RANK_FILE);
    f->position = 0;
    spin_init(&f->sets_lock, "sets of a file", RANK_OBJECT);
    list_init(&f->sets);
}

rights_t file_rights(const struct file *f)
{
    uint32_t flags = file_flags(f);
    rights_t rights = SWIFTOS_RIGHT_DUPLICATE | SWIFTOS_RIGHT_TRANSFER | SWIFTOS_RIGHT_GETATTR |
                      SWIFTOS_RIGHT_WAIT;
    if (f->ops->read_entries != NULL) {
        rights |= SWIFTOS_RIGHT_LOOKUP;
    }
    if ((flags & FILE_PATH) != 0) {
        return rights | SWIFTOS_RIGHT_EXECUTE;
    }
    rights |= SWIFTOS_RIGHT_SETATTR;
    if ((flags & FILE_READ) != 0) {
        rights |= SWIFTOS_RIGHT_READ | SWIFTOS_RIGHT_MAP | SWIFTOS_RIGHT_EXECUTE;
    }
    return (flags & FILE_WRITE) != 0 ? rights | SWIFTOS_RIGHT_WRITE : rights;
}

typedef status_t (*transfer_t)(struct file *f, struct uio *u, uint64_t *position);

static status_t check_transfer(const struct file *f, uint32_t need, transfer_t op)
{
    if ((file_flags(f) & need) == 0) {
        return ERR_BADF;
    }
    return op == NULL ? ERR_INVAL : OK;
}

static status_t transfer(struct file *f, struct uio *u, transfer_t op)
{
    size_t before = u->left;
    status_t status;
    if (!f->ops->is_seekable) {
        status = op(f, u, NULL);
    } else {
        mutex_lock(&f->position_lock);
        status = op(f, u, &f->position);
        mutex_unlock(&f->position_lock);
    }
    return u->left != before ? OK : status;
}

status_t file_read(struct file *f, struct uio *u)
{
    status_t status = check_transfer(f, FILE_READ, f->ops->read);
    return status == OK ? transfer(f, u, f->ops->read) : status;
}

status_t file_write(struct file *f, struct uio *u)
{
    status_t status = check_transfer(f, FILE_WRITE, f->ops->write);
    return status == OK ? transfer(f, u, f->ops->write) : status;
}

static status_t transfer_at(struct file *f, struct uio *u, uint64_t offset, transfer_t op)
{
    if (!f->ops->is_seekable) {
        return ERR_SPIPE;
    }
    if (offset > INT64_MAX) {
        return ERR_INVAL;
    }
    size_t before = u->left;
    status_t status = op(f, u, &offset);
    return u->left != before ? OK : status;
}

status_t file_pread(struct file *f, struct uio *u, uint64_t offset)
{
    status_t status = check_transfer(f, FILE_READ, f->ops->read);
    return status == OK ? transfer_at(f, u, offset, f->ops->read) : status;
}

status_t file_pwrite(struct file *f, struct uio *u, uint64_t offset)
{
    status_t status = check_transfer(f, FILE_WRITE, f->ops->write);
    return status == OK ? transfer_at(f, u, offset, f->ops->write) : status;
}

static status_t seek_base_locked(struct file *f, unsigned whence, uint64_t *base)
    REQUIRES(f -> position_lock)
{
    switch (whence) {
    case SEEK_SET: *base = 0; return OK;
    case SEEK_CUR: *base = f->position; return OK;
    case SEEK_END: return f->ops->size == NULL ? ERR_INVAL : f->ops->size(f, base);
    default: return ERR_INVAL;
    }
}

static status_t seek_from(struct file *f, int64_t offset, unsigned whence, uint64_t *out)
{
    uint64_t base = 0;
    mutex_lock(&f->position_lock);
    status_t status = seek_base_locked(f, whence, &base);
    if (status == OK) {
        int64_t place;
        if (__builtin_add_overflow((int64_t)base, offset, &place)) {
            status = ERR_OVERFLOW;
        } else if (place < 0) {
            status = ERR_INVAL;
        } else {
            f->position = (uint64_t)place;
            *out = f->position;
        }
    }
    mutex_unlock(&f->position_lock);
    return status;
}

static status_t seek_to(struct file *f, uint64_t place, uint64_t *out)
{
    mutex_lock(&f->position_lock);
    f->position = place;
    mutex_unlock(&f->position_lock);
    *out = place;
    return OK;
}

status_t file_seek(struct file *f, int64_t offset, unsigned whence, uint64_t *out)
{
    if (!f->ops->is_seekable) {
        return ERR_SPIPE;
    }
    return LIKELY(whence == SEEK_SET && offset >= 0) ? seek_to(f, (uint64_t)offset, out)
                                                     : seek_from(f, offset, whence, out);
}

uint32_t file_poll(struct file *f, struct event_watch *w)
{
    return f->ops->poll == NULL ? EVENT_IN | EVENT_OUT : f->ops->poll(f, w);
}

status_t file_ioctl(struct file *f, uint32_t request, vaddr_t argument, int64_t *result)
{
    *result = 0;
    return f->ops->ioctl == NULL ? ERR_NOTTY : f->ops->ioctl(f, request, argument, result);
}

status_t file_set_flags(struct file *f, uint32_t flags, uint32_t mask)
{
    uint32_t old = file_flags(f);
    uint32_t new;
    do {
        new = (old & ~mask) | (flags & mask);
    } while (!atomic_compare_exchange_weak_explicit(&f->flags, &old, new, memory_order_relaxed,
                                                    memory_order_relaxed));
    return f->ops->flags_changed == NULL ? OK : f->ops->flags_changed(f, new);
}
