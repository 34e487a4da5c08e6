// SPDX-License-Identifier: Apache-2.0
/* Waiting for children. */
#include <stdatomic.h>

#include "kernel/proc/tree_priv.h"

static bool is_meant(const struct process *self, const struct process *child, pid_t which)
    REQUIRES(process_tree.lock)
{
    if (which > 0) {
        return child->pid == which;
    }
    if (which == -1) {
        return true;
    }
    pid_t group = which == 0 ? self->group->id : -which;
    return child->group != NULL && child->group->id == group;
}

static void add_usage(struct process_usage *to, const struct process_usage *more)
{
    to->user_ns += more->user_ns;
    to->system_ns += more->system_ns;
    if (more->max_resident_pages > to->max_resident_pages) {
        to->max_resident_pages = more->max_resident_pages;
    }
}

// A stop or a going on that the parent has not been told of.
static bool take_stop(struct process *child, uint32_t options, int *wait_status)
{
    bool keeps = (options & ABI_WNOWAIT) != 0;
    bool is_taken = false;
    irqflags_t flags = spin_lock_irqsave(&child->lock);
    if (child->is_stopped && child->stop_untold && (options & ABI_WUNTRACED) != 0) {
        child->stop_untold = keeps;
        *wait_status = wait_status_stopped(child->stop_signal);
        is_taken = true;
    } else if (child->continue_untold && (options & ABI_WCONTINUED) != 0) {
        child->continue_untold = keeps;
        *wait_status = WAIT_STATUS_CONTINUED;
        is_taken = true;
    }
    spin_unlock_irqrestore(&child->lock, flags);
    return is_taken;
}

// OK: *out is filled in and, if the child has ended and is to go, *gone has its reference.
// ERR_AGAIN: nothing yet; ERR_CHILD: there is no such child.
static status_t look(struct process *self, const struct process_wait_request *r,
                     struct process_wait_result *out, struct process **gone)
{
    status_t status = ERR_CHILD;
    mutex_lock(&process_tree.lock);
    list_for_each (node, &self->children) {
        struct process *child = container_of(node, struct process, sibling);
        if (!is_meant(self, child, r->pid)) {
            continue;
        }
        status = ERR_AGAIN;
        bool has_ended = child->state == PROCESS_ENDED;
        if (has_ended && (r->options & ABI_WEXITED) != 0) {
            out->wait_status = child->wait_status;
        } else if (has_ended || !take_stop(child, r->options, &out->wait_status)) {
            continue;
        }
        out->pid = child->pid;
        out->principal = child->cred->principal;
        out->usage = child->usage;
        add_usage(&out->usage, &child->children_usage);
        if (has_ended && (r->options & ABI_WNOWAIT) == 0) {
            add_usage(&self->children_usage, &out->usage);
            tree_remove_locked(child);
            *gone = child;
        }
        status = OK;
        break;
    }
    mutex_unlock(&process_tree.lock);
    return status;
}

status_t process_wait(const struct process_wait_request *request, struct process_wait_result *out)
{
    struct process *self = process_current();
    for (;;) {
        uint32_t seen = atomic_load_explicit(&self->child_events, memory_order_acquire);
        struct process *gone = NULL;
        status_t status = look(self, request, out, &gone);
        if (gone != NULL) {
            process_unref(gone);
        }
        if (status == ERR_AGAIN && (request->options & ABI_WNOHANG) != 0) {
            *out = (struct process_wait_result){};
            return OK;
        }
        if (status != ERR_AGAIN) {
            return status;
        }
        WAIT_UNTIL(&self->child_wait,
                   atomic_load_explicit(&self->child_events, memory_order_acquire) != seen,
                   NSEC_NEVER, WAIT_INTERRUPTIBLE, &status);
        if (status != OK) {
            return status;
        }
    }
}
