// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/swosbase/swosbase.h"

#include "kernel/core/log.h"
#include "kernel/fs/swosbase/swosbase_priv.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/boot/key.h"

enum { SWOSBASE_MAGIC = 0x53574f42 }; // f_type: "SWOB"

// Memory objects that were not made yet are NULL.
static void drop_objects(struct swosbase_fs *fs)
{
    if (fs->meta != NULL) {
        vmo_unref(fs->meta);
    }
    for (unsigned i = 0; i < SWOSBASE_LEVELS_MAX; i++) {
        if (fs->levels[i] != NULL) {
            vmo_unref(fs->levels[i]);
        }
    }
}

void swosbase_fs_unref(struct swosbase_fs *fs)
{
    if (refcount_dec(&fs->refs)) {
        drop_objects(fs);
        heap_free(fs);
    }
}

static status_t read_meta(void *context, uint64_t offset, void *bytes, size_t size)
{
    const struct swosbase_fs *fs = context;
    return vmo_read_bytes(fs->meta, offset, bytes, size);
}

// ---- Operations of the mount ----

static status_t statfs(struct mount *m, struct abi_statfs *out)
{
    const struct swosbase_fs *fs = container_of(m, struct swosbase_fs, mount);
    *out = (struct abi_statfs){
        .type = SWOSBASE_MAGIC,
        .block_size = SWOSBASE_BLOCK_SIZE,
        .blocks = fs->base.blocks,
        .files = fs->base.inodes,
    };
    return OK;
}

static void unmount(struct mount *m)
{
    struct swosbase_fs *fs = container_of(m, struct swosbase_fs, mount);
    if (m->root != NULL) {
        vnode_unref(m->root);
    }
    swosbase_fs_unref(fs);
}

static const struct mount_ops mount_ops = {
    .type = "swosbase", .statfs = statfs, .unmount = unmount};

// ---- Mounting ----

static const char *problem_of(status_t status)
{
    switch (status) {
    case ERR_NOEXEC: return "no base image";
    case ERR_NOTSUP: return "a base image of another version";
    case ERR_NODATA: return "the base image is cut short";
    case ERR_INVAL: return "the base image is malformed";
    case ERR_ACCES: return "the base image is not signed by the key of this kernel";
    case ERR_NOMEM: return "no memory";
    default: return "cannot be read";
    }
}

// The superblock in memory of the caller's to free.  ERR_NOEXEC: the device is too small for one.
static status_t read_superblock(struct block_device *d, uint8_t **out)
{
    void *block;
    if (d->size_bytes < SWOSBASE_BLOCK_SIZE || d->request_max < SWOSBASE_BLOCK_SIZE) {
        return ERR_NOEXEC;
    }
    status_t status = heap_alloc(SWOSBASE_BLOCK_SIZE, &block);
    if (status != OK) {
        return status;
    }
    status = block_read(d, 0, block, SWOSBASE_BLOCK_SIZE);
    if (status != OK) {
        heap_free(block);
        return status;
    }
    *out = block;
    return OK;
}

status_t swosbase_probe(struct block_device *d)
{
    struct swosbase base;
    uint8_t *block;
    status_t status = read_superblock(d, &block);
    if (status != OK) {
        return status;
    }
    status = swosbase_open(block, d->size_bytes, &base);
    heap_free(block);
    return status == ERR_NOEXEC ? status : OK;
}

// Nothing that the superblock says is used before its signature was seen to be good.
static status_t read_base(struct block_device *d, struct swosbase *out)
{
    uint8_t *block;
    status_t status = read_superblock(d, &block);
    if (status != OK) {
        return status;
    }
    status = swosbase_open(block, d->size_bytes, out);
    if (status == OK &&
        !crypt_is_signed(swosbase_signed_part(block), swosbase_signature(block), trust_key)) {
        status = ERR_ACCES;
    }
    heap_free(block);
    return status;
}

// From the highest level down: each finds its hashes in the one above.
static status_t create_levels(struct swosbase_fs *fs)
{
    struct vmo *above = NULL;
    for (unsigned i = fs->base.levels; i-- > 0;) {
        fs->level_runs[i] = (struct swosbase_run){
            .fs = fs,
            .first_block = fs->base.level_start[i],
            .hashes = above,
            .inode = SWOSBASE_NO_INODE,
        };
        uint64_t size = fs->base.level_blocks[i] * SWOSBASE_BLOCK_SIZE;
        status_t status = swosbase_run_create_vmo(&fs->level_runs[i], size, &fs->levels[i]);
        if (status != OK) {
            return status;
        }
        above = fs->levels[i];
    }
    return OK;
}

static status_t create_meta(struct swosbase_fs *fs)
{
    fs->meta_run = (struct swosbase_run){
        .fs = fs,
        .first_block = 1,
        .first_hash = 0,
        .hashes = fs->levels[0],
        .inode = SWOSBASE_NO_INODE,
    };
    fs->reader = (struct swosbase_reader){.read = read_meta, .context = fs};
    return swosbase_run_create_vmo(&fs->meta_run, fs->base.meta_size, &fs->meta);
}

// Reading the root directory's inode goes down the whole tree once, so that an image whose tree or
// first metadata is damaged is refused here.
static status_t set_up(struct swosbase_fs *fs)
{
    status_t status = create_levels(fs);
    if (status == OK) {
        status = create_meta(fs);
    }
    if (status == OK) {
        status = swosbase_node_get(fs, SWOSBASE_ROOT, &fs->mount.root);
    }
    if (status == OK && fs->mount.root->type != VNODE_DIRECTORY) {
        status = ERR_INVAL;
    }
    return status;
}

static status_t create(struct block_device *d, const struct swosbase *base,
                       struct swosbase_fs **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct swosbase_fs), &memory);
    if (status != OK) {
        return status;
    }
    struct swosbase_fs *fs = memory;
    mount_init(&fs->mount, &mount_ops, MOUNT_READ_ONLY, d->name);
    refcount_init(&fs->refs, 1);
    fs->device = d;
    fs->base = *base;
    spin_init(&fs->lock, "swosbase nodes", RANK_OBJECT);
    status = set_up(fs);
    if (status != OK) {
        unmount(&fs->mount);
        return status;
    }
    *out = fs;
    return OK;
}

status_t swosbase_create(struct block_device *d, struct mount **out)
{
    struct swosbase base;
    struct swosbase_fs *fs;
    status_t status = read_base(d, &base);
    if (status == OK) {
        status = create(d, &base, &fs);
    }
    if (status != OK) {
        log_error("swosbase", "%s: refused: %s", d->name, problem_of(status));
        return status;
    }
    log_info("swosbase", "%s: base image %s, generation %llu, signature good", d->name, base.label,
             (unsigned long long)base.generation);
    *out = &fs->mount;
    return OK;
}

static status_t mount_device(const char *source, uint32_t flags, const char *options,
                             struct mount **out)
{
    struct block_device *d;
    if (*options != '\0') {
        return ERR_INVAL;
    }
    if (block_find(source, &d) != OK) {
        return ERR_NODEV;
    }
    status_t status = swosbase_create(d, out);
    if (status == OK) {
        (*out)->flags |= flags;
    }
    return status;
}

static struct mount_kind kind = {.name = "swosbase", .mount = mount_device};

void swosbase_init(void)
{
    mount_add_kind(&kind);
}
