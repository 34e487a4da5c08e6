// SPDX-License-Identifier: Apache-2.0
/*
 * Fifos by name: the pipe behind one comes into being with its first open and goes with the node.
 * An open end holds a reference on the node.
 */
#pragma once

#include "kernel/vfs/vnode.h"

// As pipe_open says (kernel/ipc/pipe.h); flags are enum file_flags.
status_t fifo_node_open(struct vnode *v, uint32_t flags, struct file **out);
void fifo_node_release(struct vnode *v);
