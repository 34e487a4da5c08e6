// SPDX-License-Identifier: Apache-2.0
/* Between the files of the device file system. */
#pragma once

#include "kernel/dev/chardev.h"
#include "kernel/object/handle.h"
#include "kernel/vfs/mount.h"

struct devfs_node {
    struct vnode vnode;
    union {
        struct chardev *device;     // [I] of a device; holds a reference
        enum chardev_folder folder; // [I] of a directory of devices
        handle_t handle;            // [I] of an entry of /dev/fd
        const char *target;         // [I] of a link
    };
};

static inline struct devfs_node *devfs_node_of(struct vnode *v)
{
    return container_of(v, struct devfs_node, vnode);
}

// One reference.  ERR_NOMEM.
status_t devfs_create_node(struct mount *m, enum vnode_type type, uint64_t inode,
                           const struct vnode_ops *ops, struct devfs_node **out);

status_t devfs_get_attr(struct vnode *v, struct vnode_attr *out);
void devfs_node_release(struct vnode *v);

// The directory /dev/fd: the handles of whoever looks, by number.
extern const struct vnode_ops devfs_handles_ops;
