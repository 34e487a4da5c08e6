// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/describe.h"

#include "kernel/dev/tty.h"
#include "kernel/proc/tree_priv.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

static_assert((int)SWOS_NAME_SIZE == PROCESS_NAME_SIZE &&
              (int)SWOS_COMMAND_SIZE == PROCESS_COMMAND_SIZE);

enum { NO_TERMINAL = -1, CONSOLE_TERMINAL = -2 };

// Pseudo-terminals have the majors from 136 on, as on Linux; what else there is, is the console.
static int32_t terminal_number(const struct tty *t)
{
    enum { PTY_MAJOR = 136 };
    uint32_t major = (uint32_t)(t->node->number >> 8) & 0xfff;
    uint32_t minor = (uint32_t)t->node->number & 0xff;
    return major >= PTY_MAJOR ? (int32_t)((major - PTY_MAJOR) * 256 + minor) : CONSOLE_TERMINAL;
}

// The place in the tree.
static bool describe_place(struct process *p, struct swos_process *out)
{
    bool is_there = false;
    mutex_lock(&process_tree.lock);
    if (p->group != NULL) {
        is_there = true;
        out->parent = p->parent == NULL ? 0 : p->parent->pid;
        out->group = p->group->id;
        struct session *s = p->group->session;
        out->session = s->id;
        out->terminal = NO_TERMINAL;
        irqflags_t flags = spin_lock_irqsave(&s->lock);
        if (s->terminal != NULL) {
            out->terminal = terminal_number(s->terminal);
        }
        spin_unlock_irqrestore(&s->lock, flags);
        out->state = p->state == PROCESS_ENDED ? 'Z' : 'S';
    }
    mutex_unlock(&process_tree.lock);
    return is_there;
}

// Threads, names and times; gives a reference on the address space, or NULL when it is gone.
static struct aspace *describe_threads(struct process *p, struct swos_process *out)
{
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    struct aspace *as = p->aspace;
    if (as != NULL) {
        aspace_ref(as);
    }
    out->threads = (int32_t)p->thread_count;
    out->principal = p->cred->principal;
    out->login_session = p->cred->session;
    memcpy(out->name, p->name, sizeof(out->name));
    memcpy(out->command, p->command, sizeof(out->command));
    struct process_usage used;
    process_usage_locked(p, &used);
    out->user_ns = used.user_ns;
    out->system_ns = used.system_ns;
    bool is_running = false;
    list_for_each (node, &p->threads) {
        struct thread *t = &container_of(node, struct uthread, link)->thread;
        out->nice = t->nice;
        // A hint: states change under the run queues' locks.
        enum thread_state state = __atomic_load_n(&t->state, __ATOMIC_RELAXED);
        is_running |= state == THREAD_RUNNING || state == THREAD_RUNNABLE;
    }
    if (out->state == 'S') {
        out->state = p->is_stopped ? 'T' : is_running ? 'R' : 'S';
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return as;
}

bool process_describe(struct process *p, struct swos_process *out)
{
    *out = (struct swos_process){.pid = p->pid, .start_ns = p->start_time};
    if (!describe_place(p, out)) {
        return false;
    }
    struct aspace *as = describe_threads(p, out);
    if (as != NULL) {
        struct aspace_usage usage;
        aspace_usage(as, &usage);
        out->virtual_bytes = (uint64_t)usage.mapped_pages << PAGE_SHIFT;
        out->resident_bytes = (uint64_t)usage.resident_pages << PAGE_SHIFT;
        aspace_unref(as);
    }
    return true;
}
