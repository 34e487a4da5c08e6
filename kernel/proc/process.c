// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/process.h"

#include <stdatomic.h>

#include "abi/signal.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/uthread.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

enum { PID_MAX = 1 << 22 };

static struct {
    struct mutex lock;        // the tree lock
    struct rb_root by_pid;    // [lock]
    struct process *first;    // [lock] NULL before it starts and after it has ended
    pid_t next_pid;           // [lock]
    _Atomic int first_status; // [a] wait status + 1 of the first process; 0: it has not ended
    struct wait_queue first_wait;
    process_open_t open;   // [I]
    struct fs_context *fs; // [I] of the first process
    struct cred *cred;     // [I] of the first process
} processes;

void process_init(process_open_t open, struct fs_context *fs, struct cred *cred)
{
    processes.fs = fs;
    processes.cred = cred;
    mutex_init(&processes.lock, "process tree", RANK_PROC_TREE);
    wait_init(&processes.first_wait, "first process");
    processes.next_pid = FIRST_PID;
    processes.open = open;
}

/* ---- Records ---- */

void process_ref(struct process *p)
{
    refcount_inc(&p->refs);
}

// What the process could name and do is gone; nobody acts for it any more.
static void drop_authority(struct process *p)
{
    if (p->handles != NULL) {
        handle_table_destroy(p->handles);
        p->handles = NULL;
    }
    grant_set_fini(&p->grants);
    if (p->fs != NULL) {
        fs_context_unref(p->fs);
        p->fs = NULL;
    }
    if (p->cred != NULL) {
        cred_unref(p->cred);
        p->cred = NULL;
    }
}

struct cred *process_get_cred(struct process *p)
{
    spin_lock(&p->identity);
    struct cred *c = cred_ref(p->cred);
    spin_unlock(&p->identity);
    return c;
}

void process_set_cred(struct process *p, struct cred *c)
{
    spin_lock(&p->identity);
    struct cred *old = p->cred;
    p->cred = c;
    spin_unlock(&p->identity);
    cred_unref(old);
}

// Root, working directory and identity are those of who makes the process.
static status_t inherit(struct process *p)
{
    struct process *maker = process_current();
    status_t status = fs_context_copy(maker == NULL ? processes.fs : maker->fs, &p->fs);
    if (status == OK) {
        p->cred = maker == NULL ? cred_ref(processes.cred) : process_get_cred(maker);
    }
    return status;
}

void process_unref(struct process *p)
{
    if (refcount_dec(&p->refs)) {
        drop_authority(p);
        heap_free(p);
    }
}

static const char *last_component(const char *path)
{
    const char *name = path;
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '/' && c[1] != '\0') {
            name = c + 1;
        }
    }
    return name;
}

// A record with one reference (the tree's), on no list yet, with the handles of `parent` or none.
static status_t record_create(const char *name, const struct process *parent, struct process **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct process), &memory);
    if (status != OK) {
        return status;
    }
    struct process *p = memory;
    grant_set_init(&p->grants);
    spin_init(&p->identity, "identity", RANK_OBJECT);
    status = inherit(p);
    if (status != OK) {
        drop_authority(p);
        heap_free(p);
        return status;
    }
    status = parent == NULL ? handle_table_create(&p->handles)
                            : handle_table_fork(parent->handles, &p->handles);
    if (status != OK) {
        drop_authority(p);
        heap_free(p);
        return status;
    }
    refcount_init(&p->refs, 1);
    fmt_print(p->name, sizeof(p->name), "%s", last_component(name));
    list_init(&p->children);
    list_init(&p->sibling);
    wait_init(&p->child_wait, "child");
    *out = p;
    return OK;
}

static struct process *find_locked(pid_t pid) REQUIRES(processes.lock)
{
    struct rb_node *node = processes.by_pid.node;
    while (node != NULL) {
        struct process *p = container_of(node, struct process, by_pid);
        if (p->pid == pid) {
            return p;
        }
        node = pid < p->pid ? node->left : node->right;
    }
    return NULL;
}

static void insert_locked(struct process *p) REQUIRES(processes.lock)
{
    struct rb_node **link = &processes.by_pid.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        bool goes_left = p->pid < container_of(parent, struct process, by_pid)->pid;
        link = goes_left ? &parent->left : &parent->right;
    }
    rb_insert(&processes.by_pid, &p->by_pid, parent, link);
}

static pid_t choose_pid_locked(void) REQUIRES(processes.lock)
{
    pid_t pid;
    do {
        pid = processes.next_pid;
        processes.next_pid = pid == PID_MAX ? FIRST_PID + 1 : pid + 1;
    } while (find_locked(pid) != NULL);
    return pid;
}

// Puts a process that is complete into the tree, below the current one.
static void publish(struct process *p)
{
    mutex_lock(&processes.lock);
    p->pid = choose_pid_locked();
    insert_locked(p);
    p->parent = process_current();
    if (p->parent != NULL) {
        list_add_tail(&p->parent->children, &p->sibling);
    }
    if (p->pid == FIRST_PID) {
        processes.first = p;
    }
    mutex_unlock(&processes.lock);
}

// Takes an ended process out of the tree; its reference goes to the caller.
static void remove_locked(struct process *p) REQUIRES(processes.lock)
{
    rb_erase(&processes.by_pid, &p->by_pid);
    list_del_init(&p->sibling);
}

/* ---- Beginning ---- */

// Starts the thread of a process whose address space is ready.  Takes p: a failure frees it.
static status_t launch(struct process *p, const struct arch_frame *frame, bool is_fork, pid_t *pid)
{
    status_t status = uthread_create(p, p->name, frame, &p->thread);
    if (status != OK) {
        aspace_unref(p->aspace);
        process_unref(p);
        return status;
    }
    if (is_fork) {
        arch_thread_fork_user(&p->thread->arch);
    }
    // No failure below.
    publish(p);
    *pid = p->pid; // before it can run, end, and be waited for
    thread_start(p->thread);
    return OK;
}

status_t process_spawn(const char *path, struct span args, size_t argc, pid_t *pid)
{
    struct span file;
    status_t status = processes.open(path, &file);
    if (status != OK) {
        return status;
    }
    struct process *p;
    status = record_create(path, NULL, &p);
    if (status != OK) {
        return status;
    }
    if (process_current() == NULL) {
        grant_set_init_all(&p->grants);
    }
    struct arch_frame frame;
    status = exec_load(path, file, args, argc, &p->aspace, &frame);
    if (status != OK) {
        process_unref(p);
        return status;
    }
    return launch(p, &frame, false, pid);
}

status_t process_fork(pid_t *pid)
{
    struct process *self = process_current();
    struct process *p;
    status_t status = record_create(self->name, self, &p);
    if (status != OK) {
        return status;
    }
    status = aspace_fork(self->aspace, &p->aspace);
    if (status != OK) {
        process_unref(p);
        return status;
    }
    grant_set_copy(&self->grants, GRANT_ALL, &p->grants);
    struct arch_frame frame = *arch_user_frame(thread_current());
    arch_frame_set_result(&frame, 0);
    return launch(p, &frame, true, pid);
}

/* ---- Ending ---- */

static void notify_parent_locked(struct process *parent) REQUIRES(processes.lock)
{
    atomic_fetch_add_explicit(&parent->child_events, 1, memory_order_release);
    wait_wake_all(&parent->child_wait);
}

// The first process inherits the children; without one, ended children leave the tree at once.
static void orphan_children_locked(struct process *p) REQUIRES(processes.lock)
{
    struct process *heir = processes.first == p ? NULL : processes.first;
    list_for_each_safe (node, &p->children) {
        struct process *child = container_of(node, struct process, sibling);
        child->parent = heir;
        list_del_init(&child->sibling);
        if (heir != NULL) {
            list_add_tail(&heir->children, &child->sibling);
        } else if (child->state == PROCESS_ENDED) {
            remove_locked(child);
            process_unref(child);
        }
    }
    if (heir != NULL) {
        notify_parent_locked(heir);
    }
}

static void end_locked(struct process *p, int wait_status) REQUIRES(processes.lock)
{
    orphan_children_locked(p);
    p->thread = NULL;
    p->state = PROCESS_ENDED;
    p->wait_status = wait_status;
    if (processes.first == p) {
        processes.first = NULL;
        atomic_store_explicit(&processes.first_status, wait_status + 1, memory_order_release);
        wait_wake_all(&processes.first_wait);
    }
    if (p->parent != NULL) {
        notify_parent_locked(p->parent);
    } else {
        remove_locked(p);
        process_unref(p); // the thread's reference keeps it until the thread is gone
    }
}

NORETURN void process_exit(int wait_status)
{
    struct process *p = process_current();
    struct aspace *as = p->aspace;
    drop_authority(p);
    p->aspace = NULL;
    thread_current()->aspace = NULL;
    sched_aspace_changed();
    aspace_unref(as);
    mutex_lock(&processes.lock);
    end_locked(p, wait_status);
    mutex_unlock(&processes.lock);
    thread_exit();
}

status_t process_kill(pid_t pid, int signal)
{
    if (signal < 0 || signal > SIGNAL_MAX) {
        return ERR_INVAL;
    }
    status_t status = ERR_SRCH;
    mutex_lock(&processes.lock);
    struct process *p = find_locked(pid);
    if (p != NULL) {
        status = OK;
        if (signal != 0 && p->thread != NULL) {
            int none = 0;
            atomic_compare_exchange_strong_explicit(&p->exit_request, &none,
                                                    wait_status_signalled(signal) + 1,
                                                    memory_order_release, memory_order_relaxed);
            thread_notify(p->thread, THREAD_KILLED);
        }
    }
    mutex_unlock(&processes.lock);
    return status;
}

/* ---- Waiting ---- */

// OK and the child taken out of the tree; ERR_AGAIN: none has ended; ERR_CHILD: there is none.
static status_t take_ended(struct process *self, pid_t which, struct process **out)
{
    status_t status = ERR_CHILD;
    mutex_lock(&processes.lock);
    list_for_each (node, &self->children) {
        struct process *child = container_of(node, struct process, sibling);
        if (which != -1 && child->pid != which) {
            continue;
        }
        status = ERR_AGAIN;
        if (child->state == PROCESS_ENDED) {
            remove_locked(child);
            *out = child;
            status = OK;
            break;
        }
    }
    mutex_unlock(&processes.lock);
    return status;
}

status_t process_wait(pid_t which, enum process_wait_flags flags, pid_t *pid, int *wait_status)
{
    struct process *self = process_current();
    for (;;) {
        uint32_t seen = atomic_load_explicit(&self->child_events, memory_order_acquire);
        struct process *child;
        status_t status = take_ended(self, which, &child);
        if (status == OK) {
            *pid = child->pid;
            *wait_status = child->wait_status;
            process_unref(child);
            return OK;
        }
        if (status == ERR_AGAIN && (flags & PROCESS_WAIT_POLL) != 0) {
            *pid = 0;
            *wait_status = 0;
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

int process_wait_first(void)
{
    status_t status;
    WAIT_UNTIL(&processes.first_wait,
               atomic_load_explicit(&processes.first_status, memory_order_acquire) != 0, NSEC_NEVER,
               WAIT_DEFAULT, &status);
    assert(status == OK);
    return atomic_load_explicit(&processes.first_status, memory_order_relaxed) - 1;
}
