// SPDX-License-Identifier: Apache-2.0
/*
 * Paths: from a string to a vnode.
 *
 * A walk starts at the root of the caller's context, at its working directory, or at a directory it
 * has a handle of.  The root is a wall: "..", absolute paths and absolute links end there.  A
 * directory that lies outside (a handle that was passed in) may be used, but ".." from it goes up at
 * most to the system's root, as everywhere.  Who has no namespace grant starts at a handle only, and
 * that directory is its wall.
 *
 * Limits: 255 bytes a name, 4095 a path, 40 links a walk.
 *
 * Permission, the first that fails names the error:
 *  1. capability: to read content or entries of files and directories takes SWOS_CAP_FS_READ, to
 *     change anything SWOS_CAP_TMP_WRITE (ERR_ACCES).  Devices, fifos and sockets hold no content of
 *     the file system and need neither; nor do search, execution and attributes.
 *  2. a read-only mount (ERR_ROFS);
 *  3. mode bits: the owner's, else the group's, else the others' (ERR_ACCES).  Nobody is privileged.
 * Mode and times are the owner's to change, the group too if it is the owner's own; the owner only
 * for who has the mount grant, which also stands in for ownership (ERR_PERM).
 *
 * Locking: a context's spinlock (RANK_OBJECT); walks hold directory locks one at a time and only
 * where the cache of names does not know.
 * Lifetimes: contexts are counted; threads of a process share one, a fork copies it.
 */
#pragma once

#include "kernel/vfs/vnode.h"

enum { PATH_MAX_BYTES = 4096, PATH_LINKS_MAX = 40 };

struct fs_context {
    refcount_t refs;
    struct spinlock lock;
    struct vnode *root;          // [l] holds a reference
    struct vnode *cwd;           // [l] holds a reference
    _Atomic uint32_t umask_bits; // [a]
};

status_t fs_context_create(struct vnode *root, struct fs_context **out); // at the root; ERR_NOMEM
status_t fs_context_copy(struct fs_context *from, struct fs_context **out);
void fs_context_unref(struct fs_context *c); // thread context, no locks

static inline struct fs_context *fs_context_ref(struct fs_context *c)
{
    refcount_inc(&c->refs);
    return c;
}

// With a reference.
struct vnode *fs_context_get_root(struct fs_context *c);
struct vnode *fs_context_get_cwd(struct fs_context *c);

// Takes the reference on `v`, a directory.
void fs_context_set_root(struct fs_context *c, struct vnode *v);
void fs_context_set_cwd(struct fs_context *c, struct vnode *v);

// Who asks, and from where.
struct path_base {
    struct fs_context *context; // borrowed
    struct vnode *at;           // borrowed; where relative paths start; NULL: the working directory
    const struct cred *who;     // borrowed; NULL: the kernel, which may do anything
    bool can_administer;        // has the mount grant
    bool is_confined;           // has no namespace grant: only what lies below `at`
};

enum path_flags : uint32_t {
    PATH_NOFOLLOW = 0,
    PATH_FOLLOW = 1 << 0, // a link at the end of the path is followed
};

// The vnode at `path`, with a reference.  ERR_NOENT, ERR_NOTDIR, ERR_ACCES, ERR_LOOP,
// ERR_NAMETOOLONG, ERR_NOMEM, ERR_IO.  ERR_ACCES also: the caller is confined, and the path does not
// start at a handle.
status_t path_find(const struct path_base *base, struct span path, uint32_t flags,
                   struct vnode **out);

// What is at `path`, with a reference, if it takes no more than looking into the cache of names
// (names_walk).  It is no link.  NULL: use path_find, or another of the ordinary ways.
struct vnode *path_find_known(const struct path_base *base, struct span path);

// The directory that the last name of a path is in, which exists or not.
struct path_last {
    struct vnode *dir;      // with a reference: path_last_end
    struct span name;       // empty: the path is the root; also "." and ".."
    bool must_be_directory; // slashes follow
    char *memory;           // what the name may lie in; NULL: in the path
};
status_t path_find_last(const struct path_base *base, struct span path, struct path_last *out);
void path_last_end(struct path_last *last);

// Whether a name is one that can be made or removed: ERR_EXIST for the root, "." and "..".
bool path_last_is_special(const struct path_last *last);

// The path of `v`, a directory, as seen from the context's root; `size` bytes are there for it with
// its NUL.  ERR_RANGE: too few.  ERR_NOENT: it has been removed.
status_t path_of(struct fs_context *context, struct vnode *v, char *out, size_t size, size_t *len);

// What a caller wants of a vnode; bits as in a mode's lowest three.
enum vnode_want : uint32_t { WANT_EXECUTE = 1, WANT_WRITE = 2, WANT_READ = 4 };

status_t vnode_may(struct vnode *v, const struct cred *who, uint32_t want);

// The bits of its mode that are for `who`, as the lowest three.
static inline uint32_t vnode_mode_for(const struct vnode *v, const struct cred *who)
{
    uint32_t mode = vnode_mode(v);
    if (who->principal == vnode_owner(v)) {
        return mode >> 6;
    }
    bool is_group = who->group == atomic_load_explicit(&v->group, memory_order_relaxed);
    return is_group ? mode >> 3 : mode;
}

// vnode_may for WANT_EXECUTE, which takes no capability.
static inline bool vnode_may_search(const struct vnode *v, const struct cred *who)
{
    return who == NULL || (vnode_mode_for(v, who) & WANT_EXECUTE) != 0;
}

// Whether the caller owns it or stands in for the owner.
bool vnode_is_owned(struct vnode *v, const struct path_base *base);
