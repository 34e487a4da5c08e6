// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/devfs/devfs.h"

#include "kernel/dev/chardev.h"
#include "kernel/mm/heap.h"
#include "kernel/vfs/mount.h"
#include "lib/base/string.h"

enum {
    DEVFS_MAGIC = 0x1373,
    DIRECTORY_MODE = 0755,
    INODE_ROOT = 1,
    INODE_PTS = 2,
    INODE_DEVICES = 2,  // and a device's id, which is not 0
    COOKIE_DEVICES = 1, // and the id of the device that came before
};

struct devfs_node {
    struct vnode vnode;
    union {
        struct chardev *device;     // [I] of a device; holds a reference
        enum chardev_folder folder; // [I] of a directory
    };
};

static struct devfs_node *node_of(struct vnode *v)
{
    return container_of(v, struct devfs_node, vnode);
}

/* ---- Devices ---- */

static status_t device_get_attr(struct vnode *v, struct vnode_attr *out)
{
    out->special = node_of(v)->device->number;
    return OK;
}

static status_t device_set_attr(struct vnode *v, const struct vnode_attr *a, uint32_t mask)
{
    struct chardev *d = node_of(v)->device;
    if ((mask & ATTR_MODE) != 0) {
        atomic_store_explicit(&d->mode, a->mode, memory_order_relaxed);
    }
    if ((mask & ATTR_OWNER) != 0) {
        atomic_store_explicit(&d->owner, a->owner, memory_order_relaxed);
    }
    if ((mask & ATTR_GROUP) != 0) {
        atomic_store_explicit(&d->group, a->group, memory_order_relaxed);
    }
    return OK;
}

static status_t device_open(struct vnode *v, uint32_t flags, struct file **out)
{
    return chardev_open(node_of(v)->device, flags, out);
}

static void node_release(struct vnode *v)
{
    struct devfs_node *n = node_of(v);
    if (v->type == VNODE_CHARACTER) {
        chardev_unref(n->device);
    }
    vnode_fini(v);
    heap_free(n);
}

static const struct vnode_ops device_ops = {
    .get_attr = device_get_attr,
    .set_attr = device_set_attr,
    .open = device_open,
    .release = node_release,
};

/* ---- Directories ---- */

static status_t plain_get_attr(struct vnode *v, struct vnode_attr *out)
{
    out->links = v->type == VNODE_DIRECTORY ? 2 : 1;
    return OK;
}

static status_t directory_lookup(struct vnode *dir, struct span name, struct vnode **out);
static status_t directory_enumerate(struct vnode *dir, uint64_t cookie, vnode_emit_t emit,
                                    void *context);

static const struct vnode_ops directory_ops = {
    .lookup = directory_lookup,
    .enumerate = directory_enumerate,
    .get_attr = plain_get_attr,
    .release = node_release,
};

static status_t create_node(struct mount *m, enum vnode_type type, uint64_t inode,
                            const struct vnode_ops *ops, struct devfs_node **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct devfs_node), &memory);
    if (status == OK) {
        *out = memory;
        vnode_init(&(*out)->vnode, m, type, inode, ops);
    }
    return status;
}

// Takes the reference on `d`.
static status_t create_device(struct mount *m, struct chardev *d, struct vnode **out)
{
    struct devfs_node *n;
    status_t status = create_node(m, VNODE_CHARACTER, INODE_DEVICES + d->id, &device_ops, &n);
    if (status != OK) {
        chardev_unref(d);
        return status;
    }
    n->device = d;
    n->vnode.mode = atomic_load_explicit(&d->mode, memory_order_relaxed);
    n->vnode.owner = atomic_load_explicit(&d->owner, memory_order_relaxed);
    n->vnode.group = atomic_load_explicit(&d->group, memory_order_relaxed);
    *out = &n->vnode;
    return OK;
}

static status_t create_pts(struct mount *m, struct vnode **out)
{
    struct devfs_node *n;
    status_t status = create_node(m, VNODE_DIRECTORY, INODE_PTS, &directory_ops, &n);
    if (status == OK) {
        n->folder = CHARDEV_PTS;
        n->vnode.mode = DIRECTORY_MODE;
        n->vnode.is_dynamic = true;
        *out = &n->vnode;
    }
    return status;
}

static status_t directory_lookup(struct vnode *dir, struct span name, struct vnode **out)
{
    struct chardev *d;
    enum chardev_folder folder = node_of(dir)->folder;
    if (folder == CHARDEV_ROOT && name.size == 3 && memcmp(name.data, "pts", 3) == 0) {
        return create_pts(dir->mount, out);
    }
    status_t status = chardev_get(folder, name, &d);
    return status == OK ? create_device(dir->mount, d, out) : status;
}

// Cookies: 1 behind "pts", then 1 and the id of a device behind it.
static status_t directory_enumerate(struct vnode *dir, uint64_t cookie, vnode_emit_t emit,
                                    void *context)
{
    enum chardev_folder folder = node_of(dir)->folder;
    if (cookie == 0 && folder == CHARDEV_ROOT &&
        !emit(context, span_of("pts", 3), INODE_PTS, VNODE_DIRECTORY, COOKIE_DEVICES)) {
        return OK;
    }
    uint64_t after = cookie > COOKIE_DEVICES ? cookie - COOKIE_DEVICES : 0;
    struct chardev *d;
    bool goes_on = true;
    while (goes_on && chardev_next(folder, after, &d) == OK) {
        after = d->id;
        goes_on = emit(context, span_of(d->name, strlen(d->name)), INODE_DEVICES + d->id,
                       VNODE_CHARACTER, COOKIE_DEVICES + d->id);
        chardev_unref(d);
    }
    return OK;
}

/* ---- The mount ---- */

static status_t statfs(struct mount *, struct abi_statfs *out)
{
    *out = (struct abi_statfs){.type = DEVFS_MAGIC, .block_size = PAGE_SIZE};
    return OK;
}

static void unmount(struct mount *m)
{
    vnode_unref(m->root);
    heap_free(m);
}

static const struct mount_ops mount_ops = {.type = "devfs", .statfs = statfs, .unmount = unmount};

status_t devfs_create(const char *source, uint32_t flags, const char *options, struct mount **out)
{
    void *memory;
    struct devfs_node *root;
    if (*options != '\0') {
        return ERR_INVAL;
    }
    status_t status = heap_zalloc(sizeof(struct mount), &memory);
    if (status != OK) {
        return status;
    }
    struct mount *m = memory;
    mount_init(m, &mount_ops, flags, source);
    status = create_node(m, VNODE_DIRECTORY, INODE_ROOT, &directory_ops, &root);
    if (status != OK) {
        heap_free(m);
        return status;
    }
    root->folder = CHARDEV_ROOT;
    root->vnode.mode = DIRECTORY_MODE;
    root->vnode.is_dynamic = true;
    m->root = &root->vnode;
    chardev_set_device(m->device);
    *out = m;
    return OK;
}

static struct mount_kind kind = {.name = "devfs", .mount = devfs_create};

void devfs_init(void)
{
    mount_add_kind(&kind);
}
