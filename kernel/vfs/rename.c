// SPDX-License-Identifier: Apache-2.0
/*
 * Renaming.
 *
 * Locking: names move between two directories only with the mount's rename lock held, so while it is
 * held no directory changes its parent.  Then both directories are locked, one that is above the other
 * first, else by address; nobody else locks two directories of which neither is in the other.  What is
 * replaced is locked last if it is a directory: it lies in one that is locked.
 */
#include "abi/fcntl.h"
#include "kernel/vfs/change.h"
#include "kernel/vfs/change_priv.h"
#include "kernel/vfs/names.h"

struct rename {
    struct path_last from;
    struct path_last to;
    const struct path_base *who;
    uint32_t flags;
    struct vnode *victim;   // what moves, with a reference
    struct vnode *replaced; // what stands there, with a reference; NULL: nothing
};

// Whether `above` is `v` or a directory on its way to the root of the mount.  The rename lock is held.
static bool is_above(const struct vnode *above, struct vnode *v)
{
    vnode_ref(v);
    while (v != NULL && v != above) {
        struct vnode *parent = vnode_get_parent(v);
        vnode_unref_later(v);
        v = parent;
    }
    if (v != NULL) {
        vnode_unref_later(v);
    }
    return v != NULL;
}

static void lock_directories(struct vnode *a, struct vnode *b) NO_THREAD_ANALYSIS
{
    if (a == b) {
        mutex_lock(&a->lock);
        return;
    }
    bool a_first = is_above(a, b) || (!is_above(b, a) && a < b);
    mutex_lock(a_first ? &a->lock : &b->lock);
    mutex_lock_inner(a_first ? &b->lock : &a->lock);
}

static void unlock_directories(struct vnode *a, struct vnode *b) NO_THREAD_ANALYSIS
{
    mutex_unlock(&a->lock);
    if (a != b) {
        mutex_unlock(&b->lock);
    }
}

static status_t find_both(struct rename *r) NO_THREAD_ANALYSIS
{
    if (r->from.dir->is_removed || r->to.dir->is_removed) {
        return ERR_NOENT;
    }
    status_t status = vnode_lookup_locked(r->from.dir, r->from.name, &r->victim);
    if (status != OK) {
        r->victim = NULL;
        return status;
    }
    status = vnode_lookup_locked(r->to.dir, r->to.name, &r->replaced);
    if (status != OK) {
        r->replaced = NULL;
    }
    return status == ERR_NOENT ? OK : status;
}

static bool is_covered(const struct vnode *v)
{
    return v != NULL && atomic_load_explicit(&v->covered_by, memory_order_relaxed) != NULL;
}

static status_t check_flags(const struct rename *r)
{
    if ((r->flags & ABI_RENAME_NOREPLACE) != 0 && r->replaced != NULL) {
        return ERR_EXIST;
    }
    if ((r->flags & ABI_RENAME_EXCHANGE) != 0 && r->replaced == NULL) {
        return ERR_NOENT;
    }
    return OK;
}

static status_t check_permission(const struct rename *r)
{
    status_t status = node_may_leave(r->from.dir, r->victim, r->who);
    if (status != OK) {
        return status;
    }
    status = r->replaced != NULL ? node_may_leave(r->to.dir, r->replaced, r->who)
                                 : vnode_may(r->to.dir, r->who->who, WANT_WRITE | WANT_EXECUTE);
    // A directory that moves has its ".." written.
    if (status == OK && r->victim->type == VNODE_DIRECTORY && r->from.dir != r->to.dir) {
        status = vnode_may(r->victim, r->who->who, WANT_WRITE);
    }
    return status;
}

static status_t check_types(const struct rename *r)
{
    bool is_directory = r->victim->type == VNODE_DIRECTORY;
    bool exchanges = (r->flags & ABI_RENAME_EXCHANGE) != 0;
    if (!is_directory && (r->from.must_be_directory || (r->to.must_be_directory && !exchanges))) {
        return ERR_NOTDIR;
    }
    if (r->replaced == NULL || exchanges) {
        return OK;
    }
    if (is_directory != (r->replaced->type == VNODE_DIRECTORY)) {
        return is_directory ? ERR_NOTDIR : ERR_ISDIR;
    }
    return OK;
}

// A directory does not go into itself; what is replaced does not hold what replaces it.
static status_t check_tree(const struct rename *r)
{
    if (r->from.dir == r->to.dir) {
        return OK;
    }
    if (r->victim->type == VNODE_DIRECTORY && is_above(r->victim, r->to.dir)) {
        return ERR_INVAL;
    }
    if (r->replaced != NULL && r->replaced->type == VNODE_DIRECTORY &&
        is_above(r->replaced, r->from.dir)) {
        return (r->flags & ABI_RENAME_EXCHANGE) != 0 ? ERR_INVAL : ERR_NOTEMPTY;
    }
    return OK;
}

static status_t check(const struct rename *r)
{
    status_t status = check_flags(r);
    status = status == OK ? check_tree(r) : status;
    status = status == OK ? check_permission(r) : status;
    status = status == OK ? check_types(r) : status;
    if (status == OK && (is_covered(r->victim) || is_covered(r->replaced))) {
        status = ERR_BUSY;
    }
    return status;
}

static void move_parent(struct vnode *v, struct vnode *to)
{
    if (v->type == VNODE_DIRECTORY) {
        vnode_set_parent(v, to);
    }
}

static status_t exchange(const struct rename *r) NO_THREAD_ANALYSIS
{
    struct vnode *from = r->from.dir;
    struct vnode *to = r->to.dir;
    if (from->ops->exchange == NULL) {
        return ERR_INVAL;
    }
    status_t status =
        from->ops->exchange(from, r->from.name, r->victim, to, r->to.name, r->replaced);
    if (status == OK) {
        move_parent(r->victim, to);
        move_parent(r->replaced, from);
        names_enter(from, r->from.name, r->replaced);
        names_enter(to, r->to.name, r->victim);
    }
    return status;
}

static status_t move(const struct rename *r) NO_THREAD_ANALYSIS
{
    struct vnode *from = r->from.dir;
    struct vnode *to = r->to.dir;
    bool replaces_directory = r->replaced != NULL && r->replaced->type == VNODE_DIRECTORY;
    if (from->ops->rename == NULL) {
        return ERR_ROFS;
    }
    if (replaces_directory) {
        mutex_lock_inner(&r->replaced->lock);
    }
    status_t status = from->ops->rename(from, r->from.name, r->victim, to, r->to.name, r->replaced);
    if (replaces_directory) {
        r->replaced->is_removed = status == OK;
        mutex_unlock(&r->replaced->lock);
    }
    if (status == OK) {
        if (replaces_directory) {
            vnode_set_parent(r->replaced, NULL);
        }
        move_parent(r->victim, to);
        names_enter(from, r->from.name, NULL);
        names_enter(to, r->to.name, r->victim);
    }
    return status;
}

static status_t rename_locked(struct rename *r)
{
    status_t status = find_both(r);
    if (status == OK) {
        status = check(r);
    }
    if (status != OK || r->victim == r->replaced) {
        return status; // two names of one file: nothing happens
    }
    return (r->flags & ABI_RENAME_EXCHANGE) != 0 ? exchange(r) : move(r);
}

static status_t rename_between(struct rename *r) NO_THREAD_ANALYSIS
{
    struct vnode *from = r->from.dir;
    struct vnode *to = r->to.dir;
    if (path_last_is_special(&r->from) || path_last_is_special(&r->to)) {
        return ERR_BUSY;
    }
    if (from->mount != to->mount) {
        return ERR_XDEV;
    }
    if (from != to) {
        mutex_lock(&from->mount->rename_lock);
    }
    lock_directories(from, to);
    status_t status = rename_locked(r);
    unlock_directories(from, to);
    if (from != to) {
        mutex_unlock(&from->mount->rename_lock);
    }
    return status;
}

status_t vfs_rename(const struct path_base *from, struct span old_path, const struct path_base *to,
                    struct span new_path, uint32_t flags)
{
    struct rename r = {.who = to, .flags = flags};
    const uint32_t both = ABI_RENAME_NOREPLACE | ABI_RENAME_EXCHANGE;
    if ((flags & ~both) != 0 || (flags & both) == both) {
        return ERR_INVAL;
    }
    status_t status = path_find_last(from, old_path, &r.from);
    if (status != OK) {
        return status;
    }
    status = path_find_last(to, new_path, &r.to);
    if (status == OK) {
        status = rename_between(&r);
        if (r.victim != NULL) {
            vnode_unref(r.victim);
        }
        if (r.replaced != NULL) {
            vnode_unref(r.replaced);
        }
        path_last_end(&r.to);
    }
    path_last_end(&r.from);
    return status;
}
