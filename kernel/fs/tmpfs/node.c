// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/fs/tmpfs/tmpfs_priv.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/pager.h"
#include "kernel/mm/vmo.h"
#include "lib/base/string.h"

enum { SECTORS_PER_PAGE = PAGE_SIZE / 512, DIRECTORY_SIZE = PAGE_SIZE };

/* ---- Space ---- */

struct tmpfs_space *tmpfs_space_ref(struct tmpfs_space *s)
{
    refcount_inc(&s->refs);
    return s;
}

void tmpfs_space_unref(struct tmpfs_space *s)
{
    if (refcount_dec(&s->refs)) {
        heap_free(s);
    }
}

static status_t charge(void *context, size_t count)
{
    struct tmpfs_space *s = context;
    uint64_t used = atomic_load_explicit(&s->used, memory_order_relaxed);
    do {
        if (count > s->limit || used > s->limit - count) {
            return ERR_NOSPC;
        }
    } while (!atomic_compare_exchange_weak_explicit(&s->used, &used, used + count,
                                                    memory_order_relaxed, memory_order_relaxed));
    return OK;
}

static void uncharge(void *context, size_t count)
{
    struct tmpfs_space *s = context;
    atomic_fetch_sub_explicit(&s->used, count, memory_order_relaxed);
}

static void content_gone(void *context)
{
    tmpfs_space_unref(context);
}

static const struct pager_ops content_ops = {
    .charge = charge, .uncharge = uncharge, .release = content_gone};

/* ---- Life ---- */

static const struct vnode_ops *ops_for(enum vnode_type type)
{
    switch (type) {
    case VNODE_FILE: return &tmpfs_file_ops;
    case VNODE_DIRECTORY: return &tmpfs_directory_ops;
    case VNODE_LINK: return &tmpfs_link_ops;
    default: return &tmpfs_special_ops;
    }
}

// What beside the node a node of this type needs.
static status_t create_content(struct tmpfs *fs, struct tmpfs_node *n, const struct vnode_new *what)
{
    if (what->type == VNODE_FILE) {
        status_t status = vmo_create_file(&content_ops, fs->space, 0, &n->vnode.content);
        if (status == OK) {
            tmpfs_space_ref(fs->space);
        }
        return status;
    }
    if (what->type == VNODE_LINK) {
        void *text;
        status_t status = heap_alloc(what->target.size, &text);
        if (status == OK) {
            memcpy(text, what->target.data, what->target.size);
            n->target = span_of(text, what->target.size);
            atomic_store_explicit(&n->vnode.size, what->target.size, memory_order_relaxed);
        }
        return status;
    }
    if (what->type == VNODE_DIRECTORY) {
        atomic_store_explicit(&n->vnode.size, DIRECTORY_SIZE, memory_order_relaxed);
    }
    return OK;
}

static bool count_node(struct tmpfs *fs)
{
    if (atomic_fetch_add_explicit(&fs->node_count, 1, memory_order_relaxed) < fs->node_limit) {
        return true;
    }
    atomic_fetch_sub_explicit(&fs->node_count, 1, memory_order_relaxed);
    return false;
}

static void set_up(struct tmpfs *fs, struct tmpfs_node *n, const struct vnode_new *what)
{
    uint64_t inode = atomic_fetch_add_explicit(&fs->last_inode, 1, memory_order_relaxed) + 1;
    nsec_t now = time_wall();
    vnode_init(&n->vnode, &fs->mount, what->type, inode, ops_for(what->type));
    atomic_init(&n->vnode.mode, what->mode);
    atomic_init(&n->vnode.owner, what->owner);
    atomic_init(&n->vnode.group, what->group);
    refcount_init(&n->names, 0);
    atomic_init(&n->accessed, now);
    atomic_init(&n->modified, now);
    atomic_init(&n->changed, now);
}

status_t tmpfs_node_create(struct tmpfs *fs, const struct vnode_new *what, struct tmpfs_node **out)
{
    void *memory;
    if (!count_node(fs)) {
        return ERR_NOSPC;
    }
    status_t status = heap_zalloc(sizeof(struct tmpfs_node), &memory);
    if (status != OK) {
        atomic_fetch_sub_explicit(&fs->node_count, 1, memory_order_relaxed);
        return status;
    }
    struct tmpfs_node *n = memory;
    set_up(fs, n, what);
    status = create_content(fs, n, what);
    if (status != OK) {
        vnode_fini(&n->vnode);
        heap_free(n);
        atomic_fetch_sub_explicit(&fs->node_count, 1, memory_order_relaxed);
        return status;
    }
    spin_lock(&fs->lock);
    list_add_tail(&fs->nodes, &n->link);
    spin_unlock(&fs->lock);
    *out = n;
    return OK;
}

void tmpfs_node_free(struct tmpfs_node *n)
{
    struct tmpfs *fs = tmpfs_of(&n->vnode);
    spin_lock(&fs->lock);
    list_del(&n->link);
    spin_unlock(&fs->lock);
    if (n->vnode.content != NULL) {
        vmo_unref(n->vnode.content);
    }
    if (n->vnode.type == VNODE_LINK) {
        heap_free((void *)(uintptr_t)n->target.data);
    } else if (n->vnode.type == VNODE_DIRECTORY) {
        tmpfs_directory_free(n);
    }
    vnode_fini(&n->vnode);
    heap_free(n);
    atomic_fetch_sub_explicit(&fs->node_count, 1, memory_order_relaxed);
}

void tmpfs_release(struct vnode *v)
{
    tmpfs_node_free(tmpfs_node_of(v));
}

/* ---- Attributes ---- */

static void stamp(_Atomic nsec_t *time, nsec_t now)
{
    atomic_store_explicit(time, now, memory_order_relaxed);
}

static nsec_t time_of(const _Atomic nsec_t *time)
{
    return atomic_load_explicit(time, memory_order_relaxed);
}

void tmpfs_touched(struct vnode *v, uint32_t mask)
{
    struct tmpfs_node *n = tmpfs_node_of(v);
    nsec_t now = time_wall();
    if ((mask & ATTR_ACCESSED) != 0) {
        stamp(&n->accessed, now);
    }
    if ((mask & ATTR_MODIFIED) != 0) {
        stamp(&n->modified, now);
        stamp(&n->changed, now);
    }
}

void tmpfs_node_changed(struct tmpfs_node *n)
{
    stamp(&n->changed, time_wall());
}

// What was written through mappings.
static void note_mapped_write(struct tmpfs_node *n)
{
    struct vmo *content = n->vnode.content;
    nsec_t at = content == NULL ? 0 : vmo_take_mapped_write(content);
    if (at != 0) {
        stamp(&n->modified, at);
        stamp(&n->changed, at);
    }
}

status_t tmpfs_get_attr(struct vnode *v, struct vnode_attr *out)
{
    struct tmpfs_node *n = tmpfs_node_of(v);
    note_mapped_write(n);
    out->links = refcount_read(&n->names);
    if (v->type == VNODE_DIRECTORY && out->links != 0) {
        out->links = 2 + n->directories; // its name and its "."; the ".." of those in it
    }
    if (v->content != NULL) {
        out->blocks = vmo_resident_pages(v->content) * SECTORS_PER_PAGE;
    }
    out->accessed = time_of(&n->accessed);
    out->modified = time_of(&n->modified);
    out->changed = time_of(&n->changed);
    return OK;
}

status_t tmpfs_set_attr(struct vnode *v, const struct vnode_attr *a, uint32_t mask)
{
    struct tmpfs_node *n = tmpfs_node_of(v);
    note_mapped_write(n); // before: it does not undo what is set now
    if ((mask & ATTR_ACCESSED) != 0) {
        stamp(&n->accessed, a->accessed);
    }
    if ((mask & ATTR_MODIFIED) != 0) {
        stamp(&n->modified, a->modified);
    }
    tmpfs_node_changed(n);
    return OK;
}

/* ---- What is not a directory ---- */

// A larger file is a hole until it is written.
static status_t resize(struct vnode *, uint64_t)
{
    return OK;
}

// Gives the holes in the range pages.
static status_t allocate(struct vnode *v, uint64_t offset, uint64_t size)
{
    status_t status = OK;
    const char zero = 0;
    uint64_t end = offset + size;
    while (offset < end && status == OK) {
        if (!vmo_is_present(v->content, offset >> PAGE_SHIFT)) {
            status = vmo_write_bytes(v->content, offset, &zero, sizeof(zero));
        }
        offset = align_down(offset, PAGE_SIZE) + PAGE_SIZE;
        thread_preempt_point();
    }
    return status;
}

static status_t read_link(struct vnode *v, struct span *out)
{
    *out = tmpfs_node_of(v)->target;
    return OK;
}

const struct vnode_ops tmpfs_file_ops = {
    .get_attr = tmpfs_get_attr,
    .set_attr = tmpfs_set_attr,
    .touched = tmpfs_touched,
    .resize = resize,
    .allocate = allocate,
    .release = tmpfs_release,
};

const struct vnode_ops tmpfs_link_ops = {
    .read_link = read_link,
    .get_attr = tmpfs_get_attr,
    .set_attr = tmpfs_set_attr,
    .release = tmpfs_release,
};

const struct vnode_ops tmpfs_special_ops = {
    .get_attr = tmpfs_get_attr,
    .set_attr = tmpfs_set_attr,
    .touched = tmpfs_touched,
    .release = tmpfs_release,
};
