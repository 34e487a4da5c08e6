// SPDX-License-Identifier: Apache-2.0
/*
 * Waiting for events of several files (poll, select): each entry hangs a watch on its file; one that
 * fires wakes the thread, which then looks at the entries that fired and at no others.
 */
#pragma once

#include "kernel/object/file.h"

struct poll_group;

struct poll_entry {
    struct file *file; // the caller's reference; NULL: not looked at
    uint32_t wanted;   // events; EVENT_ERR and EVENT_HUP are always looked for
    uint32_t found;    // out, unless it was set before (EVENT_NVAL)
    struct event_watch watch;
    struct poll_group *group;
    _Atomic bool has_fired; // [a]
};

// Waits until an entry has found something or the deadline (absolute, monotonic) has passed; *count is
// the number of entries that found something.  ERR_INTR.
status_t poll_wait(struct poll_entry *entries, size_t size, nsec_t deadline, size_t *count);
