// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall/socket_path.h"

#include "kernel/syscall/path.h"
#include "kernel/vfs/change.h"

enum { MODE_OF_SOCKETS = 0777 }; // before the umask

static status_t make(struct span path, void **node)
{
    struct path_call c;
    struct vnode *v;
    path_call_begin_handle(&c);
    status_t status = vfs_make_node(&c.base, path, VNODE_SOCKET, MODE_OF_SOCKETS, &v);
    path_call_end(&c);
    if (status == OK) {
        *node = v;
    }
    return status == ERR_EXIST ? ERR_ADDRINUSE : status;
}

static status_t find(struct span path, void **node)
{
    struct path_call c;
    struct vnode *v;
    path_call_begin_handle(&c);
    status_t status = path_find(&c.base, path, PATH_FOLLOW, &v);
    if (status == OK) {
        status = v->type == VNODE_SOCKET ? vnode_may(v, c.who, WANT_WRITE) : ERR_CONNREFUSED;
        if (status != OK) {
            vnode_unref(v);
        }
    }
    path_call_end(&c);
    if (status == OK) {
        *node = v;
    }
    return status;
}

static void unref(void *node)
{
    vnode_unref(node);
}

const struct unix_path_ops socket_path_ops = {.make = make, .find = find, .unref = unref};
