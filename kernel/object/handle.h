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
};

status_t handle_table_create(struct handle_table **out); // ERR_NOMEM

// Closes everything and frees the table.  Nobody uses it any more.
void handle_table_destroy(struct handle_table *t);

// No handle is numbered `limit` or above (RLIMIT_NOFILE); those that exist stay.
void handle_set_limit(struct handle_table *t, uint32_t limit);

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
// ERR_ACCES (for files ERR_BADF) a right of `need` is missing.
status_t handle_get(struct handle_table *t, handle_t h, enum object_type type, rights_t need,
                    struct object **out);
status_t handle_get_any(struct handle_table *t, handle_t h, rights_t need, struct object **out);
status_t handle_get_file(struct handle_table *t, handle_t h, rights_t need, struct file **out);

status_t handle_close(struct handle_table *t, handle_t h); // ERR_BADF

// Closes all handles first to last (inclusive) or marks them close-on-exec.
void handle_close_range(struct handle_table *t, handle_t first, handle_t last, bool cloexec_only);

// A second handle of the object of `h`: the lowest free one from `from` on, with rights & `rights`.
// ERR_ACCES without the right to duplicate, ERR_BADF, ERR_MFILE, ERR_NOMEM.
status_t handle_duplicate(struct handle_table *t, handle_t h, handle_t from, rights_t rights,
                          uint32_t flags, handle_t *out);
// At `to`, which is closed first if it is live (dup2).  ERR_BUSY: it is reserved just now.
status_t handle_duplicate_at(struct handle_table *t, handle_t h, handle_t to, rights_t rights,
                             uint32_t flags);

status_t handle_info(struct handle_table *t, handle_t h, struct handle_info *out);
status_t handle_set_flags(struct handle_table *t, handle_t h, uint32_t flags);
status_t handle_set_badge(struct handle_table *t, handle_t h, uint64_t badge);

// Takes a handle out of the table: its handle count and reference go to the caller, with what it
// allowed.  For moves (messages, spawn).  Give it back with handle_put_moved, or end it with
// object_handle_drop.  ERR_BADF, ERR_ACCES without the right to transfer.
status_t handle_take(struct handle_table *t, handle_t h, struct object **out, rights_t *rights,
                     uint64_t *badge);
status_t handle_put_moved(struct handle_table *t, struct object *o, rights_t rights, uint64_t badge,
                          uint32_t flags, handle_t *out);

// A table with every handle of `from` (fork).  ERR_NOMEM.
status_t handle_table_fork(struct handle_table *from, struct handle_table **out);

// Exec: closes what is marked close-on-exec.
void handle_close_on_exec(struct handle_table *t);

// Handles in use.
uint32_t handle_count(struct handle_table *t);
