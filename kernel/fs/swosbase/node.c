// SPDX-License-Identifier: Apache-2.0
/* Vnodes of a base image: one for an inode, as long as somebody has it. */
#include "kernel/core/time.h"
#include "kernel/fs/swosbase/swosbase_priv.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { SECTOR = 512, PATH_DEPTH_MAX = 32 };

static struct swosbase_node *node_of(struct vnode *v)
{
    return container_of(v, struct swosbase_node, vnode);
}

static struct swosbase_fs *fs_of(const struct vnode *v)
{
    return container_of(v->mount, struct swosbase_fs, mount);
}

// What is malformed below a good signature is damage like any other.
static status_t as_damage(status_t status)
{
    return status == ERR_INVAL ? ERR_IO : status;
}

// ---- Operations ----

static status_t lookup(struct vnode *dir, struct span name, struct vnode **out)
{
    struct swosbase_fs *fs = fs_of(dir);
    uint32_t number;
    status_t status = swosbase_lookup(&fs->base, &fs->reader, &node_of(dir)->inode, name, &number);
    return status == OK ? swosbase_node_get(fs, number, out) : as_damage(status);
}

static enum vnode_type type_of(enum swosbase_type type)
{
    switch (type) {
    case SWOSBASE_DIRECTORY: return VNODE_DIRECTORY;
    case SWOSBASE_LINK: return VNODE_LINK;
    case SWOSBASE_FILE: break;
    }
    return VNODE_FILE;
}

static status_t enumerate(struct vnode *dir, uint64_t cookie, vnode_emit_t emit, void *context)
{
    struct swosbase_fs *fs = fs_of(dir);
    struct swosbase_entry e;
    struct swosbase_inode inode;
    for (;; cookie++) {
        status_t status = swosbase_entry(&fs->base, &fs->reader, &node_of(dir)->inode, cookie, &e);
        if (status == ERR_NOENT) {
            return OK;
        }
        if (status == OK) {
            status = swosbase_inode(&fs->base, &fs->reader, e.inode, &inode);
        }
        if (status != OK) {
            return as_damage(status);
        }
        if (!emit(context, span_of(e.name, e.name_len), e.inode + 1, type_of(inode.type),
                  cookie + 1)) {
            return OK;
        }
    }
}

static status_t read_link(struct vnode *v, struct span *out)
{
    struct swosbase_node *n = node_of(v);
    *out = span_of(n->target, (size_t)n->inode.size);
    return OK;
}

static status_t get_attr(struct vnode *v, struct vnode_attr *out)
{
    const struct swosbase_node *n = node_of(v);
    nsec_t time = fs_of(v)->base.time * NSEC_PER_SEC;
    out->links = n->inode.links;
    out->blocks = v->type == VNODE_FILE ? align_up(n->inode.size, SWOSBASE_BLOCK_SIZE) / SECTOR : 0;
    out->accessed = time;
    out->modified = time;
    out->changed = time;
    return OK;
}

static void free_node(struct swosbase_node *n)
{
    if (n->vnode.content != NULL) {
        vmo_unref(n->vnode.content);
    }
    vnode_fini(&n->vnode);
    heap_free(n->target);
    heap_free(n);
}

static void release(struct vnode *v)
{
    struct swosbase_fs *fs = fs_of(v);
    spin_lock(&fs->lock);
    rb_erase(&fs->nodes, &node_of(v)->by_inode);
    spin_unlock(&fs->lock);
    free_node(node_of(v));
}

static const struct vnode_ops directory_ops = {
    .lookup = lookup, .enumerate = enumerate, .get_attr = get_attr, .release = release};
static const struct vnode_ops file_ops = {.get_attr = get_attr, .release = release};
static const struct vnode_ops link_ops = {
    .read_link = read_link, .get_attr = get_attr, .release = release};

// ---- The table ----

/*
 * The place of an inode in the table, or where it would go.  Nodes of one inode lie side by side: one
 * that is alive, and others that are about to be released.
 */
static struct swosbase_node *find_locked(struct swosbase_fs *fs, uint32_t number)
    REQUIRES(fs -> lock)
{
    struct rb_node *at = fs->nodes.node;
    while (at != NULL) {
        struct swosbase_node *n = container_of(at, struct swosbase_node, by_inode);
        if (n->vnode.inode == number + 1ull && refcount_inc_unless_zero(&n->vnode.refs)) {
            return n;
        }
        // A dead one is left behind on the right: the living are inserted before them.
        at = number + 1ull <= n->vnode.inode ? at->left : at->right;
    }
    return NULL;
}

static void insert_locked(struct swosbase_fs *fs, struct swosbase_node *n) REQUIRES(fs -> lock)
{
    struct rb_node **link = &fs->nodes.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        struct swosbase_node *other = container_of(parent, struct swosbase_node, by_inode);
        link = n->vnode.inode <= other->vnode.inode ? &parent->left : &parent->right;
    }
    rb_insert(&fs->nodes, &n->by_inode, parent, link);
}

static struct swosbase_node *find(struct swosbase_fs *fs, uint32_t number)
{
    spin_lock(&fs->lock);
    struct swosbase_node *n = find_locked(fs, number);
    spin_unlock(&fs->lock);
    return n;
}

// Puts a new node into the table, unless there is one by now.
static struct swosbase_node *add(struct swosbase_fs *fs, struct swosbase_node *n, uint32_t number)
{
    spin_lock(&fs->lock);
    struct swosbase_node *other = find_locked(fs, number);
    if (other == NULL) {
        insert_locked(fs, n);
    }
    spin_unlock(&fs->lock);
    if (other == NULL) {
        return n;
    }
    free_node(n);
    return other;
}

// ---- New nodes ----

static status_t read_target(struct swosbase_fs *fs, struct swosbase_node *n)
{
    void *text;
    status_t status = heap_alloc((size_t)n->inode.size, &text);
    if (status != OK) {
        return status;
    }
    n->target = text;
    return fs->reader.read(fs->reader.context, n->inode.place, text, (size_t)n->inode.size);
}

// What beside the node a node of this type needs.
static status_t fill_in(struct swosbase_fs *fs, struct swosbase_node *n, uint32_t number)
{
    uint64_t size = n->inode.size;
    if (n->vnode.type == VNODE_LINK) {
        atomic_init(&n->vnode.size, size);
        return read_target(fs, n);
    }
    if (n->vnode.type == VNODE_DIRECTORY) {
        atomic_init(&n->vnode.size, SWOSBASE_BLOCK_SIZE); // as those of other file systems
        return OK;
    }
    return swosbase_file_create_vmo(fs, number, &n->inode, &n->vnode.content);
}

static status_t create(struct swosbase_fs *fs, uint32_t number, struct swosbase_node **out)
{
    static const struct vnode_ops *const ops[] = {
        [VNODE_FILE] = &file_ops, [VNODE_DIRECTORY] = &directory_ops, [VNODE_LINK] = &link_ops};
    struct swosbase_inode inode;
    void *memory;
    status_t status = swosbase_inode(&fs->base, &fs->reader, number, &inode);
    if (status != OK) {
        return as_damage(status);
    }
    status = heap_zalloc(sizeof(struct swosbase_node), &memory);
    if (status != OK) {
        return status;
    }
    struct swosbase_node *n = memory;
    enum vnode_type type = type_of(inode.type);
    n->inode = inode;
    vnode_init(&n->vnode, &fs->mount, type, number + 1ull, ops[type]); // 0 is no inode
    atomic_init(&n->vnode.mode, inode.mode);
    atomic_init(&n->vnode.owner, inode.owner);
    atomic_init(&n->vnode.group, inode.group);
    status = fill_in(fs, n, number);
    if (status != OK) {
        free_node(n);
        return status;
    }
    *out = n;
    return OK;
}

status_t swosbase_node_get(struct swosbase_fs *fs, uint32_t number, struct vnode **out)
{
    struct swosbase_node *n = find(fs, number);
    if (n == NULL) {
        status_t status = create(fs, number, &n);
        if (status != OK) {
            return status;
        }
        n = add(fs, n, number);
    }
    *out = &n->vnode;
    return OK;
}

// ---- Paths, for the log ----

// The entry that leads to an inode, and the directory it stands in.
static bool find_entry(struct swosbase_fs *fs, uint32_t number, struct swosbase_entry *e,
                       uint32_t *parent)
{
    struct swosbase_inode inode;
    for (uint32_t i = 0; i < fs->base.inodes; i++) {
        if (swosbase_inode(&fs->base, &fs->reader, i, &inode) != OK ||
            inode.type != SWOSBASE_DIRECTORY) {
            continue;
        }
        for (uint64_t at = 0; swosbase_entry(&fs->base, &fs->reader, &inode, at, e) == OK; at++) {
            if (e->inode == number) {
                *parent = i;
                return true;
            }
        }
    }
    return false;
}

// From the end to the front, since an inode knows its parent only by search.
void swosbase_path_of(struct swosbase_fs *fs, uint32_t number, char *out, size_t size)
{
    struct swosbase_entry e;
    size_t at = size - 1;
    out[at] = '\0';
    for (unsigned depth = 0; number != SWOSBASE_ROOT && depth < PATH_DEPTH_MAX; depth++) {
        uint32_t parent;
        if (!find_entry(fs, number, &e, &parent) || e.name_len + 1 > at) {
            break;
        }
        at -= e.name_len;
        memcpy(out + at, e.name, e.name_len);
        out[--at] = '/';
        number = parent;
    }
    memmove(out, out + at, size - at);
}
