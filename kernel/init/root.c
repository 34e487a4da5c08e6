// SPDX-License-Identifier: Apache-2.0
/* The tree of files that the first program finds: the base image, /tmp, /dev, /run. */
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/swosbase/swosbase.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/init/init.h"
#include "kernel/vfs/change.h"
#include "kernel/vfs/lock.h"
#include "kernel/vfs/mount.h"
#include "kernel/vfs/names.h"
#include "kernel/vfs/open.h"
#include "lib/base/string.h"

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

static void make_directory(const char *path, uint32_t mode)
{
    struct path_base base = kernel_base();
    status_t status = vfs_make(&base, text(path), VNODE_DIRECTORY, mode, span_of(NULL, 0));
    if (status != OK) {
        log_error("boot", "%s: cannot be made: error %d", path, -(int)status);
    }
}

// Without a base image there is an empty root: in-kernel tests need no programs.
static struct mount *create_root(void)
{
    struct mount *root;
    if (init_base_image(&root) == OK) {
        return root;
    }
    log_warn("boot", "no base image: the root is empty");
    if (tmpfs_create("none", 0, "mode=755", &root) != OK) {
        panic("no memory for a root file system");
    }
    return root;
}

void init_files(void)
{
    names_init();
    mount_table_init();
    vnode_locks_init();
    tmpfs_init();
    devfs_init();
    swosbase_init();
    struct mount *root = create_root();
    mount_attach_root(root);
    if (fs_context_create(root->root, &context) != OK) {
        panic("no memory for a root directory");
    }
    atomic_store_explicit(&context->umask_bits, 0, memory_order_relaxed);
    mount_at("tmp", "tmpfs", "mode=1777");
    mount_at("dev", "devfs", "");
    mount_at("run", "tmpfs", "mode=755");
    make_directory("run/shm", 01777);
    atomic_store_explicit(&context->umask_bits, 022, memory_order_relaxed);
}
