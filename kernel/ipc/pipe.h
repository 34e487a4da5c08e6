// SPDX-License-Identifier: Apache-2.0
/*
 * Pipes and FIFOs: bytes from files that write to files that read.
 *
 *   pipe_open_pair: a pipe with one end of each kind
 *   pipe_open: one more end of a FIFO's pipe; waits for the other side as POSIX wants
 *   an end's last handle closes: the other side sees the end, or ERR_PIPE
 *
 * Invariants: 1. `readers` and `writers` count ends whose last handle was not closed yet; 2. a write
 * of at most PIPE_ATOMIC bytes goes in whole and unmixed or not at all; 3. who waits is woken when
 * what it waits for may be there, and who leaves with something left behind wakes the next.
 *
 * Locking: `lock` (RANK_STREAM) guards everything; it is held across copies, not while one waits.
 * Lifetimes: a pipe is counted by its ends and its node.  What is in it goes with the last end.
 */
#pragma once

#include "kernel/object/file.h"

struct abi_stat;
struct pipe;

enum {
    PIPE_ATOMIC = 4096, // PIPE_BUF
    PIPE_CAPACITY = 65536,
    PIPE_CAPACITY_MAX = 1 << 20,
};

// pipe2: `flags` are status flags (FILE_NONBLOCK).  Gives a reference each.  ERR_NOMEM.
status_t pipe_open_pair(uint32_t flags, struct file **reader, struct file **writer);

// What stands behind a FIFO's open files besides the pipe; its functions get `context`.
struct pipe_node_ops {
    status_t (*stat)(void *context, struct abi_stat *out);
    void (*release)(void *context); // an open file went; thread context, no locks
};

// A pipe without ends, for a FIFO's node.  Gives a reference.  ERR_NOMEM.
status_t pipe_create(struct pipe **out);
void pipe_unref(struct pipe *p);

/*
 * Opens an end of a FIFO, as FILE_READ and FILE_WRITE in `flags` say; waits for the other side unless
 * FILE_NONBLOCK is set or both are wanted.  `ops->release` is called once for each file that this
 * gave, not when it fails.  ERR_NXIO: to write without waiting, and nobody reads.  ERR_INTR,
 * ERR_NOMEM.
 */
status_t pipe_open(struct pipe *p, uint32_t flags, const struct pipe_node_ops *ops, void *context,
                   struct file **out);

// F_GETPIPE_SZ and F_SETPIPE_SZ.  ERR_BADF: not a pipe.  ERR_INVAL, ERR_PERM: too large, ERR_BUSY:
// more is in it, ERR_NOMEM.
status_t pipe_capacity(struct file *f, uint32_t *out);
status_t pipe_set_capacity(struct file *f, uint64_t capacity, uint32_t *out);
