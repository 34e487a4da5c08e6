// SPDX-License-Identifier: Apache-2.0
/*
 * Open files: the object behind what POSIX calls a descriptor.  A file of a file system, a pipe, a
 * terminal, a socket, an epoll set are one struct file each, told apart by their operations.
 *
 * One struct file is what POSIX calls an open file description: duplicates and forks share it, with
 * its position and status flags.
 *
 * The struct lies as first field in that of its kind, which frees itself in ops->release.
 *
 * Locking: `position` is guarded by position_lock (RANK_FILE, sleeping), held across a read or write
 * at the position; so reads and writes of one description do not overlap, as POSIX wants.  Status
 * flags are atomic.  Operations are called in thread context with no lock held but that one.
 */
#pragma once

#include "abi/rights.h"
#include "kernel/core/mutex.h"
#include "kernel/object/event.h"
#include "kernel/object/object.h"
#include "kernel/object/uio.h"

struct file;
struct handle_table;
struct vmo;
struct abi_stat;

// Access mode and status flags, the values of musl's aarch64 <fcntl.h>.
enum file_flags : uint32_t {
    FILE_READ = 1u << 30, // may be read: from O_RDONLY or O_RDWR
    FILE_WRITE = 1u << 31,
    FILE_APPEND = 02000,
    FILE_NONBLOCK = 04000,
    FILE_DSYNC = 010000,
    FILE_PATH = 010000000, // names a place only: no reads, no writes
    FILE_STATUS_MASK = FILE_APPEND | FILE_NONBLOCK | FILE_DSYNC,
    FILE_STATUS_SETTABLE = FILE_APPEND | FILE_NONBLOCK, // what F_SETFL may change
};

// A mapping that mmap asks a file for.
struct file_mapping {
    uint64_t offset;   // in bytes, page aligned
    uint64_t size;     // in bytes
    bool is_shared;    // MAP_SHARED: writes reach the file
    unsigned prot;     // enum prot
    struct vmo *vmo;   // out: gives a reference
    uint64_t vmo_page; // out: first page within it
    unsigned max_prot; // out
};

/*
 * Operations.  A NULL one means that this kind has none; file_* below give the error that POSIX
 * names for it.  `position` is NULL for files without one (pipes, terminals, sockets); else it holds
 * the place and is advanced.  A read that gives OK without having moved a byte is at the end of the
 * file.  After some bytes were moved an error is not reported.
 */
struct file_ops {
    const char *kind; // for reports: "pipe"
    bool is_seekable;
    void (*release)(struct file *f);     // frees it; the last reference went
    void (*last_handle)(struct file *f); // nobody can reach it any more; may be NULL
    // A handle of it left that table, others may be left: the record locks that the table owns go.
    // May be NULL.
    void (*closed)(struct file *f, const struct handle_table *t);
    status_t (*read)(struct file *f, struct uio *to, uint64_t *position);
    status_t (*write)(struct file *f, struct uio *from, uint64_t *position);
    // Events that hold now; with `w` not NULL the watch is hung on the source first.  NULL: always
    // readable and writable (as files of file systems are).
    uint32_t (*poll)(struct file *f, struct event_watch *w);
    status_t (*ioctl)(struct file *f, uint32_t request, vaddr_t argument, int64_t *result);
    status_t (*stat)(struct file *f, struct abi_stat *out);
    status_t (*size)(struct file *f, uint64_t *out); // for SEEK_END
    status_t (*truncate)(struct file *f, uint64_t size);
    status_t (*sync)(struct file *f, bool data_only);
    status_t (*map)(struct file *f, struct file_mapping *m);
    // Directory entries as getdents64 gives them; position is a cookie.
    status_t (*read_entries)(struct file *f, struct uio *to, uint64_t *position);
    // Called after F_SETFL changed the status flags; may be NULL.
    status_t (*flags_changed)(struct file *f, uint32_t flags);
};

struct file {
    struct object object;
    const struct file_ops *ops; // [I]
    _Atomic uint32_t flags;     // [a] enum file_flags
    struct mutex position_lock;
    uint64_t position;         // [position_lock]
    struct spinlock sets_lock; // RANK_OBJECT
    struct list sets; // [sets_lock] items of sets to wait on that name it (kernel/ipc/epoll.h)
};

// Boot: what takes a file out of the sets that it is in.  Called when its last handle has gone, in
// thread context without locks.
void file_set_left_hook(void (*left)(struct file *f));

// One reference, position 0.
void file_init(struct file *f, const struct file_ops *ops, uint32_t flags);

// What whoever opens or makes such a file may do with it: the rights of its first handle.
rights_t file_rights(const struct file *f);

static inline struct file *file_of(struct object *o)
{
    return (struct file *)(void *)o;
}

static inline void file_ref(struct file *f)
{
    object_ref(&f->object);
}

static inline void file_unref(struct file *f)
{
    object_unref_now(&f->object);
}

static inline uint32_t file_flags(const struct file *f)
{
    return atomic_load_explicit(&f->flags, memory_order_relaxed);
}

static inline bool file_is_nonblocking(const struct file *f)
{
    return (file_flags(f) & FILE_NONBLOCK) != 0;
}

// At the file's position, or (p forms) at `offset` of a seekable one: ERR_SPIPE else.  Gives OK with
// what was moved to see from `u`.  ERR_BADF: not open for it.  ERR_ISDIR, ERR_INVAL, and what the
// operation says.
status_t file_read(struct file *f, struct uio *u);
status_t file_write(struct file *f, struct uio *u);
status_t file_pread(struct file *f, struct uio *u, uint64_t offset);
status_t file_pwrite(struct file *f, struct uio *u, uint64_t offset);

// lseek.  ERR_SPIPE, ERR_INVAL (whence, or a negative place), ERR_OVERFLOW.
status_t file_seek(struct file *f, int64_t offset, unsigned whence, uint64_t *out);

uint32_t file_poll(struct file *f, struct event_watch *w);
status_t file_ioctl(struct file *f, uint32_t request, vaddr_t argument, int64_t *result);

// F_SETFL: those status flags of `mask` become as in `flags`.  What the kind of file says to that.
status_t file_set_flags(struct file *f, uint32_t flags, uint32_t mask);
