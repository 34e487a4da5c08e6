// SPDX-License-Identifier: Apache-2.0
/*
 * Handle tables: the only way user code names anything.  A POSIX descriptor is a handle: a small
 * dense integer, lowest free first.
 *
 *   FREE --handle_reserve--> RESERVED --handle_publish--> LIVE --handle_close--> FREE
 *                               '--handle_cancel--> FREE
 *
 * Reserving may fail, publishing may not: a call reserves, builds its object, copies out, publishes.
 * Slots, rights and states are pure code in lib/handle.
 *
 * A handle that is in no table (on its way in a message, or to a program that is being started) is a
 * struct handle_entry: it holds one handle count and one reference of its object, as a slot does.
 *
 * Invariants: 1. rights of a slot never grow; 2. each LIVE slot holds one handle (and reference) of
 * its object; 3. a RESERVED slot is found by nobody but who reserved it.
 *
 * Locking: `lock` (RANK_HANDLES, a spinlock) guards the slots; objects are referenced under it and
 * dropped outside.  All functions run in thread context with no lock that last_handle could want.
 * Lifetimes: a table belongs to one process and dies with it; its threads share it.
 */
#pragma once

#include "abi/rights.h"
#include "kernel/object/file.h"
#include "kernel/object/object.h"
#include "lib/handle/slots.h"

struct handle_table;
typedef int32_t handle_t;

enum handle_flags : uint32_t {
    HANDLE_CLOEXEC = 1u << 0,
};

struct handle_info {
    enum object_type type;
    rights_t rights;
    uint32_t flags;
    uint64_t badge;
    koid_t id;
    enum swos_grant grant; // of a grant
};

status_t handle_table_create(struct handle_table **out); // ERR_NOMEM

// Closes everything and frees the table.  Nobody uses it any more.
void handle_table_destroy(struct handle_table *t);

// No handle is numbered `limit` or above (RLIMIT_NOFILE); those that exist stay.  It is 1024 until it
// is set, and never above 2^20.
void handle_set_limit(struct handle_table *t, uint32_t limit);
uint32_t handle_limit(struct handle_table *t);

// The lowest free number from `from` on.  ERR_MFILE: none below the limit.  ERR_NOMEM.
status_t handle_reserve(struct handle_table *t, handle_t from, handle_t *out);
void handle_cancel(struct handle_table *t, handle_t h);

// Takes the caller's reference on `o`.
void handle_publish(struct handle_table *t, handle_t h, struct object *o, rights_t rights,
                    uint32_t flags);

// Reserve and publish in one; takes the reference also when it fails.
status_t handle_add(struct handle_table *t, struct object *o, rights_t rights, uint32_t flags,
                    handle_t *out);

// The object behind `h` with a reference for the caller.  The first check that fails names the
// error: ERR_BADF no such handle, ERR_INVAL another type (ERR_BADF for OBJECT_FILE, as POSIX says),
// ERR_ACCES a right of `need` is missing (of a file READ or WRITE: ERR_BADF, as POSIX says).
status_t handle_get(struct handle_table *t, handle_t h, enum object_type type, rights_t need,
                    struct object **out);
status_t handle_get_any(struct handle_table *t, handle_t h, rights_t need, struct object **out);
status_t handle_get_file(struct handle_table *t, handle_t h, rights_t need, struct file **out);

// The same without a reference: the file is the table's, as long as nobody changes that.
status_t handle_find_file(struct handle_table *t, handle_t h, rights_t need, struct file **out);

status_t handle_close(struct handle_table *t, handle_t h); // ERR_BADF

// Closes all handles first to last (inclusive) or marks them close-on-exec.
void handle_close_range(struct handle_table *t, uint32_t first, uint32_t last, bool cloexec_only);

// A second handle of the object of `h`: the lowest free one from `from` on, with rights & `rights`
// and the same badge.  ERR_ACCES without the right to duplicate, ERR_BADF, ERR_MFILE, ERR_NOMEM.
status_t handle_duplicate(struct handle_table *t, handle_t h, handle_t from, rights_t rights,
                          uint32_t flags, handle_t *out);
// At `to`, whose handle is closed if it is live (dup2); no other thread sees `to` free in between.
// ERR_BUSY: it is reserved just now.  ERR_BADF: it is not below the limit.
status_t handle_duplicate_at(struct handle_table *t, handle_t h, handle_t to, rights_t rights,
                             uint32_t flags);

status_t handle_info(struct handle_table *t, handle_t h, struct handle_info *out); // ERR_BADF
status_t handle_set_flags(struct handle_table *t, handle_t h, uint32_t flags);     // ERR_BADF

// Takes a handle out of the table; it is the caller's to pass on (handle_put, handle_publish_entry)
// or to end (handle_drop).  ERR_BADF, ERR_ACCES without the rights `need`.
status_t handle_take(struct handle_table *t, handle_t h, rights_t need, struct handle_entry *out);

// The same, but the table keeps its handle: the caller gets one more, with its rights.
status_t handle_share(struct handle_table *t, handle_t h, rights_t need, struct handle_entry *out);

// The lowest free number for a handle of no table; handle_put drops it when it fails.
status_t handle_put(struct handle_table *t, const struct handle_entry *e, uint32_t flags,
                    handle_t *out);
void handle_publish_entry(struct handle_table *t, handle_t h, const struct handle_entry *e,
                          uint32_t flags);

// At exactly `h` of a table that nobody else uses yet (spawn), in place of what is there.  Drops `e`
// when it fails.  ERR_BADF: not below the limit.  ERR_NOMEM.
status_t handle_put_at(struct handle_table *t, handle_t h, const struct handle_entry *e,
                       uint32_t flags);

static inline struct object *handle_object(const struct handle_entry *e)
{
    return e->object;
}

// Ends a handle of no table; what follows from an object's last handle happens later, on a worker.
static inline void handle_drop(const struct handle_entry *e)
{
    object_handle_drop_later(e->object);
}

// A table with every handle of `from` and its limit (fork).  ERR_NOMEM.
status_t handle_table_fork(struct handle_table *from, struct handle_table **out);

// Exec: closes what is marked close-on-exec.
void handle_close_on_exec(struct handle_table *t);

// The lowest handle from `from` on; false when there is none.
bool handle_next(struct handle_table *t, handle_t from, handle_t *out);

// Handles in use, reserved ones included.
uint32_t handle_count(struct handle_table *t);
