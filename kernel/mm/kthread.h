// SPDX-License-Identifier: Apache-2.0
/* Kernel threads from the heap, with a guarded stack each; freed when they exit. */
#pragma once

#include "kernel/core/thread.h"

// Runs entry(arg) in a new thread.  ERR_NOMEM.  `out` may be NULL; what it gives is valid as long
// as the thread has not exited.
status_t kthread_create(const char *name, void (*entry)(void *), void *arg, struct thread **out);

// The same without starting it: thread_start does, after whatever else it should have.
status_t kthread_prepare(const char *name, void (*entry)(void *), void *arg, struct thread **out);

// Adds CPU `hwid` with an idle thread and a per-CPU area, which live for ever.  Boot.  ERR_NOMEM.
status_t kthread_add_cpu(uint64_t hwid);
