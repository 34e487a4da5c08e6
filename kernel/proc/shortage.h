// SPDX-License-Identifier: Apache-2.0
/*
 * Memory was promised and is not there.  The process that holds the most ends, whoever it is that
 * asked: one that only wants a page lives on, and one that grew without limit does not outlive it.  The
 * first process is never chosen.
 *
 *   a fault finds no page -> shortage_relieve -> a worker picks and ends -> its memory comes back -> again
 *
 * Locking: none of its own; the caller may hold sleeping locks, since the choice, which wants those of
 * processes, is a worker's.  A process that must wait for one of these locks before it can end is waited
 * for a second only.
 */
#pragma once

#include "kernel/proc/process.h"

// Thread context of a process, no spinlock held.  True: memory may be there now, or the caller is told
// to end: try again.  False: there is nobody left to end.
bool shortage_relieve(void);

// From processes that ended, once their memory is back.
void shortage_process_ended(pid_t pid);
