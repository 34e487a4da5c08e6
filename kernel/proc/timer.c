// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/timer.h"

#include "kernel/mm/heap.h"
#include "kernel/proc/process.h"
#include "lib/base/bits.h"

// CPU time is looked at no more often than this.
constexpr nsec_t LOOK_MIN_NS = NSEC_PER_MSEC;

/* ---- Timers that send a signal ---- */

static void run_locked(struct signal_timer *t)
{
    if (t->interval.deadline != NSEC_NEVER && !t->is_silent) {
        timer_start(&t->timer, t->interval.deadline);
    }
}

// What expired by now is heard: the timer goes on.  Gives how often it was.
static uint64_t go_on_locked(struct signal_timer *t)
{
    uint64_t times = interval_advance(&t->interval, time_now());
    run_locked(t);
    return times;
}

static struct signal_timer *timer_of(struct signal_entry *e)
{
    return container_of(e, struct signal_timer, entry);
}

// A timer whose signal was dropped rests until the signal is heard again, like one that was ignored.
static void entry_left(struct signal_entry *e, struct signal_info *out)
{
    struct signal_timer *t = timer_of(e);
    if (out == NULL) {
        t->is_unheard = true;
        return;
    }
    uint64_t times = go_on_locked(t);
    if (out->code == ABI_SI_TIMER) {
        t->overrun = (int32_t)u64_min(times == 0 ? 0 : times - 1, INT32_MAX);
        out->uid = (uint32_t)t->overrun;
    }
}

static void expired(struct timer *timer)
{
    struct signal_timer *t = container_of(timer, struct signal_timer, timer);
    struct process *p = t->process;
    spin_lock(&p->lock);
    // It may have been set anew meanwhile.
    if (t->interval.deadline <= time_now()) {
        t->is_unheard = !signal_send_entry(p, t->tid, &t->entry);
    } else {
        run_locked(t);
    }
    spin_unlock(&p->lock);
}

static void clock_moved(struct interval *i)
{
    struct signal_timer *t = container_of(i, struct signal_timer, interval);
    struct process *p = t->process;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    if (t->entry.queue == NULL && !t->is_unheard) { // else it moves on from where it expired
        interval_move(i, time_now());
        run_locked(t);
    }
    spin_unlock_irqrestore(&p->lock, flags);
}

static void signal_timer_init(struct signal_timer *t, struct process *p, bool is_wall)
{
    t->process = p;
    interval_init(&t->interval, is_wall ? clock_moved : NULL);
    timer_init(&t->timer, expired);
    t->entry.left = entry_left;
}

static void set_locked(struct signal_timer *t, enum interval_base base,
                       const struct interval_setting *s)
{
    signal_forget_entry(&t->entry);
    t->is_unheard = false;
    t->overrun = 0;
    interval_set(&t->interval, base, s, time_now());
    run_locked(t);
}

// A timer that has yet to fire is not over, whatever the clock shows.
static struct interval_setting left_locked(const struct signal_timer *t)
{
    struct interval_setting left = interval_left(&t->interval, time_now());
    bool is_late = left.value == 0 && t->interval.deadline != NSEC_NEVER && !t->is_silent &&
                   t->entry.queue == NULL && !t->is_unheard;
    left.value = is_late ? 1 : left.value;
    return left;
}

// Stops a timer that nobody can find any more.  No lock.
static void stop(struct signal_timer *t)
{
    interval_fini(&t->interval);
    (void)timer_cancel(&t->timer);
}

/* ---- timer_create and its kin ---- */

static struct signal_timer *find_locked(struct process *p, int32_t id) REQUIRES(p -> lock)
{
    struct rb_node *node = p->timers.by_id.node;
    while (node != NULL) {
        struct signal_timer *t = container_of(node, struct signal_timer, by_id);
        if (t->id == id) {
            return t;
        }
        node = id < t->id ? node->left : node->right;
    }
    return NULL;
}

static void insert_locked(struct process *p, struct signal_timer *t) REQUIRES(p -> lock)
{
    struct rb_node **link = &p->timers.by_id.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        bool goes_left = t->id < container_of(parent, struct signal_timer, by_id)->id;
        link = goes_left ? &parent->left : &parent->right;
    }
    rb_insert(&p->timers.by_id, &t->by_id, parent, link);
}

static void remove_locked(struct process *p, struct signal_timer *t) REQUIRES(p -> lock)
{
    rb_erase(&p->timers.by_id, &t->by_id);
    signal_forget_entry(&t->entry);
    t->interval.deadline = NSEC_NEVER;
    p->signals.queued--;
}

static void destroy(struct signal_timer *t)
{
    stop(t);
    heap_free(t);
}

static bool has_thread_locked(struct process *p, pid_t tid) REQUIRES(p -> lock)
{
    list_for_each (node, &p->threads) {
        if (container_of(node, struct uthread, link)->tid == tid) {
            return true;
        }
    }
    return false;
}

static int32_t choose_id_locked(struct process *p) REQUIRES(p -> lock)
{
    int32_t id;
    do {
        id = p->timers.next_id;
        p->timers.next_id = id == INT32_MAX ? 0 : id + 1;
    } while (find_locked(p, id) != NULL);
    return id;
}

// Gives the new timer its number and its place among the others.
static status_t publish(struct process *p, struct signal_timer *t, const struct timer_request *r)
{
    status_t status = OK;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    if (p->signals.queued >= p->limits[LIMIT_SIGPENDING].soft) {
        status = ERR_AGAIN;
    } else if (r->tid != 0 && !has_thread_locked(p, r->tid)) {
        status = ERR_INVAL;
    } else {
        t->id = choose_id_locked(p);
        t->entry.info = (struct signal_info){.signal = r->signal,
                                             .code = ABI_SI_TIMER,
                                             .pid = t->id,
                                             .value = r->has_value ? r->value : (uint64_t)t->id};
        insert_locked(p, t);
        p->signals.queued++;
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return status;
}

status_t posix_timer_create(const struct timer_request *r, int32_t *id)
{
    struct process *p = process_current();
    if (!r->is_silent && (r->signal < 1 || r->signal > SIGNAL_MAX)) {
        return ERR_INVAL;
    }
    void *memory;
    status_t status = heap_zalloc(sizeof(struct signal_timer), &memory);
    if (status != OK) {
        return status;
    }
    struct signal_timer *t = memory;
    signal_timer_init(t, p, r->is_wall);
    t->tid = r->tid;
    t->is_silent = r->is_silent;
    t->is_wall = r->is_wall;
    status = publish(p, t, r);
    if (status != OK) {
        destroy(t);
        return status;
    }
    *id = t->id;
    return OK;
}

status_t posix_timer_settime(int32_t id, bool is_absolute, const struct interval_setting *s,
                             struct interval_setting *old)
{
    struct process *p = process_current();
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    struct signal_timer *t = find_locked(p, id);
    if (t != NULL) {
        *old = left_locked(t);
        enum interval_base base = !is_absolute ? INTERVAL_FROM_NOW
                                  : t->is_wall ? INTERVAL_WALL
                                               : INTERVAL_MONOTONIC;
        set_locked(t, base, s);
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return t != NULL ? OK : ERR_INVAL;
}

status_t posix_timer_gettime(int32_t id, struct interval_setting *out)
{
    struct process *p = process_current();
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    const struct signal_timer *t = find_locked(p, id);
    if (t != NULL) {
        *out = left_locked(t);
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return t != NULL ? OK : ERR_INVAL;
}

status_t posix_timer_getoverrun(int32_t id, int32_t *out)
{
    struct process *p = process_current();
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    const struct signal_timer *t = find_locked(p, id);
    if (t != NULL) {
        *out = t->overrun;
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return t != NULL ? OK : ERR_INVAL;
}

status_t posix_timer_delete(int32_t id)
{
    struct process *p = process_current();
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    struct signal_timer *t = find_locked(p, id);
    if (t != NULL) {
        remove_locked(p, t);
    }
    spin_unlock_irqrestore(&p->lock, flags);
    if (t == NULL) {
        return ERR_INVAL;
    }
    destroy(t);
    return OK;
}

/* ---- CPU time ---- */

static void stays(struct signal_entry *e, struct signal_info *out)
{
    (void)e;
    (void)out; // it is the process's, and says no more than its signal
}

// Sends what has been reached; gives the CPU time that is left until the next is.
static nsec_t look_at_timer(struct process *p, struct cpu_timer *t, nsec_t used) REQUIRES(p -> lock)
{
    if (t->deadline <= used) {
        (void)signal_send_entry(p, 0, &t->entry);
        t->deadline = t->period == 0
                          ? NSEC_NEVER
                          : t->deadline + ((used - t->deadline) / t->period + 1) * t->period;
    }
    return t->deadline == NSEC_NEVER ? NSEC_NEVER : t->deadline - used;
}

static nsec_t seconds(uint64_t limit)
{
    nsec_t ns;
    return __builtin_mul_overflow(limit, NSEC_PER_SEC, &ns) ? NSEC_NEVER : ns;
}

// RLIMIT_CPU: a signal each second from the soft limit on, the end at the hard one.
static nsec_t look_at_limit(struct process *p, nsec_t used) REQUIRES(p -> lock)
{
    nsec_t soft = seconds(p->limits[LIMIT_CPU].soft);
    nsec_t hard = seconds(p->limits[LIMIT_CPU].hard);
    if (hard <= used) {
        process_end_locked(p, wait_status_signalled(SIGKILL));
        return NSEC_NEVER;
    }
    nsec_t next = soft == NSEC_NEVER ? NSEC_NEVER : u64_max(soft, p->timers.limit_next);
    if (next <= used) {
        (void)signal_send_entry(p, 0, &p->timers.limit);
        next = p->timers.limit_next = used + NSEC_PER_SEC;
    }
    next = u64_min(next, hard);
    return next == NSEC_NEVER ? NSEC_NEVER : next - used;
}

// True: no thread runs, and each that will comes past process_timers_returning first.
static bool rest_locked(struct process *p) REQUIRES(p -> lock)
{
    list_for_each (node, &p->threads) {
        struct uthread *t = container_of(node, struct uthread, link);
        if (!thread_mark_asleep(&t->thread, THREAD_CPU_TIMED)) {
            return false;
        }
    }
    return true;
}

static void look_locked(struct process *p) REQUIRES(p -> lock)
{
    struct process_timers *t = &p->timers;
    struct process_usage used;
    process_usage_locked(p, &used);
    nsec_t all = used.user_ns + used.system_ns;
    nsec_t left = look_at_limit(p, all);
    left = u64_min(left, look_at_timer(p, &t->cpu[CPU_TIMER_VIRTUAL], used.user_ns));
    left = u64_min(left, look_at_timer(p, &t->cpu[CPU_TIMER_PROF], all));
    t->is_watching = left != NSEC_NEVER && p->thread_count != 0 && !p->is_ending && !rest_locked(p);
    if (t->is_watching) {
        // All of its threads may run at once.
        unsigned running = (unsigned)u64_min(p->thread_count, cpu_count());
        nsec_t wait = u64_max(left / running, LOOK_MIN_NS);
        nsec_t at;
        timer_start(&t->cpu_watch,
                    __builtin_add_overflow(time_now(), wait, &at) ? NSEC_NEVER - 1 : at);
    }
}

static void watch_expired(struct timer *timer)
{
    struct process *p = container_of(timer, struct process, timers.cpu_watch);
    spin_lock(&p->lock);
    if (p->timers.is_watching) {
        look_locked(p);
    }
    spin_unlock(&p->lock);
}

void process_timers_returning(void)
{
    struct process *p = process_current();
    thread_clear_flags(THREAD_CPU_TIMED);
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    if (!p->timers.is_watching) {
        look_locked(p);
    }
    spin_unlock_irqrestore(&p->lock, flags);
}

void process_timers_limit(struct process *p) REQUIRES(p -> lock)
{
    p->timers.limit_next = 0;
    look_locked(p);
}

/* ---- setitimer ---- */

static struct interval_setting cpu_left_locked(struct process *p, const struct cpu_timer *t,
                                               nsec_t used) REQUIRES(p -> lock)
{
    nsec_t left = t->deadline == NSEC_NEVER ? 0 : t->deadline > used ? t->deadline - used : 1;
    return (struct interval_setting){.value = left, .interval = t->period};
}

static nsec_t used_locked(struct process *p, enum cpu_timer_kind kind) REQUIRES(p -> lock)
{
    struct process_usage used;
    process_usage_locked(p, &used);
    return kind == CPU_TIMER_VIRTUAL ? used.user_ns : used.user_ns + used.system_ns;
}

static void exchange_cpu_locked(struct process *p, enum cpu_timer_kind kind,
                                const struct interval_setting *s, struct interval_setting *old)
    REQUIRES(p -> lock)
{
    struct cpu_timer *t = &p->timers.cpu[kind];
    nsec_t used = used_locked(p, kind);
    *old = cpu_left_locked(p, t, used);
    if (s == NULL) {
        return;
    }
    t->period = s->interval;
    if (s->value == 0 || __builtin_add_overflow(used, s->value, &t->deadline)) {
        t->deadline = NSEC_NEVER;
    }
    look_locked(p);
}

void itimer_exchange(enum itimer which, const struct interval_setting *s,
                     struct interval_setting *old)
{
    struct process *p = process_current();
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    if (which == ITIMER_REAL) {
        *old = left_locked(&p->timers.real);
        if (s != NULL) {
            set_locked(&p->timers.real, INTERVAL_FROM_NOW, s);
        }
    } else {
        exchange_cpu_locked(p, which == ITIMER_VIRTUAL ? CPU_TIMER_VIRTUAL : CPU_TIMER_PROF, s,
                            old);
    }
    spin_unlock_irqrestore(&p->lock, flags);
}

/* ---- Of a process ---- */

void process_timers_init(struct process *p)
{
    static const int cpu_signals[CPU_TIMERS] = {
        [CPU_TIMER_VIRTUAL] = SIGVTALRM, [CPU_TIMER_PROF] = SIGPROF};
    struct process_timers *t = &p->timers;
    signal_timer_init(&t->real, p, false);
    t->real.entry.info = (struct signal_info){.signal = SIGALRM, .code = ABI_SI_KERNEL};
    for (unsigned i = 0; i < CPU_TIMERS; i++) {
        t->cpu[i].deadline = NSEC_NEVER;
        t->cpu[i].entry.left = stays;
        t->cpu[i].entry.info =
            (struct signal_info){.signal = cpu_signals[i], .code = ABI_SI_KERNEL};
    }
    t->limit.left = stays;
    t->limit.info = (struct signal_info){.signal = SIGXCPU, .code = ABI_SI_KERNEL};
    timer_init(&t->cpu_watch, watch_expired);
}

void process_timers_heard(struct process *p, int signal) REQUIRES(p -> lock)
{
    struct signal_timer *real = &p->timers.real;
    if (signal == SIGALRM && real->is_unheard) {
        real->is_unheard = false;
        (void)go_on_locked(real);
    }
    for (struct rb_node *node = rb_first(&p->timers.by_id); node != NULL; node = rb_next(node)) {
        struct signal_timer *t = container_of(node, struct signal_timer, by_id);
        if (t->is_unheard && t->entry.info.signal == signal) {
            t->is_unheard = false;
            (void)go_on_locked(t);
        }
    }
}

void process_timers_exec(struct process *p)
{
    for (struct rb_node *node = NULL;;) {
        irqflags_t flags = spin_lock_irqsave(&p->lock);
        node = rb_first(&p->timers.by_id);
        struct signal_timer *t =
            node == NULL ? NULL : container_of(node, struct signal_timer, by_id);
        if (t != NULL) {
            remove_locked(p, t);
        }
        spin_unlock_irqrestore(&p->lock, flags);
        if (t == NULL) {
            return;
        }
        destroy(t);
    }
}

void process_timers_end(struct process *p)
{
    process_timers_exec(p);
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    p->timers.real.interval.deadline = NSEC_NEVER;
    p->timers.is_watching = false;
    spin_unlock_irqrestore(&p->lock, flags);
    stop(&p->timers.real);
    (void)timer_cancel(&p->timers.cpu_watch);
}
