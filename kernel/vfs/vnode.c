// SPDX-License-Identifier: Apache-2.0
#include "kernel/vfs/vnode.h"

#include "kernel/mm/vmo.h"
#include "kernel/vfs/fifo.h"
#include "kernel/vfs/lock.h"
#include "kernel/vfs/names.h"
#include "lib/base/string.h"

static _Atomic uint64_t last_id;
static _Atomic uint64_t last_device;

static void end_vnode(struct work *w);

void mount_init(struct mount *m, const struct mount_ops *ops, uint32_t flags, const char *source)
{
    memset(m, 0, sizeof(*m));
    m->ops = ops;
    m->flags = flags;
    m->device = atomic_fetch_add_explicit(&last_device, 1, memory_order_relaxed) + 1;
    size_t len = strnlen(source, sizeof(m->source) - 1);
    memcpy(m->source, source, len);
    mutex_init(&m->rename_lock, "rename", RANK_RENAME);
    list_init(&m->link);
}

void vnode_init(struct vnode *v, struct mount *m, enum vnode_type type, uint64_t inode,
                const struct vnode_ops *ops)
{
    memset(v, 0, sizeof(*v));
    refcount_init(&v->refs, 1);
    v->type = type;
    v->ops = ops;
    v->mount = m;
    v->inode = inode;
    v->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
    mutex_init(&v->lock, "vnode", RANK_VNODE);
    spin_init(&v->place, "vnode place", RANK_OBJECT);
    work_init(&v->end, end_vnode);
    atomic_fetch_add_explicit(&m->users, 1, memory_order_relaxed);
}

void vnode_fini(struct vnode *v)
{
    vnode_locks_destroy(v);
    fifo_node_release(v);
    atomic_fetch_sub_explicit(&v->mount->users, 1, memory_order_release);
}

// Ends a vnode without references, and the parents that it was the last to hold.
static void end_chain(struct vnode *v)
{
    for (;;) {
        struct vnode *parent = v->parent;
        v->parent = NULL;
        v->ops->release(v);
        if (parent == NULL || !refcount_dec(&parent->refs)) {
            return;
        }
        v = parent;
    }
}

static void end_vnode(struct work *w)
{
    end_chain(container_of(w, struct vnode, end));
}

void vnode_unref(struct vnode *v)
{
    if (refcount_dec(&v->refs)) {
        end_chain(v);
    }
}

void vnode_unref_later(struct vnode *v)
{
    if (refcount_dec(&v->refs)) {
        work_queue(&v->end);
    }
}

void vnode_set_parent(struct vnode *v, struct vnode *parent)
{
    if (parent != NULL) {
        vnode_ref(parent);
    }
    spin_lock(&v->place);
    struct vnode *old = v->parent;
    v->parent = parent;
    spin_unlock(&v->place);
    if (old != NULL) {
        vnode_unref_later(old);
    }
}

struct vnode *vnode_get_parent(struct vnode *v)
{
    spin_lock(&v->place);
    struct vnode *parent = v->parent;
    if (parent != NULL) {
        vnode_ref(parent);
    }
    spin_unlock(&v->place);
    return parent;
}

/* ---- Children ---- */

static bool has_parent(struct vnode *v)
{
    spin_lock(&v->place);
    bool has = v->parent != NULL;
    spin_unlock(&v->place);
    return has;
}

status_t vnode_lookup_locked(struct vnode *dir, struct span name, struct vnode **out)
{
    if (!dir->is_dynamic) {
        enum names_answer known = names_find(dir, name, names_hash(name), out);
        if (known != NAMES_UNKNOWN) {
            return known == NAMES_FOUND ? OK : ERR_NOENT;
        }
    }
    status_t status = dir->ops->lookup(dir, name, out);
    if (status == OK && (*out)->type == VNODE_DIRECTORY && !has_parent(*out)) {
        vnode_set_parent(*out, dir);
    }
    if (!dir->is_dynamic && (status == OK || status == ERR_NOENT)) {
        names_enter(dir, name, status == OK ? *out : NULL);
    }
    return status;
}

status_t vnode_lookup(struct vnode *dir, struct span name, struct vnode **out)
{
    if (!dir->is_dynamic) {
        enum names_answer known = names_find(dir, name, names_hash(name), out);
        if (LIKELY(known != NAMES_UNKNOWN)) {
            return known == NAMES_FOUND ? OK : ERR_NOENT;
        }
    }
    mutex_lock(&dir->lock);
    status_t status = vnode_lookup_locked(dir, name, out);
    mutex_unlock(&dir->lock);
    return status;
}

/* ---- Attributes ---- */

uint64_t vnode_size(const struct vnode *v)
{
    return v->content != NULL ? vmo_size(v->content)
                              : atomic_load_explicit(&v->size, memory_order_relaxed);
}

status_t vnode_get_attr(struct vnode *v, struct vnode_attr *out)
{
    *out = (struct vnode_attr){.links = 1};
    mutex_lock(&v->lock);
    status_t status = v->ops->get_attr(v, out);
    out->mode = vnode_mode(v);
    out->owner = vnode_owner(v);
    out->group = atomic_load_explicit(&v->group, memory_order_relaxed);
    out->size = vnode_size(v);
    mutex_unlock(&v->lock);
    return status;
}

static uint32_t type_bits(enum vnode_type type)
{
    switch (type) {
    case VNODE_FILE: return ABI_S_IFREG;
    case VNODE_DIRECTORY: return ABI_S_IFDIR;
    case VNODE_LINK: return ABI_S_IFLNK;
    case VNODE_CHARACTER: return ABI_S_IFCHR;
    case VNODE_FIFO: return ABI_S_IFIFO;
    case VNODE_SOCKET: return ABI_S_IFSOCK;
    }
    return 0;
}

static struct abi_timespec timespec_of(nsec_t t)
{
    return (struct abi_timespec){.seconds = (int64_t)(t / NSEC_PER_SEC),
                                 .nanoseconds = (int64_t)(t % NSEC_PER_SEC)};
}

status_t vnode_stat(struct vnode *v, struct abi_stat *out)
{
    struct vnode_attr a;
    status_t status = vnode_get_attr(v, &a);
    if (status != OK) {
        return status;
    }
    *out = (struct abi_stat){
        .device = v->mount->device,
        .inode = v->inode,
        .mode = type_bits(v->type) | a.mode,
        .links = a.links,
        .owner = a.owner,
        .group = a.group,
        .special_device = a.special,
        .size = (int64_t)a.size,
        .block_size = PAGE_SIZE,
        .blocks = (int64_t)a.blocks,
        .accessed = timespec_of(a.accessed),
        .modified = timespec_of(a.modified),
        .changed = timespec_of(a.changed),
    };
    return OK;
}
