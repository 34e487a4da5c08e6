// SPDX-License-Identifier: Apache-2.0
#include "kernel/vfs/fifo.h"

static const struct fifo_ops *fifo_ops; // [I] after boot; NULL: there are no pipes

void fifo_set_ops(const struct fifo_ops *ops)
{
    fifo_ops = ops;
}

status_t fifo_node_open(struct vnode *v, uint32_t flags, struct file **out)
{
    return fifo_ops == NULL ? ERR_NXIO : fifo_ops->open(&v->endpoint, &v->lock, flags, out);
}

void fifo_node_release(struct vnode *v)
{
    if (v->type == VNODE_FIFO && v->endpoint != NULL) {
        fifo_ops->release(v->endpoint);
        v->endpoint = NULL;
    }
}
