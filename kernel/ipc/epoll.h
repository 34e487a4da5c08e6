// SPDX-License-Identifier: Apache-2.0
/*
 * Sets of files to wait on (epoll).  A watch of each item hangs on its file all the time, and puts the
 * item on the set's ready list when it fires; a wait looks at that list and at nothing else.
 *
 *   IDLE --fires, or is added--> READY --a wait takes it off--> LOOKED_AT --still ready--> READY
 *     ^                                                            |  (level: goes to the end)
 *     '----------- not ready, or edge-triggered and told ----------'
 *   DEAD: taken out of the set, from any state
 *
 * Invariants: 1. a READY item is on the list, no other is; 2. an item that fires while it is
 * LOOKED_AT becomes READY afterwards; 3. who makes an item DEAD, once, takes it out of everything.
 *
 * Closing: a file leaves all sets with its last handle (file_set_left_hook); a set loses its items
 * with its own.  Items hold references on both, so a watch never outlives its source.
 *
 * Nesting: sets may watch sets, EPOLL_DEPTH_MAX deep and in no circle.  Who watches a set is told by a
 * worker, since one source's lock is never taken under another's.
 *
 * Locking: `lock` (RANK_EVENT_SET, a spinlock) of the set guards its tree, list and the states; watches
 * fire under their source's lock and take it.  A file's list of items has a lock of its own (RANK_OBJECT).
 * Adding and removing of sets to sets is serialised by one mutex.  Files are polled without locks.
 */
#pragma once

#include "kernel/object/file.h"

enum { EPOLL_DEPTH_MAX = 5 };

struct epoll_event {
    uint32_t events;
    uint64_t data;
};

// Boot: files tell when their last handle goes.
void epoll_init(void);

status_t epoll_create(struct file **out); // gives a reference.  ERR_NOMEM

// `handle` is the number under which the caller knows `f`: the same file may be in the set once for
// each.  ERR_INVAL: not a set, or the set itself.  ERR_EXIST, ERR_NOENT, ERR_NOMEM; ERR_PERM: the
// file cannot be waited for; ERR_LOOP: a circle of sets, or too deep.
status_t epoll_add(struct file *set, struct file *f, int32_t handle, const struct epoll_event *e);
status_t epoll_modify(struct file *set, struct file *f, int32_t handle,
                      const struct epoll_event *e);
status_t epoll_remove(struct file *set, struct file *f, int32_t handle);

// Waits until items are ready or the deadline has passed, and stores up to `max`.  ERR_INVAL: not a
// set.  ERR_INTR.
status_t epoll_wait(struct file *set, struct epoll_event *events, size_t max, nsec_t deadline,
                    size_t *count);

// Items in the set: more than that are never ready.
size_t epoll_size(struct file *set);
