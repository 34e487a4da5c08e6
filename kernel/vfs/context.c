// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/heap.h"
#include "kernel/vfs/path.h"

enum { UMASK_START = 022 };

// Takes both references.
static status_t create(struct vnode *root, struct vnode *cwd, uint32_t mask,
                       struct fs_context **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct fs_context), &memory);
    if (status != OK) {
        vnode_unref(root);
        vnode_unref(cwd);
        return status;
    }
    struct fs_context *c = memory;
    refcount_init(&c->refs, 1);
    spin_init(&c->lock, "fs context", RANK_OBJECT);
    c->root = root;
    c->cwd = cwd;
    atomic_init(&c->umask_bits, mask);
    *out = c;
    return OK;
}

status_t fs_context_create(struct vnode *root, struct fs_context **out)
{
    vnode_ref(root);
    vnode_ref(root);
    return create(root, root, UMASK_START, out);
}

status_t fs_context_copy(struct fs_context *from, struct fs_context **out)
{
    struct vnode *root = fs_context_get_root(from);
    struct vnode *cwd = fs_context_get_cwd(from);
    return create(root, cwd, atomic_load_explicit(&from->umask_bits, memory_order_relaxed), out);
}

void fs_context_unref(struct fs_context *c)
{
    if (refcount_dec(&c->refs)) {
        vnode_unref(c->root);
        vnode_unref(c->cwd);
        heap_free(c);
    }
}

static struct vnode *get(struct fs_context *c, struct vnode **which)
{
    spin_lock(&c->lock);
    struct vnode *v = *which;
    vnode_ref(v);
    spin_unlock(&c->lock);
    return v;
}

struct vnode *fs_context_get_root(struct fs_context *c)
{
    return get(c, &c->root);
}

struct vnode *fs_context_get_cwd(struct fs_context *c)
{
    return get(c, &c->cwd);
}

static void set(struct fs_context *c, struct vnode **which, struct vnode *v)
{
    spin_lock(&c->lock);
    struct vnode *old = *which;
    *which = v;
    spin_unlock(&c->lock);
    vnode_unref(old);
}

void fs_context_set_root(struct fs_context *c, struct vnode *v)
{
    set(c, &c->root, v);
}

void fs_context_set_cwd(struct fs_context *c, struct vnode *v)
{
    set(c, &c->cwd, v);
}
