// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>

#include "kernel/proc/clock.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/program.h"
#include "kernel/proc/tree_priv.h"

struct process_tree process_tree;

void process_init(struct fs_context *fs, struct cred *cred)
{
    process_tree.fs = fs;
    process_tree.cred = cred;
    mutex_init(&process_tree.lock, "process tree", RANK_PROC_TREE);
    wait_init(&process_tree.first_wait, "first process");
    process_tree.next_id = FIRST_PID;
    futex_init();
    clock_init();
}

/* ---- Identifiers ---- */

struct process *tree_find_locked(pid_t pid)
{
    struct rb_node *node = process_tree.by_pid.node;
    while (node != NULL) {
        struct process *p = container_of(node, struct process, by_pid);
        if (p->pid == pid) {
            return p;
        }
        node = pid < p->pid ? node->left : node->right;
    }
    return NULL;
}

struct uthread *tree_find_thread_locked(pid_t tid)
{
    struct rb_node *node = process_tree.by_tid.node;
    while (node != NULL) {
        struct uthread *t = container_of(node, struct uthread, by_tid);
        if (t->tid == tid) {
            return t;
        }
        node = tid < t->tid ? node->left : node->right;
    }
    return NULL;
}

pid_t tree_choose_id_locked(void)
{
    pid_t id;
    do {
        id = process_tree.next_id;
        process_tree.next_id = id == PID_MAX ? FIRST_PID + 1 : id + 1;
    } while (tree_find_locked(id) != NULL || tree_find_thread_locked(id) != NULL ||
             job_find_locked(id) != NULL);
    return id;
}

void tree_insert_locked(struct process *p)
{
    struct rb_node **link = &process_tree.by_pid.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        bool goes_left = p->pid < container_of(parent, struct process, by_pid)->pid;
        link = goes_left ? &parent->left : &parent->right;
    }
    rb_insert(&process_tree.by_pid, &p->by_pid, parent, link);
}

void tree_insert_thread_locked(struct uthread *t)
{
    struct rb_node **link = &process_tree.by_tid.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        bool goes_left = t->tid < container_of(parent, struct uthread, by_tid)->tid;
        link = goes_left ? &parent->left : &parent->right;
    }
    rb_insert(&process_tree.by_tid, &t->by_tid, parent, link);
    t->has_own_id = true;
}

void tree_remove_locked(struct process *p)
{
    job_leave_locked(p);
    rb_erase(&process_tree.by_pid, &p->by_pid);
    list_del_init(&p->sibling);
}

status_t process_get(pid_t pid, struct process **out)
{
    mutex_lock(&process_tree.lock);
    struct process *p = tree_find_locked(pid);
    if (p != NULL) {
        process_ref(p);
    }
    mutex_unlock(&process_tree.lock);
    if (p == NULL) {
        return ERR_SRCH;
    }
    *out = p;
    return OK;
}

void tree_set_parent_locked(struct process *p, struct process *parent)
{
    p->parent = parent;
    atomic_store_explicit(&p->parent_pid, parent == NULL ? 0 : parent->pid, memory_order_relaxed);
}

pid_t process_parent_pid(void)
{
    return atomic_load_explicit(&process_current()->parent_pid, memory_order_relaxed);
}

static struct process *next_after_locked(pid_t after) REQUIRES(process_tree.lock)
{
    struct process *best = NULL;
    struct rb_node *node = process_tree.by_pid.node;
    while (node != NULL) {
        struct process *p = container_of(node, struct process, by_pid);
        if (p->pid > after) {
            best = p;
        }
        node = p->pid > after ? node->left : node->right;
    }
    return best;
}

/* ---- Sending signals by number ---- */

// `pid` as kill(2) has it; signal 0 only looks.
static status_t kill_everybody(const struct signal_info *info)
{
    status_t status = ERR_SRCH;
    struct process *self = process_current();
    mutex_lock(&process_tree.lock);
    for (struct process *p = next_after_locked(FIRST_PID); p != NULL;
         p = next_after_locked(p->pid)) {
        if (p == self || p->state != PROCESS_RUNNING) {
            continue;
        }
        if (!signal_may_send(p, info->signal)) {
            status = status == ERR_SRCH ? ERR_PERM : status;
        } else {
            status = info->signal == 0 ? OK : signal_send_process(p, info);
        }
    }
    mutex_unlock(&process_tree.lock);
    return status;
}

status_t process_kill(pid_t pid, const struct signal_info *info)
{
    struct process *p;
    if (info->signal < 0 || info->signal > SIGNAL_MAX) {
        return ERR_INVAL;
    }
    if (pid == INT32_MIN) { // minus the number of no group
        return ERR_SRCH;
    }
    if (pid == -1) {
        return kill_everybody(info);
    }
    if (pid <= 0) {
        pid_t group = -pid;
        pid_t session;
        status_t status = pid == 0 ? job_ids(0, &group, &session) : OK;
        return status == OK ? job_signal_group(group, info, false) : status;
    }
    status_t status = process_get(pid, &p);
    if (status != OK) {
        return status;
    }
    if (!signal_may_send(p, info->signal)) {
        status = ERR_PERM;
    } else if (info->signal != 0) {
        status = signal_send_process(p, info);
    }
    process_unref(p);
    return status;
}

// The thread is found and told under the tree lock, which it needs to leave the tree.
status_t process_kill_thread(pid_t pid, pid_t tid, const struct signal_info *info)
{
    if (info->signal < 0 || info->signal > SIGNAL_MAX || tid <= 0) {
        return ERR_INVAL;
    }
    status_t status = ERR_SRCH;
    mutex_lock(&process_tree.lock);
    struct uthread *t = tree_find_thread_locked(tid);
    struct process *p = t != NULL ? t->thread.process : tree_find_locked(tid);
    if (p != NULL && (pid == 0 || p->pid == pid) && p->state == PROCESS_RUNNING) {
        if (!signal_may_send(p, info->signal)) {
            status = ERR_PERM;
        } else if (info->signal == 0) {
            status = OK;
        } else if (t != NULL) {
            status = signal_send_thread(t, info);
        } else {
            status = signal_send_first_thread(p, info);
        }
    }
    mutex_unlock(&process_tree.lock);
    return status;
}

/* ---- Threads by number ---- */

static status_t may_use(struct process *p, enum thread_use use)
{
    bool is_own = signal_may_send(p, 0);
    if (use == THREAD_USE_CHANGE) {
        return is_own ? OK : ERR_PERM; // as for a signal
    }
    return is_own || process_may_see(p) ? OK : ERR_SRCH;
}

// The lock keeps the first thread, which nothing else does: it can leave before the others.
static status_t with_first_thread(struct process *p, status_t (*act)(struct uthread *, void *),
                                  void *context)
{
    status_t status = ERR_SRCH;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    list_for_each (node, &p->threads) {
        struct uthread *t = container_of(node, struct uthread, link);
        if (t->tid == p->pid) {
            status = act(t, context);
            break;
        }
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return status;
}

status_t process_with_thread(pid_t tid, enum thread_use use,
                             status_t (*act)(struct uthread *t, void *context), void *context)
{
    if (tid == 0 || tid == uthread_current()->tid) {
        return act(uthread_current(), context);
    }
    mutex_lock(&process_tree.lock);
    struct uthread *t = tree_find_thread_locked(tid);
    struct process *p = t != NULL ? t->thread.process : tree_find_locked(tid);
    status_t status = p == NULL ? ERR_SRCH : may_use(p, use);
    if (status == OK) {
        status = t != NULL ? act(t, context) : with_first_thread(p, act, context);
    }
    mutex_unlock(&process_tree.lock);
    return status;
}

void process_for_each(pid_t after, bool (*visit)(void *context, struct process *p), void *context)
{
    for (bool goes_on = true; goes_on;) {
        mutex_lock(&process_tree.lock);
        struct process *p = next_after_locked(after);
        if (p != NULL) {
            process_ref(p);
        }
        mutex_unlock(&process_tree.lock);
        if (p == NULL) {
            return;
        }
        after = p->pid;
        goes_on = visit(context, p);
        process_unref(p);
    }
}

/* ---- Parents ---- */

void process_children_usage(struct process_usage *out)
{
    mutex_lock(&process_tree.lock);
    *out = process_current()->children_usage;
    mutex_unlock(&process_tree.lock);
}

void tree_notify_parent_locked(struct process *parent, const struct signal_info *info,
                               bool is_stop_or_continue)
{
    irqflags_t flags = spin_lock_irqsave(&parent->lock);
    uint64_t action_flags = parent->signals.actions[SIGCHLD - 1].flags;
    spin_unlock_irqrestore(&parent->lock, flags);
    if (!is_stop_or_continue || (action_flags & ABI_SA_NOCLDSTOP) == 0) {
        (void)signal_send_process(parent, info);
    }
    atomic_fetch_add_explicit(&parent->child_events, 1, memory_order_release);
    wait_wake_all(&parent->child_wait);
}

int process_wait_first(void)
{
    status_t status;
    WAIT_UNTIL(&process_tree.first_wait,
               atomic_load_explicit(&process_tree.first_status, memory_order_acquire) != 0,
               NSEC_NEVER, WAIT_DEFAULT, &status);
    (void)status; // no deadline, no interruption
    return atomic_load_explicit(&process_tree.first_status, memory_order_relaxed) - 1;
}
