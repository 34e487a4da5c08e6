// SPDX-License-Identifier: Apache-2.0
/* What opening and changing share. */
#pragma once

#include "kernel/vfs/path.h"

// Makes a node for `who` in `dir`, with the permission that takes.  `mode` is final but for what the
// directory adds.  ERR_EXIST: the name is taken.  ERR_NOENT: the directory was removed.
status_t node_create(struct vnode *dir, struct span name, const struct path_base *who,
                     const struct vnode_new *wanted, struct vnode **out);

// Whether `who` may take the name of `victim` out of `dir`.
status_t node_may_leave(struct vnode *dir, struct vnode *victim, const struct path_base *who);

// `mode` less the caller's umask.
uint32_t mode_masked(const struct path_base *who, uint32_t mode);
