// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/tmpfs/tmpfs_priv.h"
#include "kernel/mm/heap.h"
#include "kernel/vfs/names.h"
#include "lib/base/string.h"

struct tmpfs_entry {
    struct rb_node by_name;   // [directory's lock]
    struct rb_node by_cookie; // [directory's lock]
    uint64_t cookie;          // [I] of the entry; not 0
    struct tmpfs_node *node;  // [directory's lock] has a name by this
    uint32_t hash;            // [I]
    uint32_t len;             // [I]
    uint8_t text[];           // [I]
};

static struct tmpfs_entry *named(struct rb_node *node)
{
    return container_of(node, struct tmpfs_entry, by_name);
}

static struct tmpfs_entry *numbered(struct rb_node *node)
{
    return container_of(node, struct tmpfs_entry, by_cookie);
}

/* ---- The trees ---- */

static int compare(struct span name, uint32_t hash, const struct tmpfs_entry *e)
{
    if (hash != e->hash) {
        return hash < e->hash ? -1 : 1;
    }
    if (name.size != e->len) {
        return name.size < e->len ? -1 : 1;
    }
    return memcmp(name.data, e->text, name.size);
}

static struct tmpfs_entry *find(const struct tmpfs_node *dir, struct span name)
{
    uint32_t hash = names_hash(name);
    struct rb_node *node = dir->by_name.node;
    while (node != NULL) {
        int order = compare(name, hash, named(node));
        if (order == 0) {
            return named(node);
        }
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

static void insert(struct tmpfs_node *dir, struct tmpfs_entry *e)
{
    struct span name = span_of(e->text, e->len);
    struct rb_node **link = &dir->by_name.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        link = compare(name, e->hash, named(parent)) < 0 ? &parent->left : &parent->right;
    }
    rb_insert(&dir->by_name, &e->by_name, parent, link);
    // Cookies rise, so the new one is the last.
    e->cookie = ++dir->last_cookie;
    parent = rb_last(&dir->by_cookie);
    link = parent == NULL ? &dir->by_cookie.node : &parent->right;
    rb_insert(&dir->by_cookie, &e->by_cookie, parent, link);
}

static status_t create_entry(struct span name, struct tmpfs_entry **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct tmpfs_entry) + name.size, &memory);
    if (status != OK) {
        return status;
    }
    struct tmpfs_entry *e = memory;
    e->hash = names_hash(name);
    e->len = (uint32_t)name.size;
    memcpy(e->text, name.data, name.size);
    *out = e;
    return OK;
}

static void remove_entry(struct tmpfs_node *dir, struct tmpfs_entry *e)
{
    rb_erase(&dir->by_name, &e->by_name);
    rb_erase(&dir->by_cookie, &e->by_cookie);
    heap_free(e);
}

void tmpfs_directory_free(struct tmpfs_node *dir)
{
    struct rb_node *node;
    while ((node = rb_first(&dir->by_cookie)) != NULL) {
        remove_entry(dir, numbered(node));
    }
}

/* ---- Names ---- */

static uint32_t is_directory(const struct tmpfs_node *n)
{
    return n->vnode.type == VNODE_DIRECTORY;
}

// The node gets the name `e` in `dir`.
static void give_name(struct tmpfs_node *dir, struct tmpfs_entry *e, struct tmpfs_node *n)
{
    e->node = n;
    dir->directories += is_directory(n);
}

// `n` lost a name in `dir`; without any left the file system's own reference goes.
static void lose_name(struct tmpfs_node *dir, struct tmpfs_node *n)
{
    dir->directories -= is_directory(n);
    tmpfs_node_changed(n);
    if (refcount_dec(&n->names)) {
        vnode_unref_later(&n->vnode);
    }
}

static status_t lookup(struct vnode *dir, struct span name, struct vnode **out)
{
    struct tmpfs_entry *e = find(tmpfs_node_of(dir), name);
    if (e == NULL) {
        return ERR_NOENT;
    }
    vnode_ref(&e->node->vnode);
    *out = &e->node->vnode;
    return OK;
}

static status_t create(struct vnode *v, struct span name, const struct vnode_new *what,
                       struct vnode **out)
{
    struct tmpfs_node *dir = tmpfs_node_of(v);
    struct tmpfs_entry *e;
    struct tmpfs_node *n;
    if (what->type == VNODE_CHARACTER) {
        return ERR_PERM;
    }
    status_t status = create_entry(name, &e);
    if (status != OK) {
        return status;
    }
    status = tmpfs_node_create(tmpfs_of(v), what, &n);
    if (status != OK) {
        heap_free(e);
        return status;
    }
    // No failure below.
    refcount_init(&n->names, 1);
    vnode_ref(&n->vnode); // the name's
    insert(dir, e);
    give_name(dir, e, n);
    tmpfs_touched(v, ATTR_MODIFIED);
    *out = &n->vnode;
    return OK;
}

static status_t link(struct vnode *v, struct span name, struct vnode *target)
{
    struct tmpfs_node *dir = tmpfs_node_of(v);
    struct tmpfs_node *n = tmpfs_node_of(target);
    struct tmpfs_entry *e;
    status_t status = create_entry(name, &e);
    if (status != OK) {
        return status;
    }
    if (!refcount_inc_unless_zero(&n->names)) {
        heap_free(e);
        return ERR_NOENT;
    }
    insert(dir, e);
    give_name(dir, e, n);
    tmpfs_node_changed(n);
    tmpfs_touched(v, ATTR_MODIFIED);
    return OK;
}

static bool is_empty(const struct tmpfs_node *n)
{
    return !is_directory(n) || rb_is_empty(&n->by_name);
}

static status_t unlink(struct vnode *v, struct span name, struct vnode *victim)
{
    struct tmpfs_node *dir = tmpfs_node_of(v);
    struct tmpfs_node *n = tmpfs_node_of(victim);
    struct tmpfs_entry *e = find(dir, name);
    if (e == NULL) {
        return ERR_NOENT;
    }
    if (!is_empty(n)) {
        return ERR_NOTEMPTY;
    }
    remove_entry(dir, e);
    lose_name(dir, n);
    tmpfs_touched(v, ATTR_MODIFIED);
    return OK;
}

static void moved(struct vnode *from, struct vnode *to, struct tmpfs_node *n)
{
    tmpfs_node_changed(n);
    tmpfs_touched(from, ATTR_MODIFIED);
    tmpfs_touched(to, ATTR_MODIFIED);
}

static status_t rename(struct vnode *from, struct span old_name, struct vnode *victim,
                       struct vnode *to, struct span new_name, struct vnode *replaced)
{
    struct tmpfs_node *from_dir = tmpfs_node_of(from);
    struct tmpfs_node *to_dir = tmpfs_node_of(to);
    struct tmpfs_node *n = tmpfs_node_of(victim);
    struct tmpfs_entry *old = find(from_dir, old_name);
    struct tmpfs_entry *target = find(to_dir, new_name);
    if (old == NULL || (replaced != NULL) != (target != NULL)) {
        return ERR_NOENT;
    }
    if (target == NULL) {
        status_t status = create_entry(new_name, &target);
        if (status != OK) {
            return status;
        }
        insert(to_dir, target);
    } else {
        if (!is_empty(target->node)) {
            return ERR_NOTEMPTY;
        }
        lose_name(to_dir, target->node);
    }
    // No failure below.
    remove_entry(from_dir, old);
    from_dir->directories -= is_directory(n);
    give_name(to_dir, target, n);
    moved(from, to, n);
    return OK;
}

static status_t exchange(struct vnode *from, struct span name, struct vnode *victim,
                         struct vnode *to, struct span other_name, struct vnode *other)
{
    struct tmpfs_node *from_dir = tmpfs_node_of(from);
    struct tmpfs_node *to_dir = tmpfs_node_of(to);
    struct tmpfs_entry *a = find(from_dir, name);
    struct tmpfs_entry *b = find(to_dir, other_name);
    if (a == NULL || b == NULL) {
        return ERR_NOENT;
    }
    from_dir->directories -= is_directory(a->node);
    to_dir->directories -= is_directory(b->node);
    give_name(from_dir, a, tmpfs_node_of(other));
    give_name(to_dir, b, tmpfs_node_of(victim));
    moved(from, to, tmpfs_node_of(victim));
    tmpfs_node_changed(tmpfs_node_of(other));
    return OK;
}

// The first entry whose cookie is above `cookie`.
static struct rb_node *first_above(const struct tmpfs_node *dir, uint64_t cookie)
{
    struct rb_node *node = dir->by_cookie.node;
    struct rb_node *best = NULL;
    while (node != NULL) {
        if (numbered(node)->cookie > cookie) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

static status_t enumerate(struct vnode *v, uint64_t cookie, vnode_emit_t emit, void *context)
{
    struct tmpfs_node *dir = tmpfs_node_of(v);
    for (struct rb_node *node = first_above(dir, cookie); node != NULL; node = rb_next(node)) {
        struct tmpfs_entry *e = numbered(node);
        if (!emit(context, span_of(e->text, e->len), e->node->vnode.inode, e->node->vnode.type,
                  e->cookie)) {
            break;
        }
    }
    tmpfs_touched(v, ATTR_ACCESSED);
    return OK;
}

const struct vnode_ops tmpfs_directory_ops = {
    .lookup = lookup,
    .create = create,
    .link = link,
    .unlink = unlink,
    .rename = rename,
    .exchange = exchange,
    .enumerate = enumerate,
    .get_attr = tmpfs_get_attr,
    .set_attr = tmpfs_set_attr,
    .touched = tmpfs_touched,
    .release = tmpfs_release,
};
