// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernel/fs/tmpfs/tmpfs.h"
#include "lib/base/rbtree.h"

// What content is charged to.
struct tmpfs_space {
    refcount_t refs;
    uint64_t limit;        // [I] pages
    _Atomic uint64_t used; // [a] pages
};

struct tmpfs {
    struct mount mount;
    struct tmpfs_space *space;   // [I] holds a reference
    uint64_t node_limit;         // [I]
    _Atomic uint64_t node_count; // [a]
    _Atomic uint64_t last_inode; // [a]
    struct spinlock lock;
    struct list nodes; // [l] struct tmpfs_node
};

struct tmpfs_node {
    struct vnode vnode;
    struct list link; // [tmpfs lock]
    refcount_t names; // [a] of it, one for the root; 0: it goes with its last reference
    _Atomic nsec_t accessed;
    _Atomic nsec_t modified;
    _Atomic nsec_t changed;
    union {
        struct {                      // of a directory
            struct rb_root by_name;   // [vnode lock] struct tmpfs_entry
            struct rb_root by_cookie; // [vnode lock]
            uint64_t last_cookie;     // [vnode lock]
            uint32_t directories;     // [vnode lock] in it
        };
        struct span target; // [I] of a link
    };
};

static inline struct tmpfs_node *tmpfs_node_of(struct vnode *v)
{
    return container_of(v, struct tmpfs_node, vnode);
}

static inline struct tmpfs *tmpfs_of(const struct vnode *v)
{
    return container_of(v->mount, struct tmpfs, mount);
}

extern const struct vnode_ops tmpfs_directory_ops;
extern const struct vnode_ops tmpfs_file_ops;
extern const struct vnode_ops tmpfs_link_ops;
extern const struct vnode_ops tmpfs_special_ops;

// A node that has no name yet: one reference, names 0.  ERR_NOSPC, ERR_NOMEM.
status_t tmpfs_node_create(struct tmpfs *fs, const struct vnode_new *what, struct tmpfs_node **out);

// Frees a node that nobody refers to.
void tmpfs_node_free(struct tmpfs_node *n);

// Operations of all nodes.
status_t tmpfs_get_attr(struct vnode *v, struct vnode_attr *out);
status_t tmpfs_set_attr(struct vnode *v, const struct vnode_attr *a, uint32_t mask);
void tmpfs_touched(struct vnode *v, uint32_t mask);
void tmpfs_release(struct vnode *v);
void tmpfs_node_changed(struct tmpfs_node *n); // its attributes or names did

// Frees the entries of a directory, not what they name (unmount).
void tmpfs_directory_free(struct tmpfs_node *dir);

struct tmpfs_space *tmpfs_space_ref(struct tmpfs_space *s);
void tmpfs_space_unref(struct tmpfs_space *s);
