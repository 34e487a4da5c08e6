// SPDX-License-Identifier: Apache-2.0
/*
 * Open files of file systems: a struct file over a vnode.  Reads and writes of regular files go
 * through the memory object with their content; directories give their entries.
 */
#pragma once

#include "abi/rights.h"
#include "kernel/vfs/path.h"

// Opens or makes the file at `path`; `flags` are those of open() (abi/fcntl.h), `mode` is for a new
// one, before the umask.  Gives a reference.
status_t vfs_open(const struct path_base *base, struct span path, uint32_t flags, uint32_t mode,
                  struct file **out);

// An open file over `v`, which it takes a reference on; flags are enum file_flags.  For exec and
// the kernel's own reads; no permission is checked.
status_t vnode_open(struct vnode *v, uint32_t flags, struct file **out);

// The vnode behind an open file, borrowed; NULL: it is of another kind.
struct vnode *file_vnode(struct file *f);

// Content, in thread context, as read and write of a file do it.
status_t vnode_read(struct vnode *v, struct uio *to, uint64_t *position);
status_t vnode_write(struct vnode *v, struct uio *from, uint64_t *position, bool append);
status_t vnode_truncate(struct vnode *v, uint64_t size);

// fallocate(): ERR_NOTSUP where the file system cannot, or beyond the end with FALLOC_FL_KEEP_SIZE.
status_t vnode_allocate(struct vnode *v, uint32_t mode, uint64_t offset, uint64_t size);
