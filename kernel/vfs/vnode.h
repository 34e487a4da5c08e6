// SPDX-License-Identifier: Apache-2.0
/*
 * Vnodes: files, directories and links of mounted file systems, whatever the file system.
 *
 *   path walk --> dentry cache --> vnode --ops--> file system --> page cache (struct vmo) or device
 *
 * A vnode is found by its file system (lookup, create), counted, and dies at the last reference when
 * its link count is 0 or its file system does not keep it.  Content of regular files is a memory
 * object: read, write, mmap and exec go through it.
 *
 * Locking: `lock` (RANK_VNODE, sleeping) of a directory guards its entries, of a file its size and
 * attributes; a parent before its child, two directories by vnode_lock_pair (by address, an ancestor
 * first).  Page reads (the pager of a file's memory object) run without any of these locks, because
 * faults happen below them.  Which operation is called with which lock stands beside it:
 * [d] the directory's lock held, [l] the vnode's own, [-] none.
 */
#pragma once

#include "abi/stat.h"
#include "kernel/core/mutex.h"
#include "kernel/object/cred.h"
#include "kernel/object/file.h"
#include "lib/base/span.h"

struct vnode;
struct mount;
struct vmo;

enum vnode_type : uint8_t {
    VNODE_FILE,
    VNODE_DIRECTORY,
    VNODE_LINK,
    VNODE_CHARACTER, // a device: opened by its driver
    VNODE_FIFO,
    VNODE_SOCKET,
};

struct vnode_attr {
    uint32_t mode; // permission bits, with set-id and sticky; the type is the vnode's
    uint32_t owner;
    uint32_t group;
    uint32_t links;
    uint64_t size;
    uint64_t blocks;                    // of 512 bytes in use
    nsec_t accessed, modified, changed; // since 1970
};

enum vnode_attr_mask : uint32_t {
    ATTR_MODE = 1 << 0,
    ATTR_OWNER = 1 << 1,
    ATTR_GROUP = 1 << 2,
    ATTR_ACCESSED = 1 << 3,
    ATTR_MODIFIED = 1 << 4,
};

// A directory entry while it is enumerated.  False: stop before it.
typedef bool (*vnode_emit_t)(void *context, struct span name, uint64_t inode, enum vnode_type type,
                             uint64_t next_cookie);

struct vnode_ops {
    // [d] The child `name`, with a reference.  ERR_NOENT.
    status_t (*lookup)(struct vnode *dir, struct span name, struct vnode **out);
    // [d] A new file, directory, fifo, socket; `target` is for links.  Gives a reference.
    status_t (*create)(struct vnode *dir, struct span name, enum vnode_type type, uint32_t mode,
                       const struct cred *who, struct span target, struct vnode **out);
    status_t (*link)(struct vnode *dir, struct span name, struct vnode *target);   // [d]
    status_t (*unlink)(struct vnode *dir, struct span name, struct vnode *victim); // [d] also rmdir
    // [both d] `replaced` is what stands at the new name, or NULL.
    status_t (*rename)(struct vnode *from, struct span old_name, struct vnode *victim,
                       struct vnode *to, struct span new_name, struct vnode *replaced);
    // [d] From `cookie` on (0: the beginning); "." and ".." are the caller's.
    status_t (*enumerate)(struct vnode *dir, uint64_t cookie, vnode_emit_t emit, void *context);
    status_t (*read_link)(struct vnode *v, struct span *out);      // [-] stays valid
    status_t (*get_attr)(struct vnode *v, struct vnode_attr *out); // [l]
    status_t (*set_attr)(struct vnode *v, const struct vnode_attr *a, uint32_t mask); // [l]
    status_t (*resize)(struct vnode *v, uint64_t size);                               // [l]
    // [l] Before [offset, offset + size) is written: space, quota.  After it size may have grown.
    status_t (*prepare_write)(struct vnode *v, uint64_t offset, uint64_t size);
    status_t (*sync)(struct vnode *v, bool data_only); // [-]
    // [-] For devices, fifos: opens something of its own instead of the vnode.
    status_t (*open)(struct vnode *v, uint32_t flags, struct file **out);
    void (*release)(struct vnode *v); // [-] the last reference went
};

struct vnode {
    refcount_t refs;             // [a]
    enum vnode_type type;        // [I]
    const struct vnode_ops *ops; // [I]
    struct mount *mount;         // [I] the file system it belongs to
    uint64_t inode;              // [I] number, unique within the mount
    struct mutex lock;
    struct vmo *content;              // [I] of a regular file; NULL: none
    struct mount *_Atomic covered_by; // [a] mount whose root is seen instead, or NULL
    void *locks;                      // [lock] advisory locks (kernel/vfs/lock.h); NULL: none
};

void vnode_init(struct vnode *v, struct mount *m, enum vnode_type type, uint64_t inode,
                const struct vnode_ops *ops);

static inline void vnode_ref(struct vnode *v)
{
    refcount_inc(&v->refs);
}

void vnode_unref(struct vnode *v); // thread context, no locks of rank VNODE or above

/*
 * Mounts.  A file system is a struct mount with its root vnode; it is mounted over a directory of
 * another (or as the first root).
 */
struct mount_ops {
    const char *type; // "tmpfs"
    status_t (*statfs)(struct mount *m, struct abi_statfs *out);
    status_t (*sync)(struct mount *m);
    void (*unmount)(struct mount *m); // frees it; nothing of it is in use
};

enum mount_flags : uint32_t {
    MOUNT_READ_ONLY = 1 << 0,
    MOUNT_NO_EXEC = 1 << 1,
};

struct mount {
    const struct mount_ops *ops; // [I]
    uint32_t flags;              // [I] enum mount_flags
    uint64_t device;             // [I] st_dev
    char source[32];             // [I] for the mount table: "base.img", "tmpfs"
    struct vnode *root;          // [I] holds a reference
    struct list link;            // [mount table's lock]
    struct vnode *covers;        // [mount table's lock] NULL: the root
    _Atomic uint32_t users;      // [a] vnodes of it in use, beyond the root's own
};
