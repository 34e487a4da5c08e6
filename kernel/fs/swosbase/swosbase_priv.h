// SPDX-License-Identifier: Apache-2.0
/* Between the parts of the base image's file system. */
#pragma once

#include "kernel/fs/swosbase/swosbase.h"
#include "kernel/mm/vmo.h"
#include "lib/base/rbtree.h"
#include "lib/swosbase/swosbase.h"

/*
 * A run of the image's blocks that is the content of one memory object.
 *
 * The hash of the run's block i is hash number `first_hash` + i of the memory object above; for the
 * highest level it is the root hash.
 */
struct swosbase_run {
    struct swosbase_fs *fs; // [I] a reference if the run is a file's
    uint64_t first_block;   // [I]
    uint64_t first_hash;    // [I]
    struct vmo *hashes;     // [I] borrowed; NULL: the root hash
    uint32_t inode;         // [I] whose content it is; SWOSBASE_NO_INODE: the file system's own
    _Atomic bool is_bad;    // [a] the log has been told
};

enum : uint32_t { SWOSBASE_NO_INODE = UINT32_MAX };

struct swosbase_fs {
    struct mount mount;
    refcount_t refs;             // [a]
    struct block_device *device; // [I]
    struct swosbase base;        // [I]
    struct swosbase_reader reader;
    struct vmo *meta;                                    // [I]
    struct vmo *levels[SWOSBASE_LEVELS_MAX];             // [I]
    struct swosbase_run meta_run;                        // [I]
    struct swosbase_run level_runs[SWOSBASE_LEVELS_MAX]; // [I]
    struct spinlock lock;                                // RANK_OBJECT
    struct rb_root nodes;                                // [l] struct swosbase_node by inode
};

struct swosbase_node {
    struct vnode vnode;
    struct swosbase_inode inode; // [I]
    struct rb_node by_inode;     // [fs lock]
    char *target;                // [I] of a link
};

void swosbase_fs_unref(struct swosbase_fs *fs);

// A memory object of `size` bytes over a run of the file system's own, for nobody else.  ERR_NOMEM.
status_t swosbase_run_create_vmo(struct swosbase_run *run, uint64_t size, struct vmo **out);

// One for a file, which keeps the file system as long as it lives.  ERR_NOMEM.
status_t swosbase_file_create_vmo(struct swosbase_fs *fs, uint32_t number,
                                  const struct swosbase_inode *inode, struct vmo **out);

// The vnode of an inode, with a reference.  ERR_NOMEM, ERR_IO.
status_t swosbase_node_get(struct swosbase_fs *fs, uint32_t number, struct vnode **out);

// Writes the path of an inode to `out`, as far as it can be found out.
void swosbase_path_of(struct swosbase_fs *fs, uint32_t number, char *out, size_t size);
