// SPDX-License-Identifier: Apache-2.0
/*
 * A file system in memory: nothing of it outlives the mount.
 *
 * Options: size=BYTES[k|m|g|%] the space for content (half of the RAM), nr_inodes=N files (as many as
 * pages), mode= uid= gid= of its root (1777, 0, 0).  Space is counted in pages as they appear, so
 * files may have holes; what does not fit gives ERR_NOSPC.
 *
 * A node has one reference of the file system's own as long as it has a name.  Directories keep their
 * entries in two trees: by name, and by a number that rises with every new entry, which is the cookie
 * of an enumeration: what is there all the time is seen exactly once.
 *
 * Locking: a directory's entries by its vnode's lock; times and link counts are atomic; the list of
 * nodes has a spinlock (RANK_OBJECT).
 * Lifetimes: memory objects may outlive the mount (a mapping), so what they are charged to is counted.
 */
#pragma once

#include "kernel/vfs/vnode.h"

void tmpfs_init(void); // boot: adds the kind "tmpfs"

status_t tmpfs_create(const char *source, uint32_t flags, const char *options, struct mount **out);
