// SPDX-License-Identifier: Apache-2.0
/*
 * The mount table: which file system lies where, and which kinds there are.
 *
 *   kind->mount gives a struct mount --mount_attach--> its root is seen at a directory
 *     --mount_detach--> nothing of it is in use --ops->unmount--> gone
 *
 * Locking: the table's mutex (RANK_MOUNTS) is held while a mount comes or goes.  Walks do not take
 * it: they follow vnode.covered_by under the spinlock of that vnode, and only wait for the table
 * where a mount is just ending.
 */
#pragma once

#include "kernel/vfs/vnode.h"

struct mount_kind {
    const char *name; // "tmpfs"
    // A file system that is mounted nowhere yet.  `source` and `options` ("size=1m,mode=755") are
    // strings.  ERR_INVAL, ERR_NODEV, ERR_NOMEM, ERR_IO.
    status_t (*mount)(const char *source, uint32_t flags, const char *options, struct mount **out);
    struct list link; // [table lock]
};

void mount_table_init(void);

// Boot: adds a kind for ever.
void mount_add_kind(struct mount_kind *k);
struct mount_kind *mount_find_kind(const char *name); // NULL: none

// Makes `m` the root of everything; once.
void mount_attach_root(struct mount *m);
struct vnode *mount_root(void); // borrowed, for ever

// Takes `m` when OK.  ERR_NOTDIR; ERR_BUSY: something is mounted at `where` already, or it is gone.
// ERR_INVAL: each look-up makes it anew (below a directory whose entries are not cached).
status_t mount_attach(struct mount *m, struct vnode *where);

// Ends the mount whose root is `root` (takes that reference).  ERR_INVAL: it is not a mount's root.
// ERR_BUSY: in use, or the first root.
status_t mount_detach(struct vnode *root);

// The vnode that is seen where `v` is: the root of what is mounted there.  Takes and gives a
// reference.
struct vnode *mount_enter(struct vnode *v);

// The directory that `root` of a mount lies over, with a reference; NULL: it is the first root, or
// not mounted.
struct vnode *mount_get_covered(struct vnode *root);

// Mounts in the order they were made.  The visitor may sleep, and must not mount.
void mount_for_each(status_t (*visit)(void *context, struct mount *m), void *context,
                    status_t *status);
status_t mount_sync_all(void);
