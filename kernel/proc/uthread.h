// SPDX-License-Identifier: Apache-2.0
/* User threads: a kernel thread with FP state, an address space, and a process. */
#pragma once

#include "kernel/core/thread.h"

struct process;

// A NEW thread of `p` that will enter user mode with the registers of `frame` (copied).  Takes a
// reference on `p` for the thread's life.  ERR_NOMEM.
status_t uthread_create(struct process *p, const char *name, const struct arch_frame *frame,
                        struct thread **out);

// Frees a thread that was never started.
void uthread_destroy(struct thread *t);

// Restricts the current thread to the CPUs of a bitmap (copied).  ERR_INVAL: none of them is online.
// ERR_NOMEM.
status_t uthread_set_affinity(const uint64_t *bits, size_t words);
