// SPDX-License-Identifier: Apache-2.0
/* The end of threads and processes. */
#include <stdatomic.h>

#include "kernel/core/sched.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/shortage.h"
#include "kernel/proc/tree_priv.h"

/* ---- Being told ---- */

static void tell_threads_locked(struct process *p) REQUIRES(p -> lock)
{
    list_for_each (node, &p->threads) {
        thread_notify(&container_of(node, struct uthread, link)->thread, THREAD_KILLED);
    }
}

void process_end_locked(struct process *p, int wait_status)
{
    int none = 0;
    atomic_compare_exchange_strong_explicit(&p->exit_request, &none, wait_status + 1,
                                            memory_order_release, memory_order_relaxed);
    p->is_ending = true;
    p->is_stopped = false;
    tell_threads_locked(p);
    wait_wake_all(&p->stop_wait);
    wait_wake_all(&p->fewer_threads);
}

NORETURN void process_exit(int wait_status)
{
    struct process *p = process_current();
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    process_end_locked(p, wait_status);
    spin_unlock_irqrestore(&p->lock, flags);
    process_exit_thread(wait_status);
}

/* ---- The tree ---- */

// The first process inherits the children; without one, ended children leave the tree at once.
static void orphan_children_locked(struct process *p) REQUIRES(process_tree.lock)
{
    struct process *heir = process_tree.first == p ? NULL : process_tree.first;
    bool has_any = !list_is_empty(&p->children);
    list_for_each_safe (node, &p->children) {
        struct process *child = container_of(node, struct process, sibling);
        tree_set_parent_locked(child, heir);
        list_del_init(&child->sibling);
        if (heir != NULL) {
            list_add_tail(&heir->children, &child->sibling);
        } else if (child->state == PROCESS_ENDED) {
            tree_remove_locked(child);
            process_unref(child);
        }
    }
    if (heir != NULL && has_any) {
        atomic_fetch_add_explicit(&heir->child_events, 1, memory_order_release);
        wait_wake_all(&heir->child_wait);
        (void)signal_send_process(heir, &(struct signal_info){.signal = SIGCHLD});
    }
}

static bool wants_no_zombies(struct process *parent)
{
    irqflags_t flags = spin_lock_irqsave(&parent->lock);
    const struct abi_sigaction *a = &parent->signals.actions[SIGCHLD - 1];
    bool wants = a->handler == ABI_SIG_IGN || (a->flags & ABI_SA_NOCLDWAIT) != 0;
    spin_unlock_irqrestore(&parent->lock, flags);
    return wants;
}

static void end_locked(struct process *p, int wait_status) REQUIRES(process_tree.lock)
{
    orphan_children_locked(p);
    p->state = PROCESS_ENDED;
    p->wait_status = wait_status;
    if (process_tree.first == p) {
        process_tree.first = NULL;
        atomic_store_explicit(&process_tree.first_status, wait_status + 1, memory_order_release);
        wait_wake_all(&process_tree.first_wait);
    }
    struct process *parent = p->parent;
    if (parent != NULL) {
        int signal = wait_status & 0x7f;
        struct signal_info info = {
            .signal = SIGCHLD,
            .code = signal != 0 ? ABI_CLD_KILLED : ABI_CLD_EXITED,
            .pid = p->pid,
            .uid = p->cred->principal,
            .value = (uint64_t)(signal != 0 ? signal : wait_status >> 8 & 0xff),
            .user_ns = p->usage.user_ns,
            .system_ns = p->usage.system_ns,
        };
        bool is_unwanted = wants_no_zombies(parent);
        tree_notify_parent_locked(parent, &info, false);
        if (!is_unwanted) {
            return;
        }
    }
    tree_remove_locked(p);
    process_unref(p); // the thread's reference keeps it until the thread is gone
}

/* ---- Threads ---- */

void process_finish(struct process *p, int wait_status)
{
    job_process_ending(p);
    process_timers_end(p);
    process_release_context(p);
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    signal_pending_fini(&p->signals.pending, &p->signals);
    struct completion *done = p->vfork_done;
    p->vfork_done = NULL;
    spin_unlock_irqrestore(&p->lock, flags);
    if (done != NULL) {
        completion_signal(done);
    }
    mutex_lock(&process_tree.lock);
    end_locked(p, wait_status);
    mutex_unlock(&process_tree.lock);
    thread_exit();
}

// Takes the thread off its process.  True: it was the last.
static bool leave(struct process *p, struct uthread *t)
{
    struct thread *thread = &t->thread;
    mutex_lock(&process_tree.lock);
    if (t->has_own_id) {
        rb_erase(&process_tree.by_tid, &t->by_tid);
        t->has_own_id = false;
    }
    mutex_unlock(&process_tree.lock);
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    list_del_init(&t->link);
    signal_pending_fini(&t->signals.pending, &p->signals);
    signal_pass_on_locked(p);
    process_add_times(&p->usage, thread);
    uint32_t threads = p->thread_count - 1;
    // Pairs with process_has_one_thread: whoever is left takes no locks against this thread.
    __atomic_store_n(&p->thread_count, threads, __ATOMIC_RELEASE);
    wait_wake_all(&p->fewer_threads);
    spin_unlock_irqrestore(&p->lock, flags);
    return threads == 0;
}

NORETURN void process_exit_thread(int wait_status)
{
    struct uthread *t = uthread_current();
    struct process *p = t->thread.process;
    futex_thread_ending(t);
    struct aspace *as = p->aspace;
    t->thread.aspace = NULL;
    sched_aspace_changed();
    if (!leave(p, t)) {
        thread_exit();
    }
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    p->aspace = NULL; // who looks at the process takes a reference under the lock
    spin_unlock_irqrestore(&p->lock, flags);
    aspace_unref(as);
    shortage_process_ended(p->pid);
    int request = atomic_load_explicit(&p->exit_request, memory_order_acquire);
    process_finish(p, request != 0 ? request - 1 : wait_status);
}
