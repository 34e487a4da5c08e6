// SPDX-License-Identifier: Apache-2.0
/*
 * What the generated decoder (build/gen/syscall_table.c) calls before and after a handler: handles
 * become objects with a reference, grants are looked up.  So no handler can forget a check.
 */
#pragma once

#include "abi/rights.h"
#include "kernel/object/handle.h"
#include "kernel/proc/process.h"

// ERR_PERM: the process lacks one of the grants of the mask (1 << enum swos_grant).
status_t decode_grants(uint32_t mask);

// A handle of the process as its object, with a reference.  Errors as handle_get.
static inline status_t decode_file(int32_t handle, rights_t need, struct file **out)
{
    return handle_get_file(process_current()->handles, handle, need, out);
}

/*
 * The same for a call that closes no handle and starts no thread.  While the caller is the only thread of
 * its process nobody else can close the handle, which keeps the file, so no reference is taken:
 * *is_held says whether one was.
 */
static inline status_t decode_lent(int32_t handle, rights_t need, struct file **out, bool *is_held)
{
    struct process *p = process_current();
    *is_held = !process_has_one_thread(p);
    return UNLIKELY(*is_held) ? handle_get_file(p->handles, handle, need, out)
                              : handle_find_file(p->handles, handle, need, out);
}

static inline void decode_drop_lent(struct file *f, bool is_held)
{
    if (UNLIKELY(is_held)) {
        file_unref(f);
    }
}

static inline status_t decode_any(int32_t handle, rights_t need, struct object **out)
{
    return handle_get_any(process_current()->handles, handle, need, out);
}

// A directory handle with the right to look up.  NULL for ABI_AT_FDCWD, and for a bad handle
// if `path` (an address of the caller's) is absolute, which POSIX does not mind.
status_t decode_at(int32_t handle, vaddr_t path, struct file **out);

static inline void decode_drop_any(struct object *o)
{
    object_unref_now(o);
}

static inline void decode_drop_file(struct file *f)
{
    file_unref(f);
}

static inline void decode_drop_at(struct file *f)
{
    if (f != NULL) {
        file_unref(f);
    }
}
