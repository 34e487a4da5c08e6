// SPDX-License-Identifier: Apache-2.0
#include "lib/fs/path.h"

#include "kernel/mm/heap.h"
#include "kernel/vfs/mount.h"
#include "kernel/vfs/names.h"
#include "kernel/vfs/path.h"
#include "kernel/vfs/walk_priv.h"
#include "lib/base/string.h"

/* ---- Permission ---- */

// Devices, fifos and sockets have no content in the file system.
static bool has_content(const struct vnode *v)
{
    return v->type == VNODE_FILE || v->type == VNODE_DIRECTORY || v->type == VNODE_LINK;
}

static status_t check_capability(const struct vnode *v, const struct cred *who, uint32_t want)
{
    uint32_t caps = ((want & WANT_READ) != 0 ? SWOS_CAP_FS_READ : 0u) |
                    ((want & WANT_WRITE) != 0 ? SWOS_CAP_TMP_WRITE : 0u);
    return cred_has(who, caps) || !has_content(v) ? OK : ERR_ACCES;
}

status_t vnode_may(struct vnode *v, const struct cred *who, uint32_t want)
{
    if (who != NULL) {
        status_t status = check_capability(v, who, want);
        if (status != OK) {
            return status;
        }
    }
    if ((want & WANT_WRITE) != 0 && (v->mount->flags & MOUNT_READ_ONLY) != 0 && has_content(v)) {
        return ERR_ROFS;
    }
    return who == NULL || (vnode_mode_for(v, who) & want) == want ? OK : ERR_ACCES;
}

bool vnode_is_owned(struct vnode *v, const struct path_base *base)
{
    return base->who == NULL || base->can_administer || base->who->principal == vnode_owner(v);
}

/* ---- The walk ---- */

// Takes the reference on `v`.
static void go_to(struct walk *w, struct vnode *v)
{
    vnode_unref(w->at);
    w->at = v;
}

static struct vnode *start_of(const struct path_base *base)
{
    if (base->at == NULL) {
        return fs_context_get_cwd(base->context);
    }
    vnode_ref(base->at);
    return base->at;
}

// What ".." and absolute links do not lead out of, borrowed from the walk.
static struct vnode *root_of(struct walk *w)
{
    const struct path_base *base = w->base;
    if (w->root == NULL) {
        w->root = base->is_confined ? start_of(base) : fs_context_get_root(base->context);
    }
    return w->root;
}

static void go_to_root(struct walk *w)
{
    vnode_ref(root_of(w));
    go_to(w, w->root);
}

status_t walk_begin(struct walk *w, const struct path_base *base, struct span path)
{
    if (path.size == 0) {
        return ERR_NOENT;
    }
    if (path.size >= PATH_MAX_BYTES) {
        return ERR_NAMETOOLONG;
    }
    bool is_absolute = path.data[0] == '/';
    if (base->is_confined && (is_absolute || base->at == NULL)) {
        return ERR_ACCES;
    }
    *w = (struct walk){.base = base, .rest = path};
    w->at = is_absolute ? fs_context_get_root(base->context) : start_of(base);
    return OK;
}

void walk_end(struct walk *w)
{
    vnode_unref(w->at);
    if (w->root != NULL) {
        vnode_unref(w->root);
    }
    if (w->text != NULL) {
        heap_free(w->text);
    }
}

// The directory above `v`, which keeps its reference; the root is above itself.
static status_t parent_of(struct walk *w, struct vnode *v, struct vnode **out)
{
    const struct vnode *root = root_of(w);
    vnode_ref(v);
    while (v != root) {
        struct vnode *parent = vnode_get_parent(v);
        if (parent != NULL) {
            vnode_unref(v);
            v = mount_enter(parent);
            break;
        }
        struct vnode *covered = mount_get_covered(v);
        if (covered == NULL) {
            break;
        }
        vnode_unref(v);
        v = covered;
    }
    bool is_removed = v != root && v->is_removed;
    if (is_removed) {
        vnode_unref(v);
        return ERR_NOENT;
    }
    *out = v;
    return OK;
}

// What `name` in the directory of the walk leads to, mounts entered, links not followed.
static status_t child_of(struct walk *w, struct span name, struct vnode **out)
{
    if (name.data[0] == '.') {
        if (name.size == 1) {
            vnode_ref(w->at);
            *out = w->at;
            return OK;
        }
        if (path_name_is_dot_dot(name)) {
            return parent_of(w, w->at, out);
        }
    }
    struct vnode *child;
    status_t status = vnode_lookup(w->at, name, &child);
    if (status == OK) {
        *out = mount_enter(child);
    }
    return status;
}

static status_t check_step(const struct walk *w, struct span name)
{
    if (w->at->type != VNODE_DIRECTORY) {
        return ERR_NOTDIR;
    }
    if (name.size > NAME_MAX_BYTES) {
        return ERR_NAMETOOLONG;
    }
    return vnode_may(w->at, w->base->who, WANT_EXECUTE);
}

// The text of the link, then what was left of the path.
status_t walk_into_link(struct walk *w, struct vnode *link)
{
    struct span target;
    void *memory;
    if (w->links == PATH_LINKS_MAX) {
        return ERR_LOOP;
    }
    w->links++;
    status_t status = link->ops->read_link(link, &target);
    if (status != OK) {
        return status;
    }
    size_t size = target.size + w->rest.size;
    if (target.size == 0 || size >= PATH_MAX_BYTES) {
        return target.size == 0 ? ERR_NOENT : ERR_NAMETOOLONG;
    }
    status = heap_alloc(size, &memory);
    if (status != OK) {
        return status;
    }
    char *text = memory;
    memcpy(text, target.data, target.size);
    memcpy(text + target.size, w->rest.data, w->rest.size);
    heap_free(w->text);
    w->text = text;
    w->rest = span_of(text, size);
    if (text[0] == '/') {
        go_to_root(w);
    }
    return OK;
}

// One name that is not the last.
static status_t step(struct walk *w, struct span name)
{
    struct vnode *child;
    status_t status = child_of(w, name, &child);
    if (status != OK) {
        return status;
    }
    if (child->type == VNODE_LINK) {
        status = walk_into_link(w, child);
        vnode_unref(child);
        return status;
    }
    go_to(w, child);
    return OK;
}

status_t walk_to_last(struct walk *w)
{
    struct span name;
    while (path_next(&w->rest, &name)) {
        status_t status = check_step(w, name);
        if (status != OK) {
            return status;
        }
        if (!path_has_name(w->rest)) {
            w->last = name;
            w->must_be_directory = w->rest.size != 0;
            return OK;
        }
        status = step(w, name);
        if (status != OK) {
            return status;
        }
    }
    w->last = name; // empty
    w->must_be_directory = true;
    return OK;
}

status_t walk_last(struct walk *w, struct vnode **out)
{
    if (w->last.size == 0) {
        vnode_ref(w->at);
        *out = w->at;
        return OK;
    }
    return child_of(w, w->last, out);
}

static status_t find(struct walk *w, uint32_t flags, struct vnode **out)
{
    for (;;) {
        status_t status = walk_to_last(w);
        if (status == OK) {
            status = walk_last(w, out);
        }
        if (status != OK) {
            return status;
        }
        struct vnode *v = *out;
        if (v->type != VNODE_LINK || ((flags & PATH_FOLLOW) == 0 && !w->must_be_directory)) {
            status = w->must_be_directory && v->type != VNODE_DIRECTORY ? ERR_NOTDIR : OK;
            if (status != OK) {
                vnode_unref(v);
            }
            return status;
        }
        status = walk_into_link(w, v);
        vnode_unref(v);
        if (status != OK) {
            return status;
        }
    }
}

// Where the path starts: its number, if it may be searched.
static bool start_number(const struct path_base *base, bool is_absolute, uint64_t *out)
{
    struct fs_context *c = base->context;
    spin_lock(&c->lock);
    const struct vnode *v = is_absolute ? c->root : base->at != NULL ? base->at : c->cwd;
    bool may = v->type == VNODE_DIRECTORY && vnode_may_search(v, base->who);
    *out = v->id;
    spin_unlock(&c->lock);
    return may;
}

struct vnode *path_find_known(const struct path_base *base, struct span path)
{
    uint64_t directory;
    if (path.size == 0 || path.size >= PATH_MAX_BYTES) {
        return NULL;
    }
    bool is_absolute = path.data[0] == '/';
    if (base->is_confined && (is_absolute || base->at == NULL)) {
        return NULL;
    }
    return start_number(base, is_absolute, &directory) ? names_walk(directory, base->who, path)
                                                       : NULL;
}

status_t path_find(const struct path_base *base, struct span path, uint32_t flags,
                   struct vnode **out)
{
    struct walk w;
    *out = path_find_known(base, path);
    if (LIKELY(*out != NULL)) {
        return OK;
    }
    status_t status = walk_begin(&w, base, path);
    if (status == OK) {
        status = find(&w, flags, out);
        walk_end(&w);
    }
    return status;
}

/* ---- The last name ---- */

status_t path_find_last(const struct path_base *base, struct span path, struct path_last *out)
{
    struct walk w;
    status_t status = walk_begin(&w, base, path);
    if (status != OK) {
        return status;
    }
    status = walk_to_last(&w);
    if (status == OK) {
        *out = (struct path_last){.dir = w.at,
                                  .name = w.last,
                                  .must_be_directory = w.must_be_directory,
                                  .memory = w.text};
        vnode_ref(w.at);
        w.text = NULL;
    }
    walk_end(&w);
    return status;
}

void path_last_end(struct path_last *last)
{
    vnode_unref(last->dir);
    heap_free(last->memory);
}

bool path_last_is_special(const struct path_last *last)
{
    return last->name.size == 0 || path_name_is_dot(last->name) || path_name_is_dot_dot(last->name);
}

/* ---- From a directory to its path ---- */

struct name_search {
    const struct vnode *child;
    char *end; // the name is put before it
    char *start;
    status_t status; // ERR_NOENT until it was found
};

static bool look_for_child(void *context, struct span name, uint64_t inode, enum vnode_type,
                           uint64_t)
{
    struct name_search *s = context;
    if (inode != s->child->inode) {
        return true;
    }
    if (name.size + 1 > (size_t)(s->end - s->start)) {
        s->status = ERR_RANGE;
        return false;
    }
    s->end -= name.size + 1;
    s->end[0] = '/';
    memcpy(s->end + 1, name.data, name.size);
    s->status = OK;
    return false;
}

// Puts "/name" of the child before s->end.
static status_t prepend_name(struct vnode *parent, struct name_search *s)
{
    s->status = ERR_NOENT;
    mutex_lock(&parent->lock);
    status_t status = parent->ops->enumerate(parent, 0, look_for_child, s);
    mutex_unlock(&parent->lock);
    return status == OK ? s->status : status;
}

// From the bottom up; takes the reference on `v`.
static status_t climb(const struct vnode *root, struct vnode *v, struct name_search *s)
{
    status_t status = OK;
    while (v != root && status == OK) {
        struct vnode *parent = vnode_get_parent(v);
        struct vnode *next = parent != NULL ? parent : mount_get_covered(v);
        s->child = v;
        if (parent != NULL) {
            status = prepend_name(parent, s);
        }
        if (next == NULL) {
            status = ERR_NOENT; // removed, or outside
            break;
        }
        vnode_unref(v);
        v = next;
    }
    vnode_unref(v);
    return status;
}

status_t path_of(struct fs_context *context, struct vnode *v, char *out, size_t size, size_t *len)
{
    if (size < sizeof("/")) {
        return ERR_RANGE;
    }
    struct name_search s = {.start = out, .end = out + size - 1};
    struct vnode *root = fs_context_get_root(context);
    vnode_ref(v);
    status_t status = v->is_removed ? ERR_NOENT : OK;
    if (status == OK) {
        status = climb(root, v, &s);
    } else {
        vnode_unref(v);
    }
    vnode_unref(root);
    if (status != OK) {
        return status;
    }
    if (s.end == out + size - 1) {
        *--s.end = '/';
    }
    *len = (size_t)(out + size - 1 - s.end);
    memmove(out, s.end, *len);
    out[*len] = '\0';
    return OK;
}
