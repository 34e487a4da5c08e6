// SPDX-License-Identifier: Apache-2.0
/* The tree of files that the first program finds: a root from the ramdisk, /tmp, /dev. */
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/init/init.h"
#include "kernel/vfs/change.h"
#include "kernel/vfs/lock.h"
#include "kernel/vfs/mount.h"
#include "kernel/vfs/names.h"
#include "kernel/vfs/open.h"
#include "lib/base/string.h"
#include "lib/cpio/cpio.h"

enum { MODE_BITS = 07777 };

static struct fs_context *context;

struct fs_context *init_fs_context(void)
{
    return context;
}

static struct path_base kernel_base(void)
{
    return (struct path_base){.context = context};
}

static struct span text(const char *s)
{
    return span_of(s, strlen(s));
}

/* ---- Unpacking ---- */

static status_t unpack_file(const struct path_base *base, const struct cpio_entry *e)
{
    struct vnode *v;
    struct uio from;
    uint64_t position = 0;
    status_t status = vfs_make_node(base, text(e->name), VNODE_FILE, e->mode & MODE_BITS, &v);
    if (status != OK) {
        return status;
    }
    uio_init_kernel(&from, (void *)(uintptr_t)e->data.data, e->data.size);
    status = vnode_write(v, &from, &position, false);
    vnode_unref(v);
    return status;
}

static status_t unpack_entry(const struct path_base *base, const struct cpio_entry *e)
{
    struct span none = span_of(NULL, 0);
    uint32_t mode = e->mode & MODE_BITS;
    status_t status;
    switch (e->mode & ABI_S_IFMT) {
    case ABI_S_IFDIR:
        status = vfs_make(base, text(e->name), VNODE_DIRECTORY, mode, none);
        return status == ERR_EXIST ? OK : status;
    case ABI_S_IFREG: return unpack_file(base, e);
    case ABI_S_IFLNK: return vfs_make(base, text(e->name), VNODE_LINK, mode, e->data);
    default: return ERR_NOTSUP;
    }
}

static void unpack(struct span archive)
{
    struct path_base base = kernel_base();
    struct cpio_entry e = {};
    status_t status;
    while ((status = cpio_next(archive, &e)) == OK) {
        status = unpack_entry(&base, &e);
        if (status != OK) {
            log_error("boot", "%s: cannot be unpacked: error %d", e.name, -(int)status);
        }
    }
    if (status != ERR_NOENT) {
        log_error("boot", "the ramdisk is not a cpio archive");
    }
}

/* ---- Mounting ---- */

// A directory for it is made where there is none.
static void mount_at(const char *path, const char *kind_name, const char *options)
{
    struct path_base base = kernel_base();
    struct mount_kind *kind = mount_find_kind(kind_name);
    struct mount *m;
    struct vnode *where;
    status_t status = vfs_make(&base, text(path), VNODE_DIRECTORY, 0755, span_of(NULL, 0));
    if (status == OK || status == ERR_EXIST || status == ERR_ROFS) {
        status = path_find(&base, text(path), PATH_FOLLOW, &where);
    }
    if (status == OK) {
        status = kind->mount(kind_name, 0, options, &m);
        if (status == OK) {
            status = mount_attach(m, where);
            if (status != OK) {
                m->ops->unmount(m);
            }
        }
        vnode_unref(where);
    }
    if (status != OK) {
        log_error("boot", "%s: cannot be mounted: error %d", path, -(int)status);
    }
}

void init_files(void)
{
    struct mount *root;
    names_init();
    mount_table_init();
    vnode_locks_init();
    tmpfs_init();
    devfs_init();
    if (tmpfs_create("ramdisk", 0, "mode=755,size=100%", &root) != OK) {
        panic("no memory for a root file system");
    }
    mount_attach_root(root);
    if (fs_context_create(root->root, &context) != OK) {
        panic("no memory for a root directory");
    }
    atomic_store_explicit(&context->umask_bits, 0, memory_order_relaxed);
    unpack(init_record()->ramdisk);
    mount_at("tmp", "tmpfs", "mode=1777");
    mount_at("dev", "devfs", "");
    atomic_store_explicit(&context->umask_bits, 022, memory_order_relaxed);
}
