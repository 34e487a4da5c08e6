// SPDX-License-Identifier: Apache-2.0
/* A tmpfs that is mounted nowhere, as the whole tree of who uses it. */
#pragma once

#include "abi/fcntl.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/vfs/change.h"
#include "kernel/vfs/mount.h"
#include "kernel/vfs/names.h"
#include "kernel/vfs/open.h"
#include "tests/harness/test.h"

struct tree {
    struct mount *mount;
    struct path_base base; // the kernel's: may do anything
};

static inline status_t tree_begin(struct tree *t, const char *options)
{
    *t = (struct tree){};
    status_t status = tmpfs_create("test", 0, options, &t->mount);
    if (status != OK) {
        return status;
    }
    status = fs_context_create(t->mount->root, &t->base.context);
    if (status != OK) {
        t->mount->ops->unmount(t->mount);
    }
    return status;
}

// Says so if anything of the tree is still in use.
static inline void tree_end(struct tree *t)
{
    fs_context_unref(t->base.context);
    names_forget_mount(t->mount);
    worker_flush();
    if (t->mount->ops->is_busy(t->mount)) {
        test_fail(__FILE__, __LINE__, "a vnode is still referred to");
    }
    t->mount->ops->unmount(t->mount);
}

static inline struct span tree_text(const char *s)
{
    return span_of(s, strlen(s));
}

static inline status_t tree_mkdir(struct tree *t, const char *path)
{
    return vfs_make(&t->base, tree_text(path), VNODE_DIRECTORY, 0777, span_of(NULL, 0));
}

static inline status_t tree_symlink(struct tree *t, const char *target, const char *path)
{
    return vfs_make(&t->base, tree_text(path), VNODE_LINK, 0777, tree_text(target));
}

static inline status_t tree_open(struct tree *t, const char *path, uint32_t flags,
                                 struct file **out)
{
    return vfs_open(&t->base, tree_text(path), flags, 0666, out);
}

// A file with that content.
static inline status_t tree_file(struct tree *t, const char *path, const char *content)
{
    struct file *f;
    struct uio u;
    status_t status = tree_open(t, path, ABI_O_CREAT | ABI_O_WRONLY | ABI_O_TRUNC, &f);
    if (status == OK) {
        uio_init_kernel(&u, (void *)(uintptr_t)content, strlen(content));
        status = file_write(f, &u);
        file_unref(f);
    }
    return status;
}

static inline status_t tree_find(struct tree *t, const char *path, uint32_t flags)
{
    struct vnode *v;
    status_t status = path_find(&t->base, tree_text(path), flags, &v);
    if (status == OK) {
        vnode_unref(v);
    }
    return status;
}

// Inode number of what is at the path; 0: nothing.
static inline uint64_t tree_inode(struct tree *t, const char *path)
{
    struct vnode *v;
    if (path_find(&t->base, tree_text(path), PATH_FOLLOW, &v) != OK) {
        return 0;
    }
    uint64_t inode = v->inode;
    vnode_unref(v);
    return inode;
}

static inline status_t tree_unlink(struct tree *t, const char *path)
{
    return vfs_unlink(&t->base, tree_text(path), UNLINK_FILE);
}

static inline status_t tree_rmdir(struct tree *t, const char *path)
{
    return vfs_unlink(&t->base, tree_text(path), UNLINK_DIRECTORY);
}

static inline status_t tree_rename(struct tree *t, const char *from, const char *to, uint32_t flags)
{
    return vfs_rename(&t->base, tree_text(from), &t->base, tree_text(to), flags);
}

static inline status_t tree_link(struct tree *t, const char *from, const char *to)
{
    struct vnode *v;
    status_t status = path_find(&t->base, tree_text(from), PATH_NOFOLLOW, &v);
    if (status == OK) {
        status = vfs_link(v, &t->base, tree_text(to));
        vnode_unref(v);
    }
    return status;
}

static inline status_t tree_stat(struct tree *t, const char *path, struct abi_stat *out)
{
    struct vnode *v;
    status_t status = path_find(&t->base, tree_text(path), PATH_NOFOLLOW, &v);
    if (status == OK) {
        status = vnode_stat(v, out);
        vnode_unref(v);
    }
    return status;
}

// Bytes of the file at the path, as text of at most size - 1 bytes.
static inline status_t tree_read(struct tree *t, const char *path, char *out, size_t size)
{
    struct file *f;
    struct uio u;
    status_t status = tree_open(t, path, ABI_O_RDONLY, &f);
    if (status == OK) {
        uio_init_kernel(&u, out, size - 1);
        status = file_read(f, &u);
        out[size - 1 - u.left] = '\0';
        file_unref(f);
    }
    return status;
}
