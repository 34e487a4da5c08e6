// SPDX-License-Identifier: Apache-2.0
#include "kernel/vfs/mount.h"

#include "kernel/core/panic.h"
#include "kernel/vfs/names.h"
#include "lib/base/string.h"

static struct {
    struct mutex lock;
    struct list mounts; // [lock] in the order they were made
    struct list kinds;  // [lock]
    struct vnode *root; // [I] after mount_attach_root
} table;

void mount_table_init(void)
{
    mutex_init(&table.lock, "mounts", RANK_MOUNTS);
    list_init(&table.mounts);
    list_init(&table.kinds);
}

void mount_add_kind(struct mount_kind *k)
{
    mutex_lock(&table.lock);
    list_add_tail(&table.kinds, &k->link);
    mutex_unlock(&table.lock);
}

struct mount_kind *mount_find_kind(const char *name)
{
    struct mount_kind *found = NULL;
    mutex_lock(&table.lock);
    list_for_each (node, &table.kinds) {
        struct mount_kind *k = container_of(node, struct mount_kind, link);
        if (strcmp(k->name, name) == 0) {
            found = k;
            break;
        }
    }
    mutex_unlock(&table.lock);
    return found; // kinds stay for ever
}

void mount_attach_root(struct mount *m)
{
    assert(table.root == NULL);
    mutex_lock(&table.lock);
    list_add_tail(&table.mounts, &m->link);
    table.root = m->root;
    mutex_unlock(&table.lock);
}

struct vnode *mount_root(void)
{
    return table.root;
}

/* ---- Crossing ---- */

// One step down: true with *v replaced.
static bool enter_one(struct vnode **v)
{
    struct vnode *over = *v;
    spin_lock(&over->place);
    struct mount *m = atomic_load_explicit(&over->covered_by, memory_order_relaxed);
    bool is_ending = m != NULL && atomic_load_explicit(&m->is_ending, memory_order_relaxed);
    if (m != NULL && !is_ending) {
        *v = m->root;
        vnode_ref(*v);
    }
    spin_unlock(&over->place);
    if (is_ending) { // until it has ended or goes on
        mutex_lock(&table.lock);
        mutex_unlock(&table.lock);
        return true;
    }
    if (m == NULL) {
        return false;
    }
    vnode_unref(over);
    return true;
}

struct vnode *mount_enter(struct vnode *v)
{
    while (UNLIKELY(atomic_load_explicit(&v->covered_by, memory_order_acquire) != NULL) &&
           enter_one(&v)) {
    }
    return v;
}

// The reference on the root keeps the mount, and so what it covers.
struct vnode *mount_get_covered(struct vnode *root)
{
    struct vnode *covers = root->mount->root == root ? root->mount->covers : NULL;
    if (covers != NULL) {
        vnode_ref(covers);
    }
    return covers;
}

/* ---- Coming and going ---- */

// Whether the next look-up of its name makes another vnode, which nothing would cover.
static bool is_passing(struct vnode *v)
{
    spin_lock(&v->place);
    bool is_passing = v->parent != NULL && v->parent->is_dynamic;
    spin_unlock(&v->place);
    return is_passing;
}

status_t mount_attach(struct mount *m, struct vnode *where)
{
    if (where->type != VNODE_DIRECTORY) {
        return ERR_NOTDIR;
    }
    if (is_passing(where)) {
        return ERR_INVAL;
    }
    status_t status = OK;
    mutex_lock(&table.lock);
    mutex_lock(&where->lock);
    if (where->is_removed || atomic_load_explicit(&where->covered_by, memory_order_relaxed)) {
        status = ERR_BUSY;
    } else {
        // No failure below.
        vnode_ref(where);
        m->covers = where;
        list_add_tail(&table.mounts, &m->link);
        spin_lock(&where->place);
        atomic_store_explicit(&where->covered_by, m, memory_order_release);
        spin_unlock(&where->place);
    }
    mutex_unlock(&where->lock);
    mutex_unlock(&table.lock);
    return status;
}

static void set_ending(struct mount *m, bool is_ending)
{
    spin_lock(&m->covers->place);
    atomic_store_explicit(&m->is_ending, is_ending, memory_order_relaxed);
    spin_unlock(&m->covers->place);
}

static bool is_busy(struct mount *m)
{
    if (m->ops->is_busy != NULL) {
        return m->ops->is_busy(m);
    }
    return refcount_read(&m->root->refs) != 1 ||
           atomic_load_explicit(&m->users, memory_order_acquire) != 1;
}

// Nobody can enter the mount; takes the caller's reference on the root.
static bool end_use_locked(struct mount *m) REQUIRES(table.lock)
{
    vnode_unref(m->root);
    names_forget_mount(m);
    worker_flush(); // references that were left to workers
    return !is_busy(m);
}

status_t mount_detach(struct vnode *root)
{
    struct mount *m = root->mount;
    mutex_lock(&table.lock);
    if (m->root != root || m->covers == NULL) {
        mutex_unlock(&table.lock);
        vnode_unref(root);
        return root == table.root ? ERR_BUSY : ERR_INVAL;
    }
    set_ending(m, true);
    if (!end_use_locked(m)) {
        set_ending(m, false);
        mutex_unlock(&table.lock);
        return ERR_BUSY;
    }
    struct vnode *covers = m->covers;
    spin_lock(&covers->place);
    atomic_store_explicit(&covers->covered_by, NULL, memory_order_release);
    spin_unlock(&covers->place);
    list_del(&m->link);
    mutex_unlock(&table.lock);
    names_settle(); // who saw the mount there is out of it
    m->ops->unmount(m);
    vnode_unref(covers);
    return OK;
}

void mount_for_each(status_t (*visit)(void *context, struct mount *m), void *context,
                    status_t *status)
{
    *status = OK;
    mutex_lock(&table.lock);
    list_for_each (node, &table.mounts) {
        *status = visit(context, container_of(node, struct mount, link));
        if (*status != OK) {
            break;
        }
    }
    mutex_unlock(&table.lock);
}

static status_t sync_one(void *context, struct mount *m)
{
    status_t *first = context;
    status_t status = m->ops->sync == NULL ? OK : m->ops->sync(m);
    *first = *first == OK ? status : *first;
    return OK;
}

status_t mount_sync_all(void)
{
    status_t first = OK;
    status_t status;
    mount_for_each(sync_one, &first, &status);
    return first == OK ? status : first;
}
