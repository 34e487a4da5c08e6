// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel objects: what handles name.
 *
 *   created (one reference) --> published in a slot (handles 1) --> duplicated, moved
 *     --> the last handle closes: ops->last_handle (wakes waiters, tells a peer, breaks cycles)
 *     --> the last reference: ops->destroy, on a worker, never recursively
 *
 * Two counts: references keep the memory, handles keep user reach; each handle also holds one
 * reference.  An object lies as first field in the struct of its kind.
 *
 * Locking: counts are atomic.  last_handle is called in thread context without locks.
 */
#pragma once

#include "kernel/core/worker.h"
#include "lib/base/refcount.h"
#include "lib/base/types.h"

enum object_type : uint8_t {
    OBJECT_FILE,    // struct file: everything that POSIX calls a descriptor
    OBJECT_PROCESS, // struct process
    OBJECT_GRANT,   // struct grant
    OBJECT_VMO,
    OBJECT_ENDPOINT,
    OBJECT_DEVICE,
    OBJECT_TYPES,
};

struct object;

struct object_ops {
    const char *name;
    void (*last_handle)(struct object *o); // may be NULL
    void (*destroy)(struct object *o);     // frees it
};

typedef struct {
    uint64_t raw;
} koid_t; // identifies an object for ever; never reused

struct object {
    const struct object_ops *ops; // [I]
    enum object_type type;        // [I]
    refcount_t refs;              // [a] keeps memory
    refcount_t handles;           // [a] keeps user reach
    koid_t id;                    // [I]
    struct work destroy_work;     // once refs is 0
};

// One reference, no handle.
void object_init(struct object *o, enum object_type type, const struct object_ops *ops);

static inline void object_ref(struct object *o)
{
    refcount_inc(&o->refs);
}

// Any context: the end of the object is put off to a worker, unless this is a thread that holds no
// lock and says so with object_unref_now.
void object_unref(struct object *o);
void object_unref_now(struct object *o);

// A handle came into being or went; for the handle table only.  object_handle_drop also drops the
// handle's reference.  Thread context, no locks.
void object_handle_add(struct object *o);
void object_handle_adopt(struct object *o); // the caller's reference becomes the handle's
void object_handle_drop(struct object *o);

// The same, but what follows from the last handle is put off to a worker: for who drops handles that
// an object held (messages that nobody read), which may hold handles themselves.
void object_handle_drop_later(struct object *o);
