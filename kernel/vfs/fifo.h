// SPDX-License-Identifier: Apache-2.0
/*
 * Fifos by name: the pipe behind one comes into being with its first open and goes with its last.
 * kernel/ipc has the pipes and hands its functions over at boot.
 */
#pragma once

#include "kernel/vfs/vnode.h"

struct fifo_ops {
    // Opens `*pipe` (NULL: none yet; then it is made) as enum file_flags say; waits for the other end
    // as POSIX says.  `lock` guards *pipe; it is not held at the call.  ERR_NXIO, ERR_INTR, ERR_NOMEM.
    status_t (*open)(void **pipe, struct mutex *lock, uint32_t flags, struct file **out);
    // The node goes, with the last reference to it.
    void (*release)(void *pipe);
};

void fifo_set_ops(const struct fifo_ops *ops);

status_t fifo_node_open(struct vnode *v, uint32_t flags, struct file **out);
void fifo_node_release(struct vnode *v);
