// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/job.h"

#include "kernel/dev/tty.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/tree_priv.h"

/* ---- Groups and sessions ---- */

struct job_group *job_find_locked(pid_t id)
{
    struct rb_node *node = process_tree.groups.node;
    while (node != NULL) {
        struct job_group *g = container_of(node, struct job_group, by_id);
        if (g->id == id) {
            return g;
        }
        node = id < g->id ? node->left : node->right;
    }
    return NULL;
}

static void session_unref(struct session *s)
{
    if (refcount_dec(&s->refs)) {
        heap_free(s);
    }
}

// Takes a reference on the session.
static struct job_group *make_group_locked(void *memory, pid_t id, struct session *s)
    REQUIRES(process_tree.lock)
{
    struct job_group *g = memory;
    g->id = id;
    g->session = s;
    refcount_inc(&s->refs);
    list_init(&g->members);
    struct rb_node **link = &process_tree.groups.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        bool goes_left = id < container_of(parent, struct job_group, by_id)->id;
        link = goes_left ? &parent->left : &parent->right;
    }
    rb_insert(&process_tree.groups, &g->by_id, parent, link);
    return g;
}

void job_join_locked(struct process *p, struct job_group *g)
{
    p->group = g;
    list_add_tail(&g->members, &p->group_link);
}

void job_leave_locked(struct process *p)
{
    struct job_group *g = p->group;
    if (g == NULL) {
        return;
    }
    p->group = NULL;
    list_del_init(&p->group_link);
    if (g->session->leader == p) {
        g->session->leader = NULL;
    }
    if (list_is_empty(&g->members)) {
        rb_erase(&process_tree.groups, &g->by_id);
        session_unref(g->session);
        heap_free(g);
    }
}

status_t job_start_session_locked(struct process *p)
{
    void *session_memory;
    void *group_memory;
    status_t status = heap_zalloc(sizeof(struct session), &session_memory);
    if (status != OK) {
        return status;
    }
    status = heap_zalloc(sizeof(struct job_group), &group_memory);
    if (status != OK) {
        heap_free(session_memory);
        return status;
    }
    struct session *s = session_memory;
    refcount_init(&s->refs, 1);
    spin_init(&s->lock, "session", RANK_OBJECT);
    s->id = p->pid;
    s->leader = p;
    job_leave_locked(p);
    job_join_locked(p, make_group_locked(group_memory, p->pid, s));
    session_unref(s); // the group has its own
    return OK;
}

status_t job_start_in_group_locked(struct process *p, struct session *s, pid_t id)
{
    struct job_group *g = id == 0 ? NULL : job_find_locked(id);
    if (g == NULL) {
        void *memory;
        if (id != 0 && id != p->pid) {
            return ERR_PERM;
        }
        status_t status = heap_zalloc(sizeof(struct job_group), &memory);
        if (status != OK) {
            return status;
        }
        g = make_group_locked(memory, p->pid, s);
    } else if (g->session != s) {
        return ERR_PERM;
    }
    job_join_locked(p, g);
    return OK;
}

// Whether `p` may be put into the group named `id`, which *group becomes if it exists.
static status_t check_group_locked(struct process *self, struct process *p, pid_t id,
                                   struct job_group **group) REQUIRES(process_tree.lock)
{
    if (p == NULL || (p != self && p->parent != self)) {
        return ERR_SRCH;
    }
    if (p != self && p->group != NULL && p->group->session != self->group->session) {
        return ERR_PERM;
    }
    if (p != self && p->has_execed) {
        return ERR_ACCES;
    }
    if (p->state == PROCESS_ENDED || p->group == NULL) {
        return ERR_SRCH;
    }
    if (p->group->session->id == p->pid) {
        return ERR_PERM; // a session leader
    }
    *group = job_find_locked(id);
    if (*group == NULL ? id != p->pid : (*group)->session != self->group->session) {
        return ERR_PERM;
    }
    return OK;
}

status_t job_set_group(pid_t pid, pid_t id)
{
    struct process *self = process_current();
    if (pid < 0 || id < 0) {
        return ERR_INVAL;
    }
    void *memory;
    status_t status = heap_zalloc(sizeof(struct job_group), &memory);
    if (status != OK) {
        return status;
    }
    mutex_lock(&process_tree.lock);
    struct process *p = pid == 0 ? self : tree_find_locked(pid);
    struct job_group *group = NULL;
    id = id == 0 && p != NULL ? p->pid : id;
    status = check_group_locked(self, p, id, &group);
    if (status == OK && group != p->group) {
        if (group == NULL) {
            group = make_group_locked(memory, id, p->group->session);
            memory = NULL;
        }
        job_leave_locked(p);
        job_join_locked(p, group);
    }
    mutex_unlock(&process_tree.lock);
    heap_free(memory);
    return status;
}

status_t job_set_session(pid_t *out)
{
    struct process *self = process_current();
    mutex_lock(&process_tree.lock);
    status_t status =
        job_find_locked(self->pid) != NULL ? ERR_PERM : job_start_session_locked(self);
    mutex_unlock(&process_tree.lock);
    *out = self->pid;
    return status;
}

status_t job_ids(pid_t pid, pid_t *group, pid_t *session)
{
    status_t status = ERR_SRCH;
    mutex_lock(&process_tree.lock);
    const struct process *p = pid == 0 ? process_current() : tree_find_locked(pid);
    if (p != NULL && p->group != NULL) {
        *group = p->group->id;
        *session = p->group->session->id;
        status = OK;
    }
    mutex_unlock(&process_tree.lock);
    return status;
}

// What the kernel sends for a terminal, or because another process ended.
static struct signal_info of_kernel(int signal)
{
    return (struct signal_info){
        .signal = signal, .code = ABI_SI_KERNEL, .sender = SIGNAL_SENDER_OTHERS};
}

status_t job_signal_group(pid_t id, const struct signal_info *info, bool is_kernel)
{
    status_t status = ERR_SRCH;
    mutex_lock(&process_tree.lock);
    struct job_group *g = job_find_locked(id);
    if (g != NULL) {
        list_for_each (node, &g->members) {
            struct process *p = container_of(node, struct process, group_link);
            if (!is_kernel && !signal_may_send(p, info->signal)) {
                status = status == ERR_SRCH ? ERR_PERM : status;
            } else {
                status = info->signal == 0 ? OK : signal_send_process(p, info);
            }
        }
    }
    mutex_unlock(&process_tree.lock);
    return status;
}

/* ---- Orphans ---- */

// Whether `p` is one of those that keep its group from being orphaned.
static bool is_tie_locked(const struct process *p) REQUIRES(process_tree.lock)
{
    const struct process *parent = p->parent;
    return parent != NULL && parent->state == PROCESS_RUNNING && parent->group != NULL &&
           parent->group != p->group && parent->group->session == p->group->session;
}

// No member has a parent in another group of the same session.
static bool is_orphaned_locked(const struct job_group *g, const struct process *without)
    REQUIRES(process_tree.lock)
{
    list_for_each (node, &g->members) {
        const struct process *p = container_of(node, struct process, group_link);
        bool is_left_out = without != NULL && (p == without || p->parent == without);
        if (!is_left_out && p->state == PROCESS_RUNNING && is_tie_locked(p)) {
            return false;
        }
    }
    return true;
}

bool job_is_orphaned(const struct process *p)
{
    mutex_lock(&process_tree.lock);
    bool is_orphaned = p->group == NULL || is_orphaned_locked(p->group, NULL);
    mutex_unlock(&process_tree.lock);
    return is_orphaned;
}

static bool has_stopped_locked(const struct job_group *g, const struct process *without)
    REQUIRES(process_tree.lock)
{
    list_for_each (node, &g->members) {
        const struct process *p = container_of(node, struct process, group_link);
        if (p != without && p->state == PROCESS_RUNNING &&
            __atomic_load_n(&p->is_stopped, __ATOMIC_RELAXED)) {
            return true;
        }
    }
    return false;
}

static void hang_up_locked(struct job_group *g) REQUIRES(process_tree.lock)
{
    static const int signals[] = {SIGHUP, SIGCONT};
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        list_for_each (node, &g->members) {
            struct process *p = container_of(node, struct process, group_link);
            struct signal_info info = of_kernel(signals[i]);
            (void)signal_send_process(p, &info);
        }
    }
}

// Groups that lose their last tie to the session as `p` ends, and have stopped members; one that was
// orphaned before is left alone (POSIX, _exit).
static void hang_up_orphans_locked(struct process *p) REQUIRES(process_tree.lock)
{
    struct job_group *own = p->group;
    if (own != NULL && is_tie_locked(p) && has_stopped_locked(own, p) &&
        is_orphaned_locked(own, p)) {
        hang_up_locked(own);
    }
    list_for_each (node, &p->children) {
        struct job_group *g = container_of(node, struct process, sibling)->group;
        if (g != NULL && g != own && g->session == own->session && has_stopped_locked(g, p) &&
            is_orphaned_locked(g, p)) {
            hang_up_locked(g);
        }
    }
}

static struct tty *take_terminal(struct session *s)
{
    irqflags_t flags = spin_lock_irqsave(&s->lock);
    struct tty *t = s->terminal;
    s->terminal = NULL;
    spin_unlock_irqrestore(&s->lock, flags);
    return t;
}

void job_process_ending(struct process *p)
{
    struct tty *terminal = NULL;
    mutex_lock(&process_tree.lock);
    if (p->group != NULL) {
        if (p->group->session->leader == p) {
            terminal = take_terminal(p->group->session);
        }
        hang_up_orphans_locked(p);
    }
    mutex_unlock(&process_tree.lock);
    if (terminal != NULL) {
        tty_session_ended(terminal, p->pid);
        tty_unref(terminal);
    }
}

/* ---- What terminals ask ---- */

static void ask_caller(struct tty_caller *out)
{
    struct process *p = process_current();
    *out = (struct tty_caller){};
    if (p == NULL) {
        return;
    }
    mutex_lock(&process_tree.lock);
    out->session = p->group->session->id;
    out->group = p->group->id;
    out->is_leader = p->group->session->leader == p;
    mutex_unlock(&process_tree.lock);
    struct cred *c = process_get_cred(p);
    out->principal = c->principal;
    cred_unref(c);
}

// The session of the caller, with a reference.
static struct session *get_session(void)
{
    struct process *p = process_current();
    if (p == NULL) {
        return NULL;
    }
    mutex_lock(&process_tree.lock);
    struct session *s = p->group->session;
    refcount_inc(&s->refs);
    mutex_unlock(&process_tree.lock);
    return s;
}

static struct tty *ask_controlling(void)
{
    struct session *s = get_session();
    if (s == NULL) {
        return NULL;
    }
    irqflags_t flags = spin_lock_irqsave(&s->lock);
    struct tty *t = s->terminal;
    if (t != NULL) {
        tty_ref(t);
    }
    spin_unlock_irqrestore(&s->lock, flags);
    session_unref(s);
    return t;
}

static status_t set_controlling(struct tty *t)
{
    struct session *s = get_session();
    status_t status = ERR_PERM;
    if (s != NULL) {
        mutex_lock(&process_tree.lock);
        irqflags_t flags = spin_lock_irqsave(&s->lock);
        if (s->leader == process_current() && s->terminal == NULL) {
            s->terminal = t;
            status = OK;
        }
        spin_unlock_irqrestore(&s->lock, flags);
        mutex_unlock(&process_tree.lock);
        session_unref(s);
    }
    if (status != OK) {
        tty_unref(t);
    }
    return status;
}

static void lose_controlling(int32_t id, struct tty *t, bool hang_up)
{
    bool is_lost = false;
    mutex_lock(&process_tree.lock);
    struct process *leader = tree_find_locked(id);
    struct session *s = leader != NULL && leader->group != NULL ? leader->group->session : NULL;
    if (s != NULL && s->id == id) {
        irqflags_t flags = spin_lock_irqsave(&s->lock);
        is_lost = s->terminal == t;
        s->terminal = is_lost ? NULL : s->terminal;
        spin_unlock_irqrestore(&s->lock, flags);
        if (is_lost && hang_up && s->leader != NULL) {
            struct signal_info hang_up_info = of_kernel(SIGHUP);
            struct signal_info go_on_info = of_kernel(SIGCONT);
            (void)signal_send_process(s->leader, &hang_up_info);
            (void)signal_send_process(s->leader, &go_on_info);
        }
    }
    mutex_unlock(&process_tree.lock);
    if (is_lost) {
        tty_unref(t);
    }
}

static bool ask_orphaned(int32_t group)
{
    mutex_lock(&process_tree.lock);
    const struct job_group *g = job_find_locked(group);
    bool is_orphaned = g == NULL || is_orphaned_locked(g, NULL);
    mutex_unlock(&process_tree.lock);
    return is_orphaned;
}

static int32_t ask_session_of_group(int32_t group)
{
    mutex_lock(&process_tree.lock);
    const struct job_group *g = job_find_locked(group);
    int32_t session = g == NULL ? 0 : g->session->id;
    mutex_unlock(&process_tree.lock);
    return session;
}

static void signal_group(int32_t group, int signal)
{
    struct signal_info info = of_kernel(signal);
    (void)job_signal_group(group, &info, true);
}

static const struct tty_job_ops job_ops = {
    .caller = ask_caller,
    .controlling = ask_controlling,
    .set_controlling = set_controlling,
    .lose_controlling = lose_controlling,
    .is_signal_off = signal_is_off,
    .is_orphaned = ask_orphaned,
    .session_of_group = ask_session_of_group,
    .signal_group = signal_group,
};

void job_init(void)
{
    tty_set_job_ops(&job_ops);
}
