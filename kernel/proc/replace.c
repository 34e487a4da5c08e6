// SPDX-License-Identifier: Apache-2.0
/* exec: another program in the same process. */
#include "kernel/core/sched.h"
#include "kernel/proc/program.h"
#include "kernel/proc/tree_priv.h"
#include "lib/base/string.h"

// Ends all threads but the caller's.  ERR_INTR: another one is at it, or the process ends.
static status_t end_other_threads(struct process *p)
{
    struct uthread *self = uthread_current();
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    if (p->is_execing || p->is_ending) {
        spin_unlock_irqrestore(&p->lock, flags);
        return ERR_INTR;
    }
    p->is_execing = true;
    list_for_each (node, &p->threads) {
        struct uthread *t = container_of(node, struct uthread, link);
        if (t != self) {
            thread_notify(&t->thread, THREAD_KILLED);
        }
    }
    spin_unlock_irqrestore(&p->lock, flags);
    status_t status;
    WAIT_UNTIL(&p->fewer_threads, process_has_one_thread(p), NSEC_NEVER, WAIT_DEFAULT, &status);
    (void)status; // no deadline, no interruption
    return OK;
}

// The one that is left has the process's own identifier.
static void become_first_thread(struct process *p)
{
    struct uthread *self = uthread_current();
    mutex_lock(&process_tree.lock);
    if (self->has_own_id) {
        rb_erase(&process_tree.by_tid, &self->by_tid);
        self->has_own_id = false;
        self->tid = p->pid;
    }
    p->has_execed = true;
    mutex_unlock(&process_tree.lock);
}

static void change_aspace(struct process *p, struct aspace *as)
{
    struct aspace *old = p->aspace;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    p->aspace = as; // who looks at the process takes a reference under the lock
    spin_unlock_irqrestore(&p->lock, flags);
    thread_current()->aspace = &as->arch;
    sched_aspace_changed();
    aspace_unref(old);
}

// No failure here: what belonged to the old program goes.
static void start_anew(struct process *p, const struct program_request *r, const char *name)
{
    struct uthread *self = uthread_current();
    handle_close_on_exec(p->handles);
    process_timers_exec(p);
    signal_state_exec(p);
    self->clear_tid = 0;
    self->robust_list = 0;
    arch_thread_reset_user();
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    process_name(p, name, span_of(r->strings->bytes, r->strings->used));
    p->is_execing = false;
    struct completion *done = p->vfork_done;
    p->vfork_done = NULL;
    spin_unlock_irqrestore(&p->lock, flags);
    if (done != NULL) {
        completion_signal(done);
    }
}

status_t process_exec(const struct program_request *request, const char *name)
{
    struct process *p = process_current();
    struct aspace *as;
    struct arch_frame frame;
    status_t status = program_load(request, &as, &frame);
    if (status != OK) {
        return status;
    }
    status = end_other_threads(p);
    if (status != OK) {
        aspace_unref(as);
        return status;
    }
    // No failure below.
    become_first_thread(p);
    change_aspace(p, as);
    start_anew(p, request, name);
    *arch_user_frame(thread_current()) = frame;
    signal_frame_changed();
    return OK;
}
