// SPDX-License-Identifier: Apache-2.0
/*
 * /dev/fd: the caller's own handles as names, for programs that take a path where they are to read a
 * handle.  Opening one duplicates it, with its position, as the BSDs do; it gives nothing that the
 * handle does not allow already.
 */
#include "kernel/fs/devfs/devfs_priv.h"
#include "kernel/ipc/caller.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

enum {
    HANDLE_MODE = 0666, // the handle's rights decide
    NUMBER_SIZE = 12,
};
constexpr uint64_t INODE_HANDLES = 1ull << 32; // and the number

static status_t handle_open(struct vnode *v, uint32_t flags, struct file **out)
{
    struct handle_info info;
    struct handle_table *own = caller_handles();
    handle_t h = devfs_node_of(v)->handle;
    rights_t need = ((flags & FILE_READ) != 0 ? SWIFTOS_RIGHT_READ : 0u) |
                    ((flags & FILE_WRITE) != 0 ? SWIFTOS_RIGHT_WRITE : 0u);
    status_t status = own == NULL ? ERR_NOENT : handle_info(own, h, &info);
    if (status == OK) {
        status = handle_get_file(own, h, need | SWIFTOS_RIGHT_DUPLICATE, out);
    }
    if (status != OK) {
        return status == ERR_BADF ? ERR_ACCES : status; // it was there when its name was found
    }
    // The new handle gets all rights of an open file: that must not be more than the old one has.
    if ((file_rights(*out) & ~info.rights) != 0) {
        file_unref(*out);
        return ERR_ACCES;
    }
    return OK;
}

static const struct vnode_ops handle_ops = {
    .get_attr = devfs_get_attr,
    .open = handle_open,
    .release = devfs_node_release,
};

// A number as it is written: no sign, no leading zero.
static bool parse_number(struct span name, handle_t *out)
{
    uint32_t value = 0;
    if (name.size == 0 || name.size >= NUMBER_SIZE || (name.size > 1 && name.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        char c = (char)name.data[i];
        if (c < '0' || c > '9' || value > (INT32_MAX - 9) / 10) {
            return false;
        }
        value = value * 10 + (uint32_t)(c - '0');
    }
    *out = (handle_t)value;
    return true;
}

static status_t lookup(struct vnode *dir, struct span name, struct vnode **out)
{
    handle_t h;
    struct handle_info info;
    struct devfs_node *n;
    struct handle_table *own = caller_handles();
    if (own == NULL || !parse_number(name, &h) || handle_info(own, h, &info) != OK) {
        return ERR_NOENT;
    }
    status_t status = devfs_create_node(dir->mount, VNODE_CHARACTER, INODE_HANDLES + (uint64_t)h,
                                        &handle_ops, &n);
    if (status == OK) {
        n->handle = h;
        n->vnode.mode = HANDLE_MODE;
        *out = &n->vnode;
    }
    return status;
}

// Cookies: the number behind the handle that came last.
static status_t enumerate(struct vnode *dir, uint64_t cookie, vnode_emit_t emit, void *context)
{
    (void)dir;
    struct handle_table *own = caller_handles();
    bool goes_on = own != NULL;
    for (uint64_t h = cookie; goes_on && h < handle_limit(own); h++) {
        struct handle_info info;
        char name[NUMBER_SIZE];
        if (handle_info(own, (handle_t)h, &info) == OK) {
            size_t len = fmt_print(name, sizeof(name), "%d", (int)h);
            goes_on = emit(context, span_of(name, len), INODE_HANDLES + h, VNODE_CHARACTER, h + 1);
        }
    }
    return OK;
}

const struct vnode_ops devfs_handles_ops = {
    .lookup = lookup,
    .enumerate = enumerate,
    .get_attr = devfs_get_attr,
    .release = devfs_node_release,
};
