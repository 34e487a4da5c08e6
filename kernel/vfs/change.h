// SPDX-License-Identifier: Apache-2.0
/*
 * What changes the tree and the attributes of what is in it, by path, with the caller's permission.
 * Errors are those of POSIX for the call of that name, beside those of the walk (path.h).
 */
#pragma once

#include "kernel/vfs/path.h"

// A file, directory, fifo, socket or link (with `target`) where nothing is; the umask applies.
status_t vfs_make(const struct path_base *base, struct span path, enum vnode_type type,
                  uint32_t mode, struct span target);

// The same, and gives the vnode: what bind() of a local socket does.
status_t vfs_make_node(const struct path_base *base, struct span path, enum vnode_type type,
                       uint32_t mode, struct vnode **out);

enum unlink_what { UNLINK_FILE, UNLINK_DIRECTORY };
status_t vfs_unlink(const struct path_base *base, struct span path, enum unlink_what what);

// `from` is what to give another name; `base` is for the new path.
status_t vfs_link(struct vnode *target, const struct path_base *base, struct span path);

// `flags`: RENAME_NOREPLACE, RENAME_EXCHANGE.
status_t vfs_rename(const struct path_base *from, struct span old_path, const struct path_base *to,
                    struct span new_path, uint32_t flags);

// Attributes named by the mask, with the permission that each takes; `a` is not changed.
status_t vfs_set_mode(struct vnode *v, const struct path_base *who, uint32_t mode);
status_t vfs_set_owner(struct vnode *v, const struct path_base *who, uint32_t owner,
                       uint32_t group);

struct vfs_times {
    nsec_t accessed, modified;
    uint32_t mask; // ATTR_ACCESSED, ATTR_MODIFIED
    bool is_now;   // both now: who may write may set that
};
status_t vfs_set_times(struct vnode *v, const struct path_base *who, const struct vfs_times *t);
