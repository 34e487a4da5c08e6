// SPDX-License-Identifier: Apache-2.0
/*
 * Vnodes: files, directories and links of mounted file systems, whatever the file system.
 *
 *   path walk --> cache of names --> vnode --ops--> file system --> page cache (struct vmo) or device
 *
 * A vnode is given by its file system (lookup, create) with a reference, and ops->release is called
 * when the last one goes.  A file system whose nodes live in memory only (tmpfs) keeps a reference
 * of its own for as long as a node has links.  Content of regular files is a memory object: read,
 * write, mmap and exec go through it.
 *
 * Who holds what: the cache of names holds a reference on each vnode it names; a directory's vnode
 * holds one on its parent's, so that ".." needs no file system.
 *
 * Locking: `lock` (RANK_VNODE, sleeping) of a directory guards its entries, of a file its size and
 * attributes; a directory before what is in it, two others by address (rename.c says more).  Page
 * reads (the pager of a file's memory object) run without any of these locks, because faults happen
 * below them.  Mode, owner, group and size are also read without it.  Which operation is
 * called with which lock stands beside it: [d] the directory's lock held, [l] the vnode's own,
 * [-] none.
 */
#pragma once

#include "abi/stat.h"
#include "kernel/core/mutex.h"
#include "kernel/core/worker.h"
#include "kernel/object/cred.h"
#include "kernel/object/file.h"
#include "lib/base/span.h"

struct vnode;
struct mount;
struct vmo;
struct vnode_locks;

enum { NAME_MAX_BYTES = 255 };

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
    uint64_t special;                   // st_rdev of a device
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

// What a new node is to be; `target` is for links.
struct vnode_new {
    enum vnode_type type;
    uint32_t mode;
    uint32_t owner;
    uint32_t group;
    struct span target;
};

// NULL operations: ERR_ROFS for those that change something, else ERR_NOTSUP; touched and sync may
// be left out, they have nothing to do then.
struct vnode_ops {
    // [d] The child `name`, with a reference.  ERR_NOENT.
    status_t (*lookup)(struct vnode *dir, struct span name, struct vnode **out);
    // [d] A new node under a name that is free.  Gives a reference.
    status_t (*create)(struct vnode *dir, struct span name, const struct vnode_new *what,
                       struct vnode **out);
    status_t (*link)(struct vnode *dir, struct span name, struct vnode *target); // [d]
    // [d, and the victim's if it is a directory] Also rmdir: ERR_NOTEMPTY.
    status_t (*unlink)(struct vnode *dir, struct span name, struct vnode *victim);
    // [both d, and that of a directory that is replaced] `replaced` is what stands at the new name,
    // or NULL.  ERR_NOTEMPTY.
    status_t (*rename)(struct vnode *from, struct span old_name, struct vnode *victim,
                       struct vnode *to, struct span new_name, struct vnode *replaced);
    // [both d] The two change places.  NULL: ERR_INVAL.
    status_t (*exchange)(struct vnode *from, struct span name, struct vnode *victim,
                         struct vnode *to, struct span other_name, struct vnode *other);
    // [d] From `cookie` on (0: the beginning); "." and ".." are the caller's.
    status_t (*enumerate)(struct vnode *dir, uint64_t cookie, vnode_emit_t emit, void *context);
    status_t (*read_link)(struct vnode *v, struct span *out); // [-] stays valid with the vnode
    // [l] Fills in what is not in the vnode itself: links, blocks, times, special.
    status_t (*get_attr)(struct vnode *v, struct vnode_attr *out);
    // [l] What the mask names; mode, owner and group in the vnode are the caller's to set after OK.
    status_t (*set_attr)(struct vnode *v, const struct vnode_attr *a, uint32_t mask);
    // [-] Content was read, changed (ATTR_ACCESSED, ATTR_MODIFIED): notes the time.  Cheap.
    void (*touched)(struct vnode *v, uint32_t mask);
    // [l] Before the content's size changes: may refuse.  NULL: it never may, ERR_ROFS.
    status_t (*resize)(struct vnode *v, uint64_t size);
    // [l] Before [offset, offset + size) is written: may refuse.  NULL: it always may.
    status_t (*prepare_write)(struct vnode *v, uint64_t offset, uint64_t size);
    // [l] Takes the space for a range within the size (fallocate).
    status_t (*allocate)(struct vnode *v, uint64_t offset, uint64_t size);
    status_t (*sync)(struct vnode *v, bool data_only); // [-]
    // [-] For devices: opens something of its own instead of the vnode; flags are enum file_flags
    // and O_NOCTTY.
    status_t (*open)(struct vnode *v, uint32_t flags, struct file **out);
    void (*release)(struct vnode *v); // [-] the last reference went: frees it
};

struct vnode {
    refcount_t refs;             // [a]
    enum vnode_type type;        // [I]
    bool is_dynamic;             // [I] a directory whose entries change by themselves: not cached
    bool is_removed;             // [lock] a directory without a name: nothing is created in it
    const struct vnode_ops *ops; // [I]
    struct mount *mount;         // [I] the file system it belongs to
    uint64_t inode;              // [I] number, unique within the mount
    uint64_t id;                 // [I] unique for ever: the cache of names knows parents by it
    struct mutex lock;
    _Atomic uint32_t mode;  // [lock, read anywhere] permission bits
    _Atomic uint32_t owner; // [lock, read anywhere]
    _Atomic uint32_t group; // [lock, read anywhere]
    _Atomic uint64_t size;  // [lock, read anywhere] in bytes, of what has no content
    struct vmo *content;    // [I] of a regular file, with its size; NULL: none
    struct spinlock place;  // RANK_OBJECT: where it hangs in the tree
    struct vnode *parent;   // [place] of a directory that was looked up; NULL: root, removed
    struct mount *_Atomic covered_by; // [place to change] mount whose root is seen instead, or NULL
    struct vnode_locks *_Atomic locks; // [a] advisory locks (lock.h); NULL: there never were any
    void *endpoint;                    // [lock] what a fifo or socket leads to while it is in use
    struct work end;                   // carries a release out of contexts that cannot sleep
};

// One reference; mode, owner, group and size are 0, content NULL.
void vnode_init(struct vnode *v, struct mount *m, enum vnode_type type, uint64_t inode,
                const struct vnode_ops *ops);

// Before a file system frees a vnode that has no references, in `release` or when it ends.
void vnode_fini(struct vnode *v);

static inline void vnode_ref(struct vnode *v)
{
    refcount_inc(&v->refs);
}

void vnode_unref(struct vnode *v);       // thread context, no locks of rank VNODE or above
void vnode_unref_later(struct vnode *v); // any context: the release is left to a worker

// Sets or forgets (NULL) the parent of a directory.
void vnode_set_parent(struct vnode *v, struct vnode *parent);
// With a reference; NULL: it has none.
struct vnode *vnode_get_parent(struct vnode *v);

// The child of a directory through the cache of names, with a reference.  ERR_NOENT.
status_t vnode_lookup(struct vnode *dir, struct span name, struct vnode **out);
status_t vnode_lookup_locked(struct vnode *dir, struct span name, struct vnode **out)
    REQUIRES(dir -> lock);

// All attributes; what stat says.  Takes v->lock.
status_t vnode_get_attr(struct vnode *v, struct vnode_attr *out);
status_t vnode_stat(struct vnode *v, struct abi_stat *out);

static inline uint32_t vnode_mode(const struct vnode *v)
{
    return atomic_load_explicit(&v->mode, memory_order_relaxed);
}

static inline uint32_t vnode_owner(const struct vnode *v)
{
    return atomic_load_explicit(&v->owner, memory_order_relaxed);
}

uint64_t vnode_size(const struct vnode *v); // in bytes

/*
 * Mounts.  A file system is a struct mount with its root vnode; it is mounted over a directory of
 * another (or as the first root).  kernel/vfs/mount.h has the table of them.
 */
struct mount_ops {
    const char *type; // "tmpfs"
    status_t (*statfs)(struct mount *m, struct abi_statfs *out);
    status_t (*sync)(struct mount *m); // NULL: nothing to do
    // Whether vnodes other than the root are in use, or the root by others than the mount.  No new
    // use can begin.  NULL: m->users tells.
    bool (*is_busy)(struct mount *m);
    void (*unmount)(struct mount *m); // frees it, root included; nothing of it is in use
};

enum mount_flags : uint32_t {
    MOUNT_READ_ONLY = 1 << 0,
    MOUNT_NO_EXEC = 1 << 1,
};

enum { MOUNT_SOURCE_SIZE = 32 };

struct mount {
    const struct mount_ops *ops;    // [I]
    uint32_t flags;                 // [I] enum mount_flags
    uint64_t device;                // [I] st_dev
    char source[MOUNT_SOURCE_SIZE]; // [I] for the mount table: "base.img", "tmpfs"
    struct vnode *root;             // [I] holds a reference
    struct mutex rename_lock;       // RANK_RENAME: held while a directory moves to another one
    struct list link;               // [mount table's lock]
    struct vnode *covers;           // [mount table's lock, place of it] NULL: the root
    _Atomic bool is_ending;         // [place of covers] who wants to enter waits
    _Atomic uint32_t users;         // [a] vnodes of it, the root's included
};

// Fills in all but the root, which the file system sets next.
void mount_init(struct mount *m, const struct mount_ops *ops, uint32_t flags, const char *source);
