// SPDX-License-Identifier: Apache-2.0
/* Content of regular files, over their memory objects. */
#include "abi/fcntl.h"
#include "kernel/ipc/caller.h"
#include "kernel/mm/vmo.h"
#include "kernel/vfs/open.h"

static void note(struct vnode *v, uint32_t mask)
{
    if (v->ops->touched != NULL) {
        v->ops->touched(v, mask);
    }
}

// Reads of one file do not exclude each other, nor a write: each page is as it is found.
status_t vnode_read(struct vnode *v, struct uio *to, uint64_t *position)
{
    size_t before = to->left;
    status_t status = v->content == NULL ? OK : vmo_read(v->content, to, *position);
    size_t moved = before - to->left;
    if (moved != 0) {
        *position += moved;
        note(v, ATTR_ACCESSED);
    }
    return status;
}

static status_t write_locked(struct vnode *v, struct uio *from, uint64_t *position)
    REQUIRES(v -> lock)
{
    if (v->content == NULL) {
        return ERR_INVAL;
    }
    if (v->ops->resize == NULL) {
        return ERR_ROFS;
    }
    if (*position > INT64_MAX || from->left > INT64_MAX - *position) {
        return ERR_FBIG;
    }
    uint64_t limit = caller_file_limit();
    if (UNLIKELY(*position >= limit)) {
        return ERR_FBIG;
    }
    // What goes beyond the limit is left over, as when the disk is full.
    size_t rest = from->left - u64_min(from->left, limit - *position);
    from->left -= rest;
    size_t before = from->left;
    status_t status =
        v->ops->prepare_write == NULL ? OK : v->ops->prepare_write(v, *position, from->left);
    if (status == OK) {
        status = vmo_write(v->content, from, *position);
    }
    *position += before - from->left;
    if (before != from->left) {
        note(v, ATTR_MODIFIED);
    }
    from->left += rest;
    return status;
}

// The lock makes a write whole towards other writes, and appending atomic.
status_t vnode_write(struct vnode *v, struct uio *from, uint64_t *position, bool append)
{
    if (from->left == 0) {
        return OK;
    }
    mutex_lock(&v->lock);
    uint64_t at = append ? vnode_size(v) : *position;
    status_t status = write_locked(v, from, &at);
    mutex_unlock(&v->lock);
    *position = at;
    return status;
}

status_t vnode_truncate(struct vnode *v, uint64_t size)
{
    if (v->type == VNODE_DIRECTORY) {
        return ERR_ISDIR;
    }
    if (v->content == NULL) {
        return ERR_INVAL;
    }
    if (v->ops->resize == NULL) {
        return ERR_ROFS;
    }
    if (size > caller_file_limit()) {
        return ERR_FBIG;
    }
    mutex_lock(&v->lock);
    status_t status = v->ops->resize(v, size);
    if (status == OK) {
        status = vmo_resize(v->content, size);
    }
    if (status == OK) {
        note(v, ATTR_MODIFIED);
    }
    mutex_unlock(&v->lock);
    return status;
}

static status_t punch_locked(struct vnode *v, uint64_t offset, uint64_t end) REQUIRES(v -> lock)
{
    uint64_t limit = u64_min(end, vnode_size(v));
    return offset < limit ? vmo_zero(v->content, offset, limit - offset) : OK;
}

static status_t allocate_locked(struct vnode *v, bool keeps_size, uint64_t offset, uint64_t end)
    REQUIRES(v -> lock)
{
    uint64_t before = vnode_size(v);
    if (v->ops->allocate == NULL || (keeps_size && end > before)) {
        return ERR_NOTSUP;
    }
    status_t status = OK;
    if (end > before) {
        status = v->ops->resize(v, end);
        status = status == OK ? vmo_resize(v->content, end) : status;
    }
    if (status == OK) {
        status = v->ops->allocate(v, offset, end - offset);
    }
    if (status != OK && end > before) {
        (void)vmo_resize(v->content, before); // smaller: cannot fail
    }
    return status;
}

status_t vnode_allocate(struct vnode *v, uint32_t mode, uint64_t offset, uint64_t size)
{
    const uint32_t punch = ABI_FALLOC_PUNCH_HOLE | ABI_FALLOC_KEEP_SIZE;
    if (v->content == NULL || v->ops->resize == NULL) {
        return v->content == NULL ? ERR_NODEV : ERR_ROFS;
    }
    if (mode != 0 && mode != ABI_FALLOC_KEEP_SIZE && mode != punch) {
        return ERR_NOTSUP;
    }
    if (offset > INT64_MAX || size > INT64_MAX - offset ||
        (mode != punch && offset + size > caller_file_limit())) {
        return ERR_FBIG;
    }
    mutex_lock(&v->lock);
    status_t status = mode == punch ? punch_locked(v, offset, offset + size)
                                    : allocate_locked(v, mode != 0, offset, offset + size);
    if (status == OK) {
        note(v, ATTR_MODIFIED);
    }
    mutex_unlock(&v->lock);
    return status;
}
