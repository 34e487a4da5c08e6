// SPDX-License-Identifier: Apache-2.0
/*
 * A path argument of a system call: its text, who asks, and where a relative path starts.
 *
 *     struct path_call c;
 *     status_t status = path_call_begin(&c, at, path, PATH_NOT_EMPTY);
 *     if (status == OK) {
 *         ... &c.base, c.path ...
 *         path_call_end(&c);
 *     }
 */
#pragma once

#include "kernel/vfs/path.h"

enum path_call_empty {
    PATH_NOT_EMPTY,
    PATH_MAY_BE_EMPTY, // AT_EMPTY_PATH: then it is the handle itself, of any kind of file
};

struct path_call {
    struct path_base base;
    struct span path;
    struct file *at;  // borrowed; NULL: the working directory
    void *memory;     // of a long path
    struct cred *who; // holds a reference
    char text[256];   // of a short one
};

// ERR_FAULT, ERR_NOENT, ERR_NAMETOOLONG, ERR_NOMEM; ERR_NOTDIR for `at`.  On failure there is nothing
// to end.
status_t path_call_begin(struct path_call *c, struct file *at, vaddr_t path,
                         enum path_call_empty empty);
void path_call_end(struct path_call *c);

// The same without a path: who asks, for calls by handle.
void path_call_begin_handle(struct path_call *c);

// The vnode that the path leads to, with a reference.
status_t path_call_find(struct path_call *c, uint32_t flags, struct vnode **out);

// All in one for calls that need nothing else of the path.
typedef status_t (*path_act_t)(struct vnode *v, const struct path_base *base, const void *argument);
status_t path_call_act(struct file *at, vaddr_t path, uint32_t at_flags, path_act_t act,
                       const void *argument);
