// SPDX-License-Identifier: Apache-2.0
/* The beginning of processes and threads, and what a process consists of. */
#include "kernel/proc/process.h"

#include <stdatomic.h>

#include "kernel/core/panic.h"
#include "kernel/core/time.h"
#include "kernel/ipc/caller.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/program.h"
#include "kernel/proc/tree_priv.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

// clone(2): the values of musl's <sched.h>.
enum : uint64_t {
    CLONE_SIGNAL_MASK = 0xff,
    CLONE_VM = 0x100,
    CLONE_FS = 0x200,
    CLONE_FILES = 0x400,
    CLONE_SIGHAND = 0x800,
    CLONE_VFORK = 0x4000,
    CLONE_THREAD = 0x10000,
    CLONE_SYSVSEM = 0x40000,
    CLONE_SETTLS = 0x80000,
    CLONE_PARENT_SETTID = 0x100000,
    CLONE_CHILD_CLEARTID = 0x200000,
    CLONE_DETACHED = 0x400000,
    CLONE_CHILD_SETTID = 0x1000000,
    CLONE_KNOWN = CLONE_SIGNAL_MASK | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                  CLONE_VFORK | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                  CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_CHILD_SETTID,
    CLONE_OF_THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
};

constexpr uint64_t UNLIMITED = UINT64_MAX;

enum {
    DEFAULT_HANDLES = 1024,
    MOST_HANDLES = 1 << 20,
    DEFAULT_STACK = 8 << 20,
    DEFAULT_QUEUED_SIGNALS = 4096,
};

/* ---- Records ---- */

void process_ref(struct process *p)
{
    refcount_inc(&p->refs);
}

void process_release_context(struct process *p)
{
    if (p->handles != NULL) {
        handle_table_destroy(p->handles);
        p->handles = NULL;
    }
    if (p->fs != NULL) {
        fs_context_unref(p->fs);
        p->fs = NULL;
    }
    grant_set_fini(&p->grants);
    if (p->signals.source != NULL) {
        signal_source_unref(p->signals.source);
        p->signals.source = NULL;
    }
}

void process_unref(struct process *p)
{
    if (refcount_dec(&p->refs)) {
        if (p->cred != NULL) {
            cred_unref(p->cred);
        }
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

static void run_notify(struct work *w);

static void set_default_limits(struct process *p)
{
    for (unsigned i = 0; i < LIMITS; i++) {
        p->limits[i] = (struct process_limit_pair){UNLIMITED, UNLIMITED};
    }
    p->limits[LIMIT_NOFILE] = (struct process_limit_pair){DEFAULT_HANDLES, MOST_HANDLES};
    p->limits[LIMIT_STACK].soft = DEFAULT_STACK;
    p->limits[LIMIT_NICE] = (struct process_limit_pair){0, 0}; // the process grant, or what is set
    p->limits[LIMIT_RTPRIO] = (struct process_limit_pair){0, 0};
    p->limits[LIMIT_CORE] = (struct process_limit_pair){0, 0};
    p->limits[LIMIT_SIGPENDING] =
        (struct process_limit_pair){DEFAULT_QUEUED_SIGNALS, DEFAULT_QUEUED_SIGNALS};
}

// A record with one reference (the tree's), on no list yet, without context.
status_t process_record_create(struct process **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct process), &memory);
    if (status != OK) {
        return status;
    }
    struct process *p = memory;
    refcount_init(&p->refs, 1);
    list_init(&p->children);
    list_init(&p->sibling);
    list_init(&p->group_link);
    list_init(&p->threads);
    wait_init(&p->child_wait, "child");
    wait_init(&p->fewer_threads, "threads");
    wait_init(&p->stop_wait, "stopped");
    spin_init(&p->lock, "process", RANK_OBJECT);
    work_init(&p->notify_work, run_notify);
    signal_state_init(&p->signals);
    grant_set_init(&p->grants);
    set_default_limits(p);
    process_timers_init(p);
    p->start_time = time_now();
    *out = p;
    return OK;
}

void process_record_discard(struct process *p)
{
    if (p->aspace != NULL) {
        aspace_unref(p->aspace);
    }
    process_release_context(p);
    process_unref(p);
}

// What a fork passes on.
static status_t inherit(struct process *from, struct process *p)
{
    status_t status = handle_table_fork(from->handles, &p->handles);
    if (status == OK) {
        status = fs_context_copy(from->fs, &p->fs);
    }
    if (status != OK) {
        return status;
    }
    grant_set_copy(&from->grants, GRANT_ALL, &p->grants);
    p->cred = process_get_cred(from);
    irqflags_t flags = spin_lock_irqsave(&from->lock);
    memcpy(p->name, from->name, sizeof(p->name));
    memcpy(p->command, from->command, sizeof(p->command));
    memcpy(p->limits, from->limits, sizeof(p->limits));
    signal_state_copy(&from->signals, &p->signals);
    spin_unlock_irqrestore(&from->lock, flags);
    return OK;
}

struct cred *process_get_cred(struct process *p)
{
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    struct cred *c = cred_ref(p->cred);
    spin_unlock_irqrestore(&p->lock, flags);
    return c;
}

void process_set_cred(struct process *p, struct cred *c)
{
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    struct cred *old = p->cred;
    p->cred = c;
    spin_unlock_irqrestore(&p->lock, flags);
    cred_unref(old);
}

bool process_may_see(struct process *p)
{
    struct process *self = process_current();
    if (p == self || grant_set_has(&self->grants, 1u << SWOS_GRANT_PROCESS)) {
        return true;
    }
    struct cred *mine = process_get_cred(self);
    struct cred *theirs = process_get_cred(p);
    bool may = mine->session == theirs->session && mine->principal == theirs->principal;
    cred_unref(mine);
    cred_unref(theirs);
    return may;
}

void process_add_times(struct process_usage *to, struct thread *t)
{
    struct thread_times times = thread_times(t);
    to->system_ns += times.system;
    to->user_ns += times.run - times.system;
}

void process_usage_locked(struct process *p, struct process_usage *out)
{
    *out = p->usage;
    list_for_each (node, &p->threads) {
        process_add_times(out, &container_of(node, struct uthread, link)->thread);
    }
}

void process_usage(struct process *p, struct process_usage *out)
{
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    process_usage_locked(p, out);
    spin_unlock_irqrestore(&p->lock, flags);
}

/* ---- Beginning ---- */

void process_name(struct process *p, const char *path, struct span args)
{
    fmt_print(p->name, sizeof(p->name), "%s", last_component(path));
    size_t size = args.size < sizeof(p->command) ? args.size : sizeof(p->command);
    for (size_t i = 0; i < size; i++) {
        char c = (char)args.data[i];
        p->command[i] = c != '\0' ? c : ' ';
    }
    p->command[size > 0 ? size - 1 : 0] = '\0';
}

static void add_thread(struct process *p, struct uthread *t)
{
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    list_add_tail(&p->threads, &t->link);
    p->thread_count++;
    spin_unlock_irqrestore(&p->lock, flags);
}

// Puts a process that is complete into the tree, below the current one.
static status_t publish(struct process *p, struct uthread *t, const struct process_start *how)
{
    struct process *parent = process_current();
    status_t status = OK;
    mutex_lock(&process_tree.lock);
    p->pid = tree_choose_id_locked();
    if (parent == NULL || (how != NULL && how->has_session)) {
        status = job_start_session_locked(p);
    } else if (how != NULL && how->has_group) {
        status = job_start_in_group_locked(p, parent->group->session, how->group);
    } else {
        job_join_locked(p, parent->group);
    }
    if (status == OK) {
        tree_insert_locked(p);
        tree_set_parent_locked(p, parent);
        if (parent != NULL) {
            list_add_tail(&parent->children, &p->sibling);
        }
        if (p->pid == FIRST_PID) {
            process_tree.first = p;
            p->signals.is_spared = true; // nobody else sees it yet
        }
        t->tid = p->pid;
        add_thread(p, t);
    }
    mutex_unlock(&process_tree.lock);
    return status;
}

// A limit of CPU time that it has from its parent.
static void limit_cpu_time(struct process *p)
{
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    if (p->limits[LIMIT_CPU].soft != UNLIMITED) {
        process_timers_limit(p);
    }
    spin_unlock_irqrestore(&p->lock, flags);
}

status_t process_launch(struct process *p, const struct arch_frame *frame,
                        const struct process_clone *c, const struct process_start *how, pid_t *pid)
{
    struct uthread *t;
    status_t status = uthread_create(p, p->name, frame, &t);
    if (status != OK) {
        process_record_discard(p);
        return status;
    }
    if (c != NULL) {
        arch_thread_fork_user(&t->thread.arch);
        t->signals.mask = uthread_current()->signals.mask;
        t->signals.stack = uthread_current()->signals.stack;
        if ((c->flags & CLONE_SETTLS) != 0) {
            arch_thread_set_tls(&t->thread.arch, c->tls);
        }
        t->clear_tid = (c->flags & CLONE_CHILD_CLEARTID) != 0 ? c->child_tid : 0;
        t->set_tid = (c->flags & CLONE_CHILD_SETTID) != 0 ? c->child_tid : 0;
    }
    if (how != NULL) {
        t->signals.mask = how->signal_mask;
    }
    status = publish(p, t, how);
    if (status != OK) {
        uthread_destroy(t);
        process_record_discard(p);
        return status;
    }
    limit_cpu_time(p);
    *pid = p->pid; // before it can run, end, and be waited for
    thread_start(&t->thread);
    return OK;
}

status_t process_load(struct process *p, const struct path_base *base, const char *path,
                      struct program_strings *strings, struct arch_frame *frame)
{
    struct program_request r = {
        .base = base,
        .path = span_of(path, strlen(path)),
        .strings = strings,
        .who = p->cred,
        .stack_bytes = p->limits[LIMIT_STACK].soft,
        .aspace_bytes = p->limits[LIMIT_AS].soft,
    };
    return program_load(&r, &p->aspace, frame);
}

size_t process_strings_limit(const struct process *p)
{
    return u64_min(p->limits[LIMIT_STACK].soft, DEFAULT_STACK) / 4;
}

static status_t load(struct process *p, const char *path, struct span args, size_t argc,
                     struct arch_frame *frame)
{
    struct program_strings strings;
    process_name(p, path, args);
    program_strings_init(&strings, process_strings_limit(p));
    status_t status = program_strings_add(&strings, (const char *)args.data, args.size);
    strings.argc = argc;
    if (status == OK) {
        struct path_base base = {.context = p->fs, .who = p->cred};
        status = process_load(p, &base, path, &strings, frame);
    }
    program_strings_fini(&strings);
    return status;
}

static status_t spawn(struct process *p, const char *path, struct span args, size_t argc,
                      pid_t *pid)
{
    struct arch_frame frame;
    status_t status = load(p, path, args, argc, &frame);
    if (status != OK) {
        process_record_discard(p);
        return status;
    }
    p->has_execed = true;
    return process_launch(p, &frame, NULL, NULL, pid);
}

// Full authority, and nothing of anybody's.
static status_t make_first_context(struct process *p, struct file *const files[3])
{
    status_t status = handle_table_create(&p->handles);
    if (status == OK) {
        p->cred = cred_ref(process_tree.cred);
        status = fs_context_copy(process_tree.fs, &p->fs);
    }
    for (unsigned i = 0; i < 3 && status == OK; i++) {
        handle_t h;
        if (files[i] != NULL) {
            file_ref(files[i]);
            status = handle_add(p->handles, &files[i]->object, SWIFTOS_RIGHT_MASK, 0, &h);
        }
    }
    grant_set_init_all(&p->grants);
    return status;
}

COLD status_t process_start_first(const char *path, struct span args, size_t argc,
                                  struct file *const files[3], pid_t *pid)
{
    struct process *p;
    status_t status = process_record_create(&p);
    if (status != OK) {
        return status;
    }
    status = make_first_context(p, files);
    if (status != OK) {
        process_record_discard(p);
        return status;
    }
    return spawn(p, path, args, argc, pid);
}

/* ---- Clones ---- */

static struct arch_frame clone_frame(const struct process_clone *c)
{
    struct arch_frame frame = *arch_user_frame(thread_current());
    arch_frame_set_result(&frame, 0);
    if (c->stack != 0) {
        arch_frame_set_stack(&frame, c->stack);
    }
    return frame;
}

// As on Linux a bad pointer is not reported: there is a child by then.
static void store_tid(vaddr_t at, pid_t tid)
{
    (void)arch_copy_to_user(at, &tid, sizeof(tid));
}

// Takes a thread that never ran, and that others may have found by its identifier, out of the tree.
static void forget_thread(struct process *p, struct uthread *t)
{
    mutex_lock(&process_tree.lock);
    rb_erase(&process_tree.by_tid, &t->by_tid);
    mutex_unlock(&process_tree.lock);
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    signal_pending_fini(&t->signals.pending, &p->signals);
    spin_unlock_irqrestore(&p->lock, flags);
    uthread_destroy(t);
}

static status_t clone_thread(const struct process_clone *c, pid_t *out)
{
    struct process *p = process_current();
    struct arch_frame frame = clone_frame(c);
    struct uthread *t;
    status_t status = uthread_create(p, thread_current()->name, &frame, &t);
    if (status != OK) {
        return status;
    }
    arch_thread_fork_user(&t->thread.arch);
    if ((c->flags & CLONE_SETTLS) != 0) {
        arch_thread_set_tls(&t->thread.arch, c->tls);
    }
    t->signals.mask = uthread_current()->signals.mask;
    t->clear_tid = (c->flags & CLONE_CHILD_CLEARTID) != 0 ? c->child_tid : 0;
    mutex_lock(&process_tree.lock);
    t->tid = tree_choose_id_locked();
    tree_insert_thread_locked(t);
    mutex_unlock(&process_tree.lock);
    // Before it runs, so that neither side sees an old value.
    if ((c->flags & CLONE_PARENT_SETTID) != 0) {
        store_tid(c->parent_tid, t->tid);
    }
    if ((c->flags & CLONE_CHILD_SETTID) != 0) {
        store_tid(c->child_tid, t->tid);
    }
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    bool is_over = p->is_ending || p->is_execing;
    if (!is_over) {
        list_add_tail(&p->threads, &t->link);
        p->thread_count++;
    }
    spin_unlock_irqrestore(&p->lock, flags);
    if (is_over) {
        forget_thread(p, t);
        return ERR_INTR;
    }
    *out = t->tid;
    thread_start(&t->thread);
    return OK;
}

// Until the child has another program or has ended.  A kill does not wait for that: the child then has
// nobody to tell.
static void wait_for_vfork(struct process *child, struct completion *done)
{
    if (completion_wait_until(done, NSEC_NEVER, WAIT_KILLABLE) == OK) {
        return;
    }
    irqflags_t flags = spin_lock_irqsave(&child->lock);
    bool is_being_told = child->vfork_done == NULL;
    child->vfork_done = NULL;
    spin_unlock_irqrestore(&child->lock, flags);
    if (is_being_told) {
        completion_wait(done);
    }
}

static status_t clone_process(const struct process_clone *c, pid_t *pid)
{
    struct process *self = process_current();
    struct process *p;
    struct completion done;
    status_t status = process_record_create(&p);
    if (status != OK) {
        return status;
    }
    status = inherit(self, p);
    if (status == OK && (c->flags & CLONE_VM) != 0) {
        aspace_ref(self->aspace);
        p->aspace = self->aspace;
    } else if (status == OK) {
        status = aspace_fork(self->aspace, &p->aspace);
    }
    if (status != OK) {
        p->aspace = NULL;
        process_record_discard(p);
        return status;
    }
    bool is_vfork = (c->flags & CLONE_VFORK) != 0;
    if (is_vfork) {
        completion_init(&done, "vfork");
        p->vfork_done = &done;
        process_ref(p); // it may end, and be waited for, before this thread looks again
    }
    struct arch_frame frame = clone_frame(c);
    status = process_launch(p, &frame, c, NULL, pid);
    if (is_vfork) {
        if (status == OK) {
            wait_for_vfork(p, &done);
        }
        process_unref(p);
    }
    return status;
}

status_t process_clone(const struct process_clone *c, pid_t *pid)
{
    bool is_thread = (c->flags & CLONE_THREAD) != 0;
    uint64_t signal = c->flags & CLONE_SIGNAL_MASK; // that tells of the child's end
    if ((c->flags & ~CLONE_KNOWN) != 0 || (signal != 0 && signal != SIGCHLD) ||
        (is_thread && (c->flags & CLONE_OF_THREAD) != CLONE_OF_THREAD)) {
        return ERR_INVAL;
    }
    // What is shared short of a thread: only the memory, as vfork has it.
    if (!is_thread && (c->flags & (CLONE_FS | CLONE_FILES | CLONE_SIGHAND)) != 0) {
        return ERR_INVAL;
    }
    if (is_thread) {
        return clone_thread(c, pid);
    }
    status_t status = clone_process(c, pid);
    if (status == OK && (c->flags & CLONE_PARENT_SETTID) != 0) {
        store_tid(c->parent_tid, *pid);
    }
    return status;
}

/* ---- Stops ---- */

// A stop or a going on, told to the parent from where locks may be taken.
static void run_notify(struct work *w)
{
    struct process *p = container_of(w, struct process, notify_work);
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    struct signal_info info = {
        .signal = SIGCHLD,
        .code = p->is_stopped ? ABI_CLD_STOPPED : ABI_CLD_CONTINUED,
        .pid = p->pid,
        .uid = p->cred->principal,
        .value = (uint64_t)(p->is_stopped ? p->stop_signal : SIGCONT),
    };
    spin_unlock_irqrestore(&p->lock, flags);
    mutex_lock(&process_tree.lock);
    if (p->state == PROCESS_RUNNING && p->parent != NULL) {
        tree_notify_parent_locked(p->parent, &info, true);
    }
    mutex_unlock(&process_tree.lock);
    process_unref(p);
}

void process_notify_parent(struct process *p)
{
    process_ref(p);
    if (!work_queue(&p->notify_work)) {
        process_unref(p); // not the last: who queued it has one
    }
}
