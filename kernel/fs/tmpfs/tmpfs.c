// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/tmpfs/tmpfs_priv.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/vfs/mount.h"
#include "lib/base/string.h"
#include "lib/fs/options.h"

enum {
    TMPFS_MAGIC = 0x01021994, // f_type, as programs know it
    NODES_MIN = 1024,
    ROOT_MODE = 01777,
    MODE_MASK = 07777,
};

struct settings {
    uint64_t size; // bytes
    uint64_t nodes;
    uint64_t mode;
    uint64_t owner;
    uint64_t group;
};

static uint64_t ram_bytes(void)
{
    struct page_stats pages;
    page_stats(&pages);
    return (uint64_t)pages.total_pages << PAGE_SHIFT;
}

static status_t parse(const char *text, struct settings *s)
{
    *s = (struct settings){.size = ram_bytes() / 2, .mode = ROOT_MODE};
    const struct mount_option known[] = {
        {"size", MOUNT_OPTION_SIZE, &s->size},   {"nr_inodes", MOUNT_OPTION_NUMBER, &s->nodes},
        {"mode", MOUNT_OPTION_OCTAL, &s->mode},  {"uid", MOUNT_OPTION_NUMBER, &s->owner},
        {"gid", MOUNT_OPTION_NUMBER, &s->group},
    };
    status_t status = mount_options_parse(text, known, ARRAY_SIZE(known), ram_bytes());
    if (status == OK && (s->mode > MODE_MASK || s->owner > UINT32_MAX || s->group > UINT32_MAX)) {
        status = ERR_INVAL;
    }
    if (s->nodes == 0) {
        s->nodes = u64_max(pages_for(s->size), NODES_MIN);
    }
    return status;
}

/* ---- Operations of the mount ---- */

static status_t statfs(struct mount *m, struct abi_statfs *out)
{
    struct tmpfs *fs = container_of(m, struct tmpfs, mount);
    uint64_t used = atomic_load_explicit(&fs->space->used, memory_order_relaxed);
    uint64_t nodes = atomic_load_explicit(&fs->node_count, memory_order_relaxed);
    *out = (struct abi_statfs){
        .type = TMPFS_MAGIC,
        .block_size = PAGE_SIZE,
        .blocks = fs->space->limit,
        .blocks_free = fs->space->limit - u64_min(used, fs->space->limit),
        .files = fs->node_limit,
        .files_free = fs->node_limit - u64_min(nodes, fs->node_limit),
    };
    out->blocks_available = out->blocks_free;
    return OK;
}

// References that the tree itself holds on a node: one for its names, and one of each directory in it.
static bool is_used(struct tmpfs_node *n)
{
    uint32_t own = 1 + (n->vnode.type == VNODE_DIRECTORY ? n->directories : 0);
    return refcount_read(&n->names) == 0 || refcount_read(&n->vnode.refs) > own;
}

static bool is_busy(struct mount *m)
{
    struct tmpfs *fs = container_of(m, struct tmpfs, mount);
    bool busy = false;
    spin_lock(&fs->lock);
    list_for_each (link, &fs->nodes) {
        busy = busy || is_used(container_of(link, struct tmpfs_node, link));
    }
    spin_unlock(&fs->lock);
    return busy;
}

static void unmount(struct mount *m)
{
    struct tmpfs *fs = container_of(m, struct tmpfs, mount);
    struct list *link;
    while ((link = list_first(&fs->nodes)) != NULL) {
        tmpfs_node_free(container_of(link, struct tmpfs_node, link));
    }
    tmpfs_space_unref(fs->space);
    heap_free(fs);
}

static const struct mount_ops mount_ops = {
    .type = "tmpfs", .statfs = statfs, .is_busy = is_busy, .unmount = unmount};

/* ---- Mounting ---- */

static status_t create_space(uint64_t bytes, struct tmpfs_space **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct tmpfs_space), &memory);
    if (status == OK) {
        *out = memory;
        refcount_init(&(*out)->refs, 1);
        (*out)->limit = pages_for(bytes);
    }
    return status;
}

static status_t create_root(struct tmpfs *fs, const struct settings *s)
{
    struct vnode_new what = {.type = VNODE_DIRECTORY,
                             .mode = (uint32_t)s->mode,
                             .owner = (uint32_t)s->owner,
                             .group = (uint32_t)s->group};
    struct tmpfs_node *root;
    status_t status = tmpfs_node_create(fs, &what, &root);
    if (status == OK) {
        refcount_init(&root->names, 1);
        fs->mount.root = &root->vnode;
    }
    return status;
}

status_t tmpfs_create(const char *source, uint32_t flags, const char *options, struct mount **out)
{
    struct settings s;
    void *memory;
    status_t status = parse(options, &s);
    if (status != OK) {
        return status;
    }
    status = heap_zalloc(sizeof(struct tmpfs), &memory);
    if (status != OK) {
        return status;
    }
    struct tmpfs *fs = memory;
    mount_init(&fs->mount, &mount_ops, flags, source);
    spin_init(&fs->lock, "tmpfs nodes", RANK_OBJECT);
    list_init(&fs->nodes);
    fs->node_limit = s.nodes;
    status = create_space(s.size, &fs->space);
    if (status != OK) {
        heap_free(fs);
        return status;
    }
    status = create_root(fs, &s);
    if (status != OK) {
        tmpfs_space_unref(fs->space);
        heap_free(fs);
        return status;
    }
    *out = &fs->mount;
    return OK;
}

static struct mount_kind kind = {.name = "tmpfs", .mount = tmpfs_create};

void tmpfs_init(void)
{
    mount_add_kind(&kind);
}
