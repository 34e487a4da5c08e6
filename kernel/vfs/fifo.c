// SPDX-License-Identifier: Apache-2.0
#include "kernel/vfs/fifo.h"

#include "kernel/ipc/pipe.h"

static status_t end_stat(void *context, struct abi_stat *out)
{
    return vnode_stat(context, out);
}

static void end_release(void *context)
{
    vnode_unref(context);
}

static const struct pipe_node_ops end_ops = {.stat = end_stat, .release = end_release};

// The node's pipe, which stays as long as the node.
static status_t get_pipe(struct vnode *v, struct pipe **out)
{
    status_t status = OK;
    mutex_lock(&v->lock);
    if (v->endpoint == NULL) {
        status = pipe_create(out);
        v->endpoint = status == OK ? *out : NULL;
    }
    *out = v->endpoint;
    mutex_unlock(&v->lock);
    return status;
}

status_t fifo_node_open(struct vnode *v, uint32_t flags, struct file **out)
{
    struct pipe *p;
    status_t status = get_pipe(v, &p);
    if (status != OK) {
        return status;
    }
    vnode_ref(v);
    status = pipe_open(p, flags, &end_ops, v, out);
    if (status != OK) {
        vnode_unref(v);
    }
    return status;
}

void fifo_node_release(struct vnode *v)
{
    if (v->type == VNODE_FIFO && v->endpoint != NULL) {
        pipe_unref(v->endpoint);
        v->endpoint = NULL;
    }
}
