// SPDX-License-Identifier: Apache-2.0
/* User threads: a kernel thread with FP state, an address space, a process, and signals. */
#pragma once

#include "kernel/core/thread.h"
#include "kernel/proc/signal.h"
#include "lib/base/rbtree.h"

struct process;

struct uthread {
    struct thread thread; // first
    struct arch_fp_state fp;
    pid_t tid;             // [I] but for exec: the process's identifier for its first thread
    struct rb_node by_tid; // [tree lock] those that are not first threads
    bool has_own_id;       // [tree lock] it is in the tree
    struct list link;      // [process lock] of the process
    struct signal_thread signals;
    vaddr_t set_tid;     // [I] word to hold its identifier before it runs; 0: none
    vaddr_t clear_tid;   // [c] word to zero and wake at the end; 0: none
    vaddr_t robust_list; // [c] head of the list of locks to release at the end; 0: none
};

static inline struct uthread *uthread_of(struct thread *t)
{
    return (struct uthread *)(void *)t;
}

static inline struct uthread *uthread_current(void)
{
    return uthread_of(thread_current());
}

// A NEW thread of `p` that will enter user mode with the registers of `frame` (copied), on the CPUs
// that the current thread may run on.  Takes a reference on `p` for the thread's life.  ERR_NOMEM.
status_t uthread_create(struct process *p, const char *name, const struct arch_frame *frame,
                        struct uthread **out);

// Frees a thread that was never started.
void uthread_destroy(struct uthread *t);

// An empty set with room for all CPUs, in one piece of the heap, which a user thread owns that was given
// it by thread_swap_affinity: it is freed with the thread.  ERR_NOMEM.
status_t uthread_affinity_create(struct cpu_set **out);

// Takes a set and gives it, or NULL if it has every CPU: then the scheduler need not look at it.
struct cpu_set *uthread_affinity_reduce(struct cpu_set *set);
