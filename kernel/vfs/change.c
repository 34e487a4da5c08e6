// SPDX-License-Identifier: Apache-2.0
#include "kernel/vfs/change.h"

#include "kernel/core/time.h"
#include "kernel/vfs/change_priv.h"
#include "kernel/vfs/names.h"
#include "lib/fs/path.h"

enum {
    MODE_MASK = 07777,
    MODE_SETGID = 02000,
    MODE_STICKY = 01000,
    MODE_SET_IDS = 06000,
    KEEP_ID = -1, // of chown
};

uint32_t mode_masked(const struct path_base *who, uint32_t mode)
{
    return mode & MODE_MASK &
           ~atomic_load_explicit(&who->context->umask_bits, memory_order_relaxed);
}

/* ---- Making ---- */

static struct vnode_new describe(struct vnode *dir, const struct cred *who, enum vnode_type type,
                                 uint32_t mode, struct span target)
{
    struct vnode_new what = {.type = type, .mode = mode, .target = target};
    if (who != NULL) {
        what.owner = who->principal;
        what.group = who->group;
    }
    if ((vnode_mode(dir) & MODE_SETGID) != 0) {
        what.group = atomic_load_explicit(&dir->group, memory_order_relaxed);
        what.mode |= type == VNODE_DIRECTORY ? MODE_SETGID : 0u;
    }
    return what;
}

static status_t create_locked(struct vnode *dir, struct span name, const struct vnode_new *what,
                              struct vnode **out) REQUIRES(dir -> lock)
{
    if (dir->is_removed) {
        return ERR_NOENT;
    }
    status_t status = vnode_lookup_locked(dir, name, out);
    if (status == OK) {
        vnode_unref_later(*out);
        return ERR_EXIST;
    }
    if (status != ERR_NOENT) {
        return status;
    }
    if (dir->ops->create == NULL) {
        return ERR_ROFS;
    }
    status = dir->ops->create(dir, name, what, out);
    if (status == OK) {
        if (what->type == VNODE_DIRECTORY) {
            vnode_set_parent(*out, dir);
        }
        names_enter(dir, name, *out);
    }
    return status;
}

status_t node_create(struct vnode *dir, struct span name, const struct path_base *who,
                     const struct vnode_new *wanted, struct vnode **out)
{
    status_t status = vnode_may(dir, who->who, WANT_WRITE | WANT_EXECUTE);
    if (status != OK) {
        return status;
    }
    struct vnode_new what = describe(dir, who->who, wanted->type, wanted->mode, wanted->target);
    mutex_lock(&dir->lock);
    status = create_locked(dir, name, &what, out);
    mutex_unlock(&dir->lock);
    return status;
}

// Whether something is there already, which is reported before permission is.
static status_t check_free(const struct path_last *last)
{
    struct vnode *v;
    if (path_last_is_special(last)) {
        return ERR_EXIST;
    }
    status_t status = vnode_lookup(last->dir, last->name, &v);
    if (status == OK) {
        vnode_unref(v);
        return ERR_EXIST;
    }
    return status == ERR_NOENT ? OK : status;
}

static status_t make(const struct path_base *base, struct span path, const struct vnode_new *what,
                     struct vnode **out)
{
    struct path_last last;
    status_t status = path_find_last(base, path, &last);
    if (status != OK) {
        return status;
    }
    status = check_free(&last);
    if (status == OK && last.must_be_directory && what->type != VNODE_DIRECTORY) {
        status = ERR_NOENT;
    }
    if (status == OK) {
        status = node_create(last.dir, last.name, base, what, out);
    }
    path_last_end(&last);
    return status;
}

status_t vfs_make_node(const struct path_base *base, struct span path, enum vnode_type type,
                       uint32_t mode, struct vnode **out)
{
    struct vnode_new what = {.type = type, .mode = mode_masked(base, mode)};
    return make(base, path, &what, out);
}

status_t vfs_make(const struct path_base *base, struct span path, enum vnode_type type,
                  uint32_t mode, struct span target)
{
    struct vnode_new what = {.type = type,
                             .mode = type == VNODE_LINK ? 0777 : mode_masked(base, mode),
                             .target = target};
    struct vnode *v;
    if (type == VNODE_LINK && (target.size == 0 || target.size >= PATH_MAX_BYTES)) {
        return target.size == 0 ? ERR_NOENT : ERR_NAMETOOLONG;
    }
    status_t status = make(base, path, &what, &v);
    if (status == OK) {
        vnode_unref(v);
    }
    return status;
}

/* ---- Links ---- */

static status_t link_locked(struct vnode *dir, struct span name, struct vnode *target)
    REQUIRES(dir -> lock)
{
    struct vnode *there;
    if (dir->is_removed) {
        return ERR_NOENT;
    }
    status_t status = vnode_lookup_locked(dir, name, &there);
    if (status == OK) {
        vnode_unref_later(there);
        return ERR_EXIST;
    }
    if (status != ERR_NOENT) {
        return status;
    }
    if (dir->ops->link == NULL) {
        return ERR_ROFS;
    }
    status = dir->ops->link(dir, name, target);
    if (status == OK) {
        names_enter(dir, name, target);
    }
    return status;
}

static status_t link_at(const struct path_last *last, const struct path_base *base,
                        struct vnode *target)
{
    status_t status = check_free(last);
    if (status != OK) {
        return status;
    }
    if (target->type == VNODE_DIRECTORY) {
        return ERR_PERM;
    }
    if (last->dir->mount != target->mount) {
        return ERR_XDEV;
    }
    if (last->must_be_directory) {
        return ERR_NOENT;
    }
    status = vnode_may(last->dir, base->who, WANT_WRITE | WANT_EXECUTE);
    if (status == OK) {
        mutex_lock(&last->dir->lock);
        status = link_locked(last->dir, last->name, target);
        mutex_unlock(&last->dir->lock);
    }
    return status;
}

status_t vfs_link(struct vnode *target, const struct path_base *base, struct span path)
{
    struct path_last last;
    status_t status = path_find_last(base, path, &last);
    if (status == OK) {
        status = link_at(&last, base, target);
        path_last_end(&last);
    }
    return status;
}

/* ---- Unlinking ---- */

// In a sticky directory only who owns the file or the directory takes names away.
status_t node_may_leave(struct vnode *dir, struct vnode *victim, const struct path_base *who)
{
    status_t status = vnode_may(dir, who->who, WANT_WRITE | WANT_EXECUTE);
    if (status == OK && (vnode_mode(dir) & MODE_STICKY) != 0 && !vnode_is_owned(victim, who) &&
        !vnode_is_owned(dir, who)) {
        status = ERR_PERM;
    }
    return status;
}

static status_t check_unlink(const struct path_last *last, struct vnode *victim,
                             const struct path_base *who, enum unlink_what what)
{
    bool is_directory = victim->type == VNODE_DIRECTORY;
    status_t status = node_may_leave(last->dir, victim, who);
    if (status != OK) {
        return status;
    }
    if (what == UNLINK_DIRECTORY || last->must_be_directory) {
        if (!is_directory) {
            return ERR_NOTDIR;
        }
    }
    if (is_directory && what != UNLINK_DIRECTORY) {
        return ERR_ISDIR;
    }
    return atomic_load_explicit(&victim->covered_by, memory_order_relaxed) != NULL ? ERR_BUSY : OK;
}

static status_t remove_directory_locked(struct vnode *dir, struct span name, struct vnode *victim)
    REQUIRES(dir -> lock)
{
    mutex_lock_inner(&victim->lock); // in `dir`, whose lock we hold
    // A mount is made with this lock held, so none can come from here on.
    bool is_covered = atomic_load_explicit(&victim->covered_by, memory_order_relaxed) != NULL;
    status_t status = is_covered ? ERR_BUSY : dir->ops->unlink(dir, name, victim);
    if (status == OK) {
        victim->is_removed = true;
    }
    mutex_unlock(&victim->lock);
    if (status == OK) {
        vnode_set_parent(victim, NULL);
    }
    return status;
}

static status_t unlink_locked(struct vnode *dir, const struct path_last *last,
                              const struct path_base *who, enum unlink_what what,
                              struct vnode **victim) REQUIRES(dir -> lock)
{
    status_t status = vnode_lookup_locked(dir, last->name, victim);
    if (status != OK) {
        *victim = NULL;
        return status;
    }
    status = check_unlink(last, *victim, who, what);
    if (status != OK) {
        return status;
    }
    if (dir->ops->unlink == NULL) {
        return ERR_ROFS;
    }
    status = what == UNLINK_DIRECTORY ? remove_directory_locked(dir, last->name, *victim)
                                      : dir->ops->unlink(dir, last->name, *victim);
    if (status == OK) {
        names_enter(dir, last->name, NULL);
    }
    return status;
}

static status_t refuse_special(const struct path_last *last, enum unlink_what what)
{
    if (!path_last_is_special(last)) {
        return OK;
    }
    if (what == UNLINK_FILE) {
        return ERR_ISDIR;
    }
    if (last->name.size == 0) {
        return ERR_BUSY;
    }
    return path_name_is_dot(last->name) ? ERR_INVAL : ERR_NOTEMPTY;
}

status_t vfs_unlink(const struct path_base *base, struct span path, enum unlink_what what)
{
    struct path_last last;
    struct vnode *victim = NULL;
    status_t status = path_find_last(base, path, &last);
    if (status != OK) {
        return status;
    }
    status = refuse_special(&last, what);
    if (status == OK) {
        struct vnode *dir = last.dir;
        mutex_lock(&dir->lock);
        status = unlink_locked(dir, &last, base, what, &victim);
        mutex_unlock(&dir->lock);
    }
    if (victim != NULL) {
        vnode_unref(victim);
    }
    path_last_end(&last);
    return status;
}

/* ---- Attributes ---- */

static status_t check_writable(const struct vnode *v, const struct path_base *who)
{
    if (who->who != NULL && !cred_has(who->who, SWOS_CAP_TMP_WRITE)) {
        return ERR_PERM;
    }
    return (v->mount->flags & MOUNT_READ_ONLY) != 0 || v->ops->set_attr == NULL ? ERR_ROFS : OK;
}

static void store_locked(struct vnode *v, const struct vnode_attr *a, uint32_t mask)
    REQUIRES(v -> lock)
{
    if ((mask & ATTR_MODE) != 0) {
        atomic_store_explicit(&v->mode, a->mode, memory_order_relaxed);
    }
    if ((mask & ATTR_OWNER) != 0) {
        atomic_store_explicit(&v->owner, a->owner, memory_order_relaxed);
    }
    if ((mask & ATTR_GROUP) != 0) {
        atomic_store_explicit(&v->group, a->group, memory_order_relaxed);
    }
}

static status_t set_attr(struct vnode *v, const struct vnode_attr *a, uint32_t mask)
{
    mutex_lock(&v->lock);
    status_t status = v->ops->set_attr(v, a, mask);
    if (status == OK) {
        store_locked(v, a, mask);
    }
    mutex_unlock(&v->lock);
    return status;
}

status_t vfs_set_mode(struct vnode *v, const struct path_base *who, uint32_t mode)
{
    status_t status = check_writable(v, who);
    if (status != OK) {
        return status;
    }
    if (!vnode_is_owned(v, who)) {
        return ERR_PERM;
    }
    if (v->type == VNODE_LINK) {
        return ERR_NOTSUP;
    }
    struct vnode_attr a = {.mode = mode & MODE_MASK};
    bool in_group = who->who == NULL || who->can_administer ||
                    who->who->group == atomic_load_explicit(&v->group, memory_order_relaxed);
    if (!in_group && v->type != VNODE_DIRECTORY) {
        a.mode &= ~(uint32_t)MODE_SETGID;
    }
    return set_attr(v, &a, ATTR_MODE);
}

status_t vfs_set_owner(struct vnode *v, const struct path_base *who, uint32_t owner, uint32_t group)
{
    struct vnode_attr a = {.mode = vnode_mode(v), .owner = owner, .group = group};
    uint32_t mask = (owner != (uint32_t)KEEP_ID ? ATTR_OWNER : 0u) |
                    (group != (uint32_t)KEEP_ID ? ATTR_GROUP : 0u);
    status_t status = check_writable(v, who);
    if (status != OK) {
        return status;
    }
    bool may_do_anything = who->who == NULL || who->can_administer;
    bool keeps_owner = owner == (uint32_t)KEEP_ID || owner == vnode_owner(v);
    if (!may_do_anything) {
        bool group_is_own = group == (uint32_t)KEEP_ID || group == who->who->group ||
                            group == atomic_load_explicit(&v->group, memory_order_relaxed);
        if (!vnode_is_owned(v, who) || !keeps_owner || !group_is_own) {
            return ERR_PERM;
        }
    }
    if (v->type == VNODE_FILE && (a.mode & MODE_SET_IDS) != 0 && mask != 0) {
        a.mode &= ~(uint32_t)MODE_SET_IDS; // the new owner did not set them
        mask |= ATTR_MODE;
    }
    return set_attr(v, &a, mask);
}

status_t vfs_set_times(struct vnode *v, const struct path_base *who, const struct vfs_times *t)
{
    status_t status = check_writable(v, who);
    if (status != OK) {
        return status;
    }
    if (!vnode_is_owned(v, who)) {
        if (!t->is_now) {
            return ERR_PERM;
        }
        status = vnode_may(v, who->who, WANT_WRITE);
        if (status != OK) {
            return status;
        }
    }
    struct vnode_attr a = {.accessed = t->accessed, .modified = t->modified};
    return set_attr(v, &a, t->mask);
}
