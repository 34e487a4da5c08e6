// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/signal.h"

#include <stdatomic.h>

#include "abi/gen/syscall_numbers.h"
#include "kernel/ipc/caller.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/tree_priv.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

constexpr uint64_t UNBLOCKABLE = 1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1);
constexpr uint64_t STOP_SIGNALS =
    1ull << (SIGSTOP - 1) | 1ull << (SIGTSTP - 1) | 1ull << (SIGTTIN - 1) | 1ull << (SIGTTOU - 1);
// What an instruction of the thread raises: handled first, so that the handler sees that instruction.
constexpr uint64_t OF_INSTRUCTIONS = 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1) |
                                     1ull << (SIGILL - 1) | 1ull << (SIGTRAP - 1) |
                                     1ull << (SIGFPE - 1);
constexpr uint64_t IGNORED_BY_DEFAULT =
    1ull << (SIGCHLD - 1) | 1ull << (SIGURG - 1) | 1ull << (SIGWINCH - 1) | 1ull << (SIGCONT - 1);

/* ---- Pending sets ---- */

static void pending_init(struct signal_pending *p)
{
    p->set = 0;
    p->wordless = 0;
    list_init(&p->queue);
}

void signal_state_init(struct signal_state *s)
{
    memset(s->actions, 0, sizeof(s->actions));
    s->ignored = IGNORED_BY_DEFAULT;
    s->queued = 0;
    s->is_spared = false;
    pending_init(&s->pending);
}

void signal_thread_init(struct signal_thread *s)
{
    s->mask = 0;
    s->awaited = 0;
    s->has_saved_mask = false;
    s->has_new_frame = false;
    s->stack = (struct abi_sigaltstack){.flags = ABI_SS_DISABLE};
    s->time.deadline = NSEC_NEVER;
    pending_init(&s->pending);
}

void signal_state_copy(struct signal_state *from, struct signal_state *to)
{
    memcpy(to->actions, from->actions, sizeof(to->actions));
    to->ignored = from->ignored;
}

// Takes the entry off its queue; `out`: what is delivered of it, NULL: nothing.
static void remove_entry(struct signal_state *s, struct signal_entry *e, struct signal_info *out)
{
    list_del(&e->link);
    e->queue = NULL;
    if (e->left != NULL) {
        e->left(e, out);
    } else {
        s->queued--;
        heap_free(e);
    }
}

static void drop(struct signal_pending *p, struct signal_state *s, uint64_t set)
{
    p->set &= ~set;
    p->wordless &= ~set;
    list_for_each_safe (node, &p->queue) {
        struct signal_entry *e = container_of(node, struct signal_entry, link);
        if ((signal_bit(e->info.signal) & set) != 0) {
            remove_entry(s, e, NULL);
        }
    }
}

void signal_pending_fini(struct signal_pending *p, struct signal_state *s)
{
    drop(p, s, UINT64_MAX);
}

static struct signal_entry *find_entry(struct signal_pending *p, int signal)
{
    list_for_each (node, &p->queue) {
        struct signal_entry *e = container_of(node, struct signal_entry, link);
        if (e->info.signal == signal) {
            return e;
        }
    }
    return NULL;
}

// One of the signal has gone: is there another?
static void settle_set(struct signal_pending *p, int signal)
{
    uint64_t bit = signal_bit(signal);
    if ((p->wordless & bit) == 0 && find_entry(p, signal) == NULL) {
        p->set &= ~bit;
    }
}

// `e` NULL: without the sender's words.
static void append(struct signal_pending *p, struct signal_state *s, int signal,
                   struct signal_entry *e)
{
    p->set |= signal_bit(signal);
    if (e != NULL) {
        e->queue = p;
        list_add_tail(&p->queue, &e->link);
    } else {
        p->wordless |= signal_bit(signal);
    }
    if (s->source != NULL) {
        event_notify(&s->source->events, EVENT_IN);
    }
}

static status_t add(struct signal_pending *p, struct signal_state *s, uint64_t limit,
                    const struct signal_info *info)
{
    bool is_realtime = info->signal >= SIGREALTIME_MIN;
    if (!is_realtime && (p->set & signal_bit(info->signal)) != 0) {
        return OK;
    }
    void *memory;
    struct signal_entry *e = NULL;
    if ((!is_realtime || s->queued < limit) &&
        heap_alloc(sizeof(struct signal_entry), &memory) == OK) {
        e = memory;
        *e = (struct signal_entry){.info = *info};
        s->queued++;
    } else if (is_realtime) {
        return ERR_AGAIN;
    }
    append(p, s, info->signal, e);
    return OK;
}

// Takes the first of `signal`, which is in the set.
static void take(struct signal_pending *p, struct signal_state *s, int signal,
                 struct signal_info *out)
{
    *out =
        (struct signal_info){.signal = signal, .code = ABI_SI_USER, .sender = SIGNAL_SENDER_OTHERS};
    struct signal_entry *e = find_entry(p, signal);
    if (e != NULL) {
        *out = e->info;
        remove_entry(s, e, out);
    } else {
        p->wordless &= ~signal_bit(signal);
    }
    settle_set(p, signal);
}

// The next of `set`, in the thread's or the process's.
static bool take_next_locked(struct process *p, struct uthread *t, uint64_t set,
                             struct signal_info *out) REQUIRES(p -> lock)
{
    struct signal_pending *from = &t->signals.pending;
    if ((from->set & set) == 0) {
        from = &p->signals.pending;
    }
    if ((from->set & set) == 0) {
        return false;
    }
    uint64_t all = from->set & set;
    uint64_t first = (all & UNBLOCKABLE) != 0 ? all & UNBLOCKABLE : all & OF_INSTRUCTIONS;
    take(from, &p->signals, __builtin_ctzll(first != 0 ? first : all) + 1, out);
    return true;
}

/* ---- Sending ---- */

static bool is_ignored_locked(struct process *p, int signal) REQUIRES(p -> lock)
{
    return (p->signals.ignored & signal_bit(signal)) != 0;
}

// What the default action would be done for is spared it.
static bool is_spared_locked(struct process *p, const struct signal_info *info) REQUIRES(p -> lock)
{
    return p->signals.is_spared && info->sender != 0 && info->sender != p->pid &&
           p->signals.actions[info->signal - 1].handler == ABI_SIG_DFL &&
           !is_ignored_locked(p, info->signal);
}

static bool is_blocked_by(const struct uthread *t, uint64_t bit)
{
    return (t->signals.mask & bit) != 0;
}

static bool is_wanted_by(const struct uthread *t, uint64_t bit)
{
    return !is_blocked_by(t, bit) || (t->signals.awaited & bit) != 0;
}

// Tells a thread that does not block the signal, or awaits it; if there is none the signal waits until
// one looks.
static void tell_one_locked(struct process *p, uint64_t bit) REQUIRES(p -> lock)
{
    list_for_each (node, &p->threads) {
        struct uthread *t = container_of(node, struct uthread, link);
        if (is_wanted_by(t, bit)) {
            thread_notify(&t->thread, THREAD_SIGNALLED);
            return;
        }
    }
}

// The same for each of the set.
static void tell_each_locked(struct process *p, uint64_t set) REQUIRES(p -> lock)
{
    for (; set != 0; set &= set - 1) {
        tell_one_locked(p, set & -set);
    }
}

void signal_pass_on_locked(struct process *p)
{
    tell_each_locked(p, p->signals.pending.set);
}

static void forget_locked(struct process *p, uint64_t set) REQUIRES(p -> lock)
{
    drop(&p->signals.pending, &p->signals, set);
    list_for_each (node, &p->threads) {
        drop(&container_of(node, struct uthread, link)->signals.pending, &p->signals, set);
    }
}

static void go_on_locked(struct process *p) REQUIRES(p -> lock)
{
    if (p->is_stopped) {
        p->is_stopped = false;
        p->stop_untold = false;
        p->continue_untold = true;
        wait_wake_all(&p->stop_wait);
        process_notify_parent(p);
    }
}

// What happens as the signal is sent, whatever becomes of it.
static void prepare_locked(struct process *p, int signal) REQUIRES(p -> lock)
{
    uint64_t bit = signal_bit(signal);
    if (signal == SIGCONT) {
        p->is_stopping = false;
        forget_locked(p, STOP_SIGNALS);
        go_on_locked(p);
    } else if ((bit & STOP_SIGNALS) != 0) {
        forget_locked(p, signal_bit(SIGCONT));
    } else if (signal == SIGKILL && p->is_stopped) {
        p->is_stopped = false;
        wait_wake_all(&p->stop_wait);
    }
}

static bool is_blocked_everywhere_locked(struct process *p, uint64_t bit) REQUIRES(p -> lock)
{
    list_for_each (node, &p->threads) {
        if (!is_blocked_by(container_of(node, struct uthread, link), bit)) {
            return false;
        }
    }
    return true;
}

static uint64_t queue_limit_locked(struct process *p) REQUIRES(p -> lock)
{
    return p->limits[LIMIT_SIGPENDING].soft;
}

status_t signal_send_process(struct process *p, const struct signal_info *info)
{
    uint64_t bit = signal_bit(info->signal);
    status_t status = OK;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    if (p->thread_count == 0) { // it has ended, or has yet to start
        spin_unlock_irqrestore(&p->lock, flags);
        return OK;
    }
    // A blocked signal is kept although nothing would be done now: sigwait may want it.
    bool is_kept = is_blocked_everywhere_locked(p, bit);
    if (is_spared_locked(p, info) && !is_kept) {
        spin_unlock_irqrestore(&p->lock, flags);
        return OK;
    }
    prepare_locked(p, info->signal);
    if (!is_ignored_locked(p, info->signal) || is_kept) {
        if (info->signal == SIGKILL) {
            process_end_locked(p, wait_status_signalled(SIGKILL));
        } else {
            status = add(&p->signals.pending, &p->signals, queue_limit_locked(p), info);
            tell_one_locked(p, bit);
        }
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return status;
}

static status_t send_thread_locked(struct process *p, struct uthread *t,
                                   const struct signal_info *info) REQUIRES(p -> lock)
{
    bool is_kept = is_blocked_by(t, signal_bit(info->signal));
    if (is_spared_locked(p, info) && !is_kept) {
        return OK;
    }
    prepare_locked(p, info->signal);
    if (is_ignored_locked(p, info->signal) && !is_kept) {
        return OK;
    }
    if (info->signal == SIGKILL) {
        process_end_locked(p, wait_status_signalled(SIGKILL));
        return OK;
    }
    status_t status = add(&t->signals.pending, &p->signals, queue_limit_locked(p), info);
    if (is_wanted_by(t, signal_bit(info->signal))) {
        thread_notify(&t->thread, THREAD_SIGNALLED);
    }
    return status;
}

status_t signal_send_thread(struct uthread *t, const struct signal_info *info)
{
    struct process *p = t->thread.process;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    status_t status = send_thread_locked(p, t, info);
    spin_unlock_irqrestore(&p->lock, flags);
    return status;
}

static struct uthread *find_thread_locked(struct process *p, pid_t tid) REQUIRES(p -> lock)
{
    list_for_each (node, &p->threads) {
        struct uthread *t = container_of(node, struct uthread, link);
        if (t->tid == tid) {
            return t;
        }
    }
    return NULL;
}

status_t signal_send_first_thread(struct process *p, const struct signal_info *info)
{
    status_t status = ERR_SRCH;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    struct uthread *t = find_thread_locked(p, p->pid);
    if (t != NULL) {
        status = send_thread_locked(p, t, info);
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return status;
}

bool signal_send_entry(struct process *p, pid_t tid, struct signal_entry *e) REQUIRES(p -> lock)
{
    struct uthread *t = tid == 0 ? NULL : find_thread_locked(p, tid);
    uint64_t bit = signal_bit(e->info.signal);
    if (e->queue != NULL) {
        return true;
    }
    if (p->thread_count == 0 || (tid != 0 && t == NULL)) {
        return false;
    }
    prepare_locked(p, e->info.signal);
    bool is_wanted = t != NULL ? is_wanted_by(t, bit) : !is_blocked_everywhere_locked(p, bit);
    if (is_ignored_locked(p, e->info.signal) && is_wanted) {
        return false;
    }
    if (e->info.signal == SIGKILL) {
        process_end_locked(p, wait_status_signalled(SIGKILL));
        return true;
    }
    append(t != NULL ? &t->signals.pending : &p->signals.pending, &p->signals, e->info.signal, e);
    if (t == NULL) {
        tell_one_locked(p, bit);
    } else if (is_wanted) {
        thread_notify(&t->thread, THREAD_SIGNALLED);
    }
    return true;
}

void signal_forget_entry(struct signal_entry *e)
{
    struct signal_pending *queue = e->queue;
    if (queue != NULL) {
        list_del(&e->link);
        e->queue = NULL;
        settle_set(queue, e->info.signal);
    }
}

bool signal_force(const struct signal_info *info)
{
    struct uthread *t = uthread_current();
    struct process *p = t->thread.process;
    uint64_t bit = signal_bit(info->signal);
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    struct abi_sigaction *action = &p->signals.actions[info->signal - 1];
    if ((t->signals.mask & bit) != 0 || action->handler == ABI_SIG_IGN) {
        *action = (struct abi_sigaction){.handler = ABI_SIG_DFL};
        p->signals.ignored &= ~bit;
        t->signals.mask &= ~bit;
    }
    bool is_handled = action->handler > ABI_SIG_IGN;
    if (!is_handled) {
        p->signals.is_spared = false; // also if it cannot be kept, or another's waits already
    }
    (void)add(&t->signals.pending, &p->signals, UINT64_MAX, info);
    thread_notify(&t->thread, THREAD_SIGNALLED);
    spin_unlock_irqrestore(&p->lock, flags);
    return is_handled;
}

void signal_raise(int signal)
{
    struct signal_info info = {
        .signal = signal, .code = ABI_SI_USER, .pid = process_current()->pid};
    (void)signal_send_thread(uthread_current(), &info);
}

bool signal_may_send(struct process *p, int signal)
{
    struct process *self = process_current();
    if (p == self || grant_set_has(&self->grants, 1u << SWOS_GRANT_PROCESS)) {
        return true;
    }
    struct cred *mine = process_get_cred(self);
    struct cred *theirs = process_get_cred(p);
    bool may = mine->principal == theirs->principal ||
               (signal == SIGCONT && mine->session == theirs->session);
    cred_unref(mine);
    cred_unref(theirs);
    return may;
}

/* ---- Masks ---- */

// Others may take what this thread no longer does.
static void hand_on_locked(struct process *p, uint64_t set) REQUIRES(p -> lock)
{
    if (p->thread_count > 1) {
        tell_each_locked(p, p->signals.pending.set & set);
    }
}

uint64_t signal_set_mask(uint64_t mask)
{
    struct uthread *t = uthread_current();
    struct process *p = t->thread.process;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    uint64_t old = t->signals.mask;
    uint64_t pending = t->signals.pending.set | p->signals.pending.set;
    t->signals.mask = mask & ~UNBLOCKABLE;
    if ((pending & ~t->signals.mask) != 0) {
        thread_notify(&t->thread, THREAD_SIGNALLED);
    }
    hand_on_locked(p, t->signals.mask & ~old);
    spin_unlock_irqrestore(&p->lock, flags);
    return old;
}

void signal_recheck(void)
{
    (void)signal_set_mask(uthread_current()->signals.mask);
}

void signal_set_mask_for_call(uint64_t mask)
{
    struct signal_thread *s = &uthread_current()->signals;
    s->saved_mask = signal_set_mask(mask);
    s->has_saved_mask = true;
}

void signal_end_mask_for_call(void)
{
    struct signal_thread *s = &uthread_current()->signals;
    if (s->has_saved_mask && !thread_is_notified(thread_current())) {
        s->has_saved_mask = false;
        (void)signal_set_mask(s->saved_mask);
    }
}

void signal_await(uint64_t set)
{
    struct uthread *t = uthread_current();
    struct process *p = t->thread.process;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    uint64_t old = t->signals.awaited;
    t->signals.awaited = set;
    hand_on_locked(p, old & ~set);
    spin_unlock_irqrestore(&p->lock, flags);
}

bool signal_take(uint64_t set, struct signal_info *out)
{
    struct uthread *t = uthread_current();
    struct process *p = t->thread.process;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    bool is_taken = take_next_locked(p, t, set & ~UNBLOCKABLE, out);
    spin_unlock_irqrestore(&p->lock, flags);
    return is_taken;
}

uint64_t signal_pending_set(void)
{
    struct uthread *t = uthread_current();
    struct process *p = t->thread.process;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    uint64_t set = (t->signals.pending.set | p->signals.pending.set) & t->signals.mask;
    spin_unlock_irqrestore(&p->lock, flags);
    return set;
}

bool signal_is_pending(uint64_t set)
{
    struct uthread *t = uthread_current();
    struct process *p = t->thread.process;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    bool is_pending = ((t->signals.pending.set | p->signals.pending.set) & set) != 0;
    spin_unlock_irqrestore(&p->lock, flags);
    return is_pending;
}

status_t signal_get_source(struct signal_source **out)
{
    struct process *p = process_current();
    struct signal_source *made = NULL;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    *out = p->signals.source;
    spin_unlock_irqrestore(&p->lock, flags);
    if (*out != NULL) {
        return OK;
    }
    status_t status = signal_source_create(&made);
    if (status != OK) {
        return status;
    }
    flags = spin_lock_irqsave(&p->lock);
    if (p->signals.source == NULL) { // no other thread was faster
        p->signals.source = made;
        made = NULL;
    }
    *out = p->signals.source;
    spin_unlock_irqrestore(&p->lock, flags);
    if (made != NULL) {
        signal_source_unref(made);
    }
    return OK;
}

bool signal_is_off(int signal)
{
    struct uthread *t = uthread_current();
    struct process *p = t->thread.process;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    bool is_off = ((p->signals.ignored | t->signals.mask) & signal_bit(signal)) != 0;
    spin_unlock_irqrestore(&p->lock, flags);
    return is_off;
}

/* ---- Dispositions ---- */

static bool is_nothing(const struct abi_sigaction *a, int signal)
{
    return a->handler == ABI_SIG_IGN ||
           (a->handler == ABI_SIG_DFL && (IGNORED_BY_DEFAULT & signal_bit(signal)) != 0);
}

static void set_action_locked(struct process *p, int signal, const struct abi_sigaction *a)
    REQUIRES(p -> lock)
{
    uint64_t bit = signal_bit(signal);
    p->signals.actions[signal - 1] = *a;
    p->signals.actions[signal - 1].mask &= ~UNBLOCKABLE;
    if (is_nothing(a, signal)) {
        p->signals.ignored |= bit;
        forget_locked(p, bit);
    } else {
        p->signals.ignored &= ~bit;
        process_timers_heard(p, signal);
    }
}

status_t signal_action(int signal, const struct abi_sigaction *new, struct abi_sigaction *old)
{
    struct process *p = process_current();
    if (signal < 1 || signal > SIGNAL_MAX ||
        (new != NULL && (signal_bit(signal) & UNBLOCKABLE) != 0)) {
        return ERR_INVAL;
    }
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    if (old != NULL) {
        *old = p->signals.actions[signal - 1];
    }
    if (new != NULL) {
        set_action_locked(p, signal, new);
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return OK;
}

void signal_state_forget_handlers(struct signal_state *s, uint64_t defaults)
{
    for (int signal = 1; signal <= SIGNAL_MAX; signal++) {
        struct abi_sigaction *a = &s->actions[signal - 1];
        if (a->handler > ABI_SIG_IGN || (defaults & signal_bit(signal)) != 0) {
            *a = (struct abi_sigaction){.handler = ABI_SIG_DFL};
            if (!is_nothing(a, signal)) {
                s->ignored &= ~signal_bit(signal);
            } else {
                s->ignored |= signal_bit(signal);
            }
        }
    }
}

void signal_state_exec(struct process *p)
{
    struct uthread *t = uthread_current();
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    for (int signal = 1; signal <= SIGNAL_MAX; signal++) {
        if (p->signals.actions[signal - 1].handler > ABI_SIG_IGN) {
            set_action_locked(p, signal, &(struct abi_sigaction){.handler = ABI_SIG_DFL});
        }
    }
    t->signals.stack = (struct abi_sigaltstack){.flags = ABI_SS_DISABLE};
    t->signals.has_saved_mask = false;
    spin_unlock_irqrestore(&p->lock, flags);
}

/* ---- Delivery ---- */

void signal_info_to_user(const struct signal_info *in, struct abi_siginfo *out)
{
    enum { TICK_NS = 10000000 };
    *out = (struct abi_siginfo){.signal = in->signal, .code = in->code};
    bool is_fault = in->code > 0 && in->code < ABI_SI_KERNEL &&
                    (in->signal == SIGSEGV || in->signal == SIGBUS || in->signal == SIGILL ||
                     in->signal == SIGFPE || in->signal == SIGTRAP);
    if (is_fault) {
        out->address = in->value;
        return;
    }
    out->pid = in->pid;
    out->uid = in->uid;
    out->value = in->value;
    out->user_ticks = (int64_t)(in->user_ns / TICK_NS);
    out->system_ticks = (int64_t)(in->system_ns / TICK_NS);
}

static bool is_on_stack(const struct abi_sigaltstack *s, vaddr_t sp)
{
    return sp > s->base && sp - s->base <= s->size;
}

static vaddr_t choose_stack(const struct signal_thread *s, const struct abi_sigaction *a,
                            vaddr_t sp)
{
    bool wants_other = (a->flags & ABI_SA_ONSTACK) != 0 && (s->stack.flags & ABI_SS_DISABLE) == 0;
    return wants_other && !is_on_stack(&s->stack, sp) ? s->stack.base + s->stack.size : sp;
}

// Puts the handler's frame on the user's stack; without room for it the process ends.
static void enter_handler(struct arch_frame *frame, const struct signal_info *info,
                          const struct abi_sigaction *a)
{
    struct signal_thread *s = &uthread_current()->signals;
    struct abi_siginfo out;
    signal_info_to_user(info, &out);
    struct arch_signal entry = {
        .info = &out,
        .handler = a->handler,
        .restorer = a->restorer,
        .stack_top = choose_stack(s, a, arch_frame_stack(frame)),
        .mask = s->has_saved_mask ? s->saved_mask : s->mask,
        .alternate = &s->stack,
    };
    s->has_saved_mask = false;
    if (arch_signal_enter(frame, &entry) != OK) {
        process_exit(wait_status_signalled(SIGSEGV));
    }
    uint64_t own = (a->flags & ABI_SA_NODEFER) != 0 ? 0 : signal_bit(info->signal);
    (void)signal_set_mask(s->mask | a->mask | own);
}

// Calls that a handler always ends, because their time-outs or masks are their meaning.
static bool restarts(uint64_t number)
{
    switch (number) {
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
    case SYS_ppoll:
    case SYS_pselect6:
    case SYS_epoll_pwait:
    case SYS_rt_sigsuspend:
    case SYS_rt_sigtimedwait: return false;
    default: return true;
    }
}

void signal_frame_changed(void)
{
    uthread_current()->signals.has_new_frame = true;
    thread_notify(thread_current(), THREAD_SIGNALLED);
}

struct signal_call signal_look_at_call(struct arch_frame *frame)
{
    uint64_t number;
    int64_t result;
    struct signal_call c = {};
    struct signal_thread *s = &uthread_current()->signals;
    if (arch_take_call(frame, &number, &result) && !s->has_new_frame) {
        c.was_interrupted = result == ERR_INTR || result == ERR_RESTART || result == ERR_INTR_TIMED;
        c.is_final = result == ERR_INTR_TIMED;
        c.has_deadline = s->time.deadline != NSEC_NEVER && s->time.number == number &&
                         s->time.stack == arch_frame_stack(frame);
        c.can_restart =
            result == ERR_RESTART || (result == ERR_INTR && restarts(number) && !c.has_deadline);
    }
    s->has_new_frame = false;
    s->time.is_again = false;
    return c;
}

nsec_t signal_call_deadline(nsec_t fresh)
{
    struct signal_call_time *t = &uthread_current()->signals.time;
    const struct arch_frame *frame = arch_user_frame(thread_current());
    bool is_kept = t->is_again && fresh != NSEC_NEVER && t->number == arch_frame_call(frame) &&
                   t->stack == arch_frame_stack(frame);
    *t = (struct signal_call_time){.deadline = is_kept ? t->deadline : fresh,
                                   .number = arch_frame_call(frame),
                                   .stack = arch_frame_stack(frame)};
    return t->deadline;
}

// A handler is about to run.
static void settle_for_handler(struct arch_frame *frame, struct signal_call *c, bool wants_restart)
{
    if (!c->was_interrupted) {
        return;
    }
    c->was_interrupted = false;
    if (c->can_restart && wants_restart) {
        arch_call_again(frame);
    } else {
        arch_frame_set_result(frame, ERR_INTR);
    }
}

void signal_settle_call(struct arch_frame *frame, struct signal_call *c)
{
    if (c->was_interrupted) {
        c->was_interrupted = false;
        if (c->is_final) {
            arch_frame_set_result(frame, ERR_INTR);
            return;
        }
        uthread_current()->signals.time.is_again = c->has_deadline;
        arch_call_again(frame);
    }
}

// A stop: all threads come here and wait until the process goes on or ends.
static void wait_stopped(struct process *p)
{
    status_t status;
    WAIT_UNTIL(&p->stop_wait,
               !__atomic_load_n(&p->is_stopped, __ATOMIC_ACQUIRE) ||
                   (thread_flags(thread_current()) & THREAD_KILLED) != 0,
               NSEC_NEVER, WAIT_DEFAULT, &status);
    (void)status;
}

static void stop_locked(struct process *p, int signal) REQUIRES(p -> lock)
{
    if (p->is_ending || !p->is_stopping) {
        return;
    }
    p->is_stopping = false;
    p->is_stopped = true;
    p->stop_signal = signal;
    p->stop_untold = true;
    p->continue_untold = false;
    list_for_each (node, &p->threads) {
        thread_notify(&container_of(node, struct uthread, link)->thread, THREAD_SIGNALLED);
    }
    process_notify_parent(p);
}

// The terminal's stop signals do nothing to a group that nobody is left to continue (POSIX.1-2024
// XSH 2.4.3).
static void stop(struct process *p, int signal)
{
    bool is_void = signal != SIGSTOP && job_is_orphaned(p);
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    if (is_void) {
        p->is_stopping = false;
    } else {
        stop_locked(p, signal);
    }
    spin_unlock_irqrestore(&p->lock, flags);
}

enum outcome { NOTHING_LEFT, WENT_ON, HANDLER, STOP, FATAL };

// Takes the next signal and does what needs the lock only.
static enum outcome deliver_next(struct process *p, struct uthread *t, struct signal_info *info,
                                 struct abi_sigaction *action)
{
    enum outcome outcome = WENT_ON;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    if (!take_next_locked(p, t, ~t->signals.mask, info)) {
        outcome = NOTHING_LEFT;
    } else {
        uint64_t bit = signal_bit(info->signal);
        *action = p->signals.actions[info->signal - 1];
        if (is_nothing(action, info->signal) || is_spared_locked(p, info)) {
            outcome = WENT_ON;
        } else if (action->handler > ABI_SIG_IGN) {
            outcome = HANDLER;
            if ((action->flags & ABI_SA_RESETHAND) != 0) {
                set_action_locked(p, info->signal, &(struct abi_sigaction){.handler = ABI_SIG_DFL});
            }
        } else if ((bit & STOP_SIGNALS) != 0) {
            p->is_stopping = true; // unless a SIGCONT comes before that is done
            outcome = STOP;
        } else {
            outcome = FATAL;
        }
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return outcome;
}

void signal_deliver(struct arch_frame *frame, struct signal_call *call)
{
    struct uthread *t = uthread_current();
    struct process *p = t->thread.process;
    struct signal_info info;
    struct abi_sigaction action;
    for (;;) {
        if (__atomic_load_n(&p->is_stopped, __ATOMIC_ACQUIRE)) {
            wait_stopped(p);
        }
        if ((thread_flags(&t->thread) & THREAD_KILLED) != 0) {
            return;
        }
        enum outcome outcome = deliver_next(p, t, &info, &action);
        if (outcome == FATAL) {
            process_exit(wait_status_signalled(info.signal));
        }
        if (outcome == STOP) {
            stop(p, info.signal);
        }
        if (outcome == HANDLER) {
            settle_for_handler(frame, call, (action.flags & ABI_SA_RESTART) != 0);
            enter_handler(frame, &info, &action);
        }
        if (outcome == NOTHING_LEFT) {
            break;
        }
    }
    if (t->signals.has_saved_mask) {
        t->signals.has_saved_mask = false;
        (void)signal_set_mask(t->signals.saved_mask);
    }
}
