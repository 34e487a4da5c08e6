// SPDX-License-Identifier: Apache-2.0
/*
 * Advisory locks of files: records (fcntl) and whole files (flock).
 *
 * Who owns a lock is a pointer that is compared only: for F_SETLK the table of handles of the process
 * (so its threads share it and a fork does not inherit it), for F_OFD_SETLK and flock the open file.
 * flock locks and record locks do not see each other.
 *
 * Record locks of an owner merge and split by byte ranges (lib/fs/range_lock.h).  A process that
 * would wait for ever for one that waits for it gets ERR_DEADLK; open files are not looked at for
 * that, as no one can say who would release them.
 *
 * Locking: one mutex a file that has locks (RANK_MODULE); one for all who wait for record locks, taken
 * only by them.
 * Lifetimes: a vnode's locks go with the vnode; an owner's with file_locks_close and
 * file_locks_release.
 */
#pragma once

#include "kernel/vfs/vnode.h"
#include "lib/fs/range_lock.h"

void vnode_locks_init(void); // boot

struct lock_request {
    enum range_lock_kind kind; // RANGE_UNLOCKED gives back
    uint64_t start;
    uint64_t end; // last byte; UINT64_MAX: to the end, wherever that is
    const void *owner;
    int32_t pid;       // to be reported; -1 for an open file's
    bool is_open_file; // F_OFD_*
    bool can_wait;     // F_SETLKW
};

// ERR_AGAIN: somebody else's lock is in the way.  ERR_INTR, ERR_DEADLK, ERR_NOMEM (ERR_NOLCK for
// user code); ERR_BADF: the file is not open for what the lock is for; ERR_INVAL: not a file.
status_t file_lock_record(struct file *f, const struct lock_request *r);

// The first lock in the way of the request: kind, start, end and pid; RANGE_UNLOCKED if there is none.
status_t file_lock_query(struct file *f, struct lock_request *r);

// flock(): RANGE_READ shared, RANGE_WRITE exclusive, RANGE_UNLOCKED.  ERR_AGAIN, ERR_INTR, ERR_NOMEM.
status_t file_lock_whole(struct file *f, enum range_lock_kind kind, bool can_wait);

// A handle of `f` in the table `owner` was closed: its record locks on that file go, as POSIX says.
// Cheap where the file has no locks.
void file_locks_close(struct file *f, const void *owner);

// The open file `f` over `v` ends: its own locks go.
void vnode_locks_release(struct vnode *v, const struct file *f);

// The vnode ends.
void vnode_locks_destroy(struct vnode *v);
