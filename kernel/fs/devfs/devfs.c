// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/devfs/devfs.h"

#include "kernel/fs/devfs/devfs_priv.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    DEVFS_MAGIC = 0x1373,
    DIRECTORY_MODE = 0755,
    LINK_MODE = 0777,
};
// Devices have their ids, the caller's handles numbers from 2^32 on.
constexpr uint64_t INODE_ROOT = 1ull << 33;
constexpr uint64_t INODE_FIXED = INODE_ROOT + 1; // and the place in the list

static const struct vnode_ops directory_ops;
static const struct vnode_ops link_ops;

// What is there whatever the devices are.
static const struct {
    const char *name;
    const struct vnode_ops *ops;
    const char *target; // of a link; NULL: a directory
} fixed[] = {
    {"pts", &directory_ops, NULL},  {"fd", &devfs_handles_ops, NULL},
    {"shm", &link_ops, "/run/shm"}, // memory that is shared by name (POSIX shm_open, sem_open)
    {"stdin", &link_ops, "fd/0"},   {"stdout", &link_ops, "fd/1"},
    {"stderr", &link_ops, "fd/2"},
};

enum {
    FIXED = sizeof(fixed) / sizeof(fixed[0]),
    COOKIE_DEVICES = FIXED, // and the id of the device that came before
};

/* ---- Nodes ---- */

status_t devfs_create_node(struct mount *m, enum vnode_type type, uint64_t inode,
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

status_t devfs_get_attr(struct vnode *v, struct vnode_attr *out)
{
    out->links = v->type == VNODE_DIRECTORY ? 2 : 1;
    return OK;
}

void devfs_node_release(struct vnode *v)
{
    vnode_fini(v);
    heap_free(devfs_node_of(v));
}

/* ---- Devices ---- */

static status_t device_get_attr(struct vnode *v, struct vnode_attr *out)
{
    out->special = devfs_node_of(v)->device->number;
    return OK;
}

static status_t device_set_attr(struct vnode *v, const struct vnode_attr *a, uint32_t mask)
{
    struct chardev *d = devfs_node_of(v)->device;
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
    return chardev_open(devfs_node_of(v)->device, flags, out);
}

static void device_release(struct vnode *v)
{
    chardev_unref(devfs_node_of(v)->device);
    devfs_node_release(v);
}

static const struct vnode_ops device_ops = {
    .get_attr = device_get_attr,
    .set_attr = device_set_attr,
    .open = device_open,
    .release = device_release,
};

/* ---- Links ---- */

static status_t link_read(struct vnode *v, struct span *out)
{
    const char *target = devfs_node_of(v)->target;
    *out = span_of(target, strlen(target));
    return OK;
}

static const struct vnode_ops link_ops = {
    .read_link = link_read,
    .get_attr = devfs_get_attr,
    .release = devfs_node_release,
};

/* ---- Directories ---- */

// Takes the reference on `d`.
static status_t create_device(struct mount *m, struct chardev *d, struct vnode **out)
{
    struct devfs_node *n;
    status_t status = devfs_create_node(m, VNODE_CHARACTER, d->id, &device_ops, &n);
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

static enum vnode_type fixed_type(size_t place)
{
    return fixed[place].target != NULL ? VNODE_LINK : VNODE_DIRECTORY;
}

static status_t create_fixed(struct mount *m, size_t place, struct vnode **out)
{
    struct devfs_node *n;
    bool is_link = fixed[place].target != NULL;
    status_t status =
        devfs_create_node(m, fixed_type(place), INODE_FIXED + place, fixed[place].ops, &n);
    if (status != OK) {
        return status;
    }
    if (is_link) {
        n->target = fixed[place].target;
        n->vnode.size = strlen(n->target);
    } else {
        n->folder = CHARDEV_PTS;
        n->vnode.is_dynamic = true;
    }
    n->vnode.mode = is_link ? LINK_MODE : DIRECTORY_MODE;
    *out = &n->vnode;
    return OK;
}

static status_t directory_lookup(struct vnode *dir, struct span name, struct vnode **out)
{
    struct chardev *d;
    enum chardev_folder folder = devfs_node_of(dir)->folder;
    for (size_t i = 0; folder == CHARDEV_ROOT && i < FIXED; i++) {
        if (span_is(name, fixed[i].name)) {
            return create_fixed(dir->mount, i, out);
        }
    }
    status_t status = chardev_get(folder, name, &d);
    return status == OK ? create_device(dir->mount, d, out) : status;
}

// Cookies: the place behind a fixed entry, then COOKIE_DEVICES and the id of a device behind it.
static status_t directory_enumerate(struct vnode *dir, uint64_t cookie, vnode_emit_t emit,
                                    void *context)
{
    enum chardev_folder folder = devfs_node_of(dir)->folder;
    bool goes_on = true;
    for (size_t i = cookie; goes_on && folder == CHARDEV_ROOT && i < FIXED; i++) {
        goes_on = emit(context, span_of(fixed[i].name, strlen(fixed[i].name)), INODE_FIXED + i,
                       fixed_type(i), i + 1);
    }
    uint64_t after = cookie > COOKIE_DEVICES ? cookie - COOKIE_DEVICES : 0;
    struct chardev *d;
    while (goes_on && chardev_next(folder, after, &d) == OK) {
        after = d->id;
        goes_on = emit(context, span_of(d->name, strlen(d->name)), d->id, VNODE_CHARACTER,
                       COOKIE_DEVICES + d->id);
        chardev_unref(d);
    }
    return OK;
}

static const struct vnode_ops directory_ops = {
    .lookup = directory_lookup,
    .enumerate = directory_enumerate,
    .get_attr = devfs_get_attr,
    .release = devfs_node_release,
};

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
    status = devfs_create_node(m, VNODE_DIRECTORY, INODE_ROOT, &directory_ops, &root);
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
