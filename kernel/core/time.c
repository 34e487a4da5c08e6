// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/time.h"

#include "kernel/core/cpu.h"
#include "lib/base/bits.h"

struct timer_queue {
    struct spinlock lock;
    struct rb_root root;           // [l] by deadline
    nsec_t armed;                  // [l] what the hardware is set to; NSEC_NEVER: disarmed
    struct timer *_Atomic running; // [a] its function is being called
    _Atomic uint32_t finished;     // [a] counts functions that returned
};
PERCPU(struct timer_queue, timer_queue);

// Deadlines beyond it (146 years) never come; below it no conversion overflows.
constexpr nsec_t NSEC_MAX = UINT64_MAX / 4;

static struct {
    struct time_scale to_ticks;
    const struct time_device_ops *device; // [I]
    _Atomic uint64_t wall_offset;         // [a] wall minus monotonic; 0: never set
} clock;

struct time_scale time_scale_to_ns;

static struct time_scale scale_make(uint64_t to, uint64_t from)
{
    uint64_t rest = to % from;
    // rest * 2^64 / from, by long division of two 32-bit digits; rest < from < 2^32.
    uint64_t high = (rest << 32) / from;
    uint64_t low = (((rest << 32) % from) << 32) / from;
    return (struct time_scale){.whole = to / from, .fraction = high << 32 | low};
}

void time_init(void)
{
    uint64_t hz = arch_counter_hz();
    time_scale_to_ns = scale_make(NSEC_PER_SEC, hz);
    clock.to_ticks = scale_make(hz, NSEC_PER_SEC);
}

nsec_t time_from_ticks(uint64_t ticks)
{
    return time_scale_apply(&time_scale_to_ns, ticks);
}

uint64_t time_to_ticks(nsec_t ns)
{
    if (ns > NSEC_MAX) {
        return UINT64_MAX;
    }
    uint64_t ticks = time_scale_apply(&clock.to_ticks, ns);
    // Rounding left it at most two ticks short.
    while (time_scale_apply(&time_scale_to_ns, ticks) < ns) {
        ticks++;
    }
    return ticks;
}

nsec_t time_wall_offset(void)
{
    return atomic_load_explicit(&clock.wall_offset, memory_order_relaxed);
}

nsec_t time_wall(void)
{
    uint64_t offset = time_wall_offset();
    return offset == 0 ? 0 : time_now() + offset;
}

void time_set_wall(nsec_t now)
{
    atomic_store_explicit(&clock.wall_offset, now - time_now(), memory_order_relaxed);
}

/* ---- Timers ---- */

static struct timer_queue *queue_of(const struct cpu *c)
{
    return cpu_var(c, timer_queue);
}

void time_init_cpu(struct cpu *c)
{
    struct timer_queue *q = queue_of(c);
    spin_init(&q->lock, "timer", RANK_TIMER);
    q->armed = NSEC_NEVER;
}

static struct timer *timer_at(struct rb_node *node)
{
    return container_of(node, struct timer, node);
}

static struct timer *first(const struct timer_queue *q)
{
    struct rb_node *node = rb_first(&q->root);
    return node == NULL ? NULL : timer_at(node);
}

// Sets this CPU's hardware for its earliest timer.
static void arm(struct timer_queue *q)
{
    nsec_t deadline = first(q) == NULL ? NSEC_NEVER : first(q)->deadline;
    q->armed = deadline;
    if (clock.device == NULL) {
        return;
    }
    if (deadline == NSEC_NEVER) {
        clock.device->disarm();
    } else {
        clock.device->arm(time_to_ticks(deadline));
    }
}

bool time_has_device(void)
{
    return clock.device != NULL;
}

void time_set_device(const struct time_device_ops *ops)
{
    struct timer_queue *q = this_cpu(timer_queue);
    irqflags_t flags = spin_lock_irqsave(&q->lock);
    clock.device = ops;
    arm(q); // for the timers started before, in front of which no later one would arm it
    spin_unlock_irqrestore(&q->lock, flags);
}

static void insert(struct timer_queue *q, struct timer *t)
{
    struct rb_node *parent = NULL;
    struct rb_node **link = &q->root.node;
    while (*link != NULL) {
        parent = *link;
        // Equal deadlines expire in the order they were started.
        link = t->deadline < timer_at(parent)->deadline ? &parent->left : &parent->right;
    }
    rb_insert(&q->root, &t->node, parent, link);
    t->is_queued = true;
}

static void erase(struct timer_queue *q, struct timer *t)
{
    rb_erase(&q->root, &t->node);
    t->is_queued = false;
}

void timer_init(struct timer *t, void (*expired)(struct timer *))
{
    *t = (struct timer){.expired = expired};
}

// Locks the queue where `t` is or was last; NULL if it never was on any.
static struct timer_queue *lock_home(struct timer *t) NO_THREAD_ANALYSIS
{
    for (;;) {
        struct cpu *home = atomic_load_explicit(&t->home, memory_order_relaxed);
        if (home == NULL) {
            return NULL;
        }
        struct timer_queue *q = queue_of(home);
        spin_lock(&q->lock);
        if (LIKELY(atomic_load_explicit(&t->home, memory_order_relaxed) == home)) {
            return q;
        }
        spin_unlock(&q->lock);
    }
}

// The queue that `t` shall be on, locked: this CPU's, unless its function is running elsewhere.
static struct timer_queue *lock_new_home(struct timer *t) NO_THREAD_ANALYSIS
{
    struct cpu *here = cpu_this();
    struct timer_queue *q = lock_home(t);
    if (q != NULL) {
        if (t->is_queued) {
            erase(q, t);
        }
        if (q == queue_of(here) || atomic_load_explicit(&q->running, memory_order_relaxed) == t) {
            return q;
        }
        spin_unlock(&q->lock);
    }
    q = queue_of(here);
    spin_lock(&q->lock);
    atomic_store_explicit(&t->home, here, memory_order_relaxed);
    return q;
}

void timer_start(struct timer *t, nsec_t deadline) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    struct timer_queue *q = lock_new_home(t);
    t->deadline = deadline;
    insert(q, t);
    // While functions of this queue run, time_interrupt arms the hardware at its end.
    if (first(q) == t && deadline < q->armed &&
        atomic_load_explicit(&q->running, memory_order_relaxed) == NULL) {
        arm(q);
    }
    spin_unlock(&q->lock);
    arch_irq_restore(flags);
}

// Waits until the function of `t` has returned, if another CPU is calling it.
static void wait_for_function(struct timer_queue *q, const struct timer *t)
{
    for (;;) {
        uint32_t seen = atomic_load_explicit(&q->finished, memory_order_acquire);
        // Acquire: pairs with the release in expire, so that what the function did is visible.
        if (atomic_load_explicit(&q->running, memory_order_acquire) != t) {
            return;
        }
        arch_spin_wait((const uint32_t *)&q->finished, seen);
    }
}

bool timer_cancel(struct timer *t) NO_THREAD_ANALYSIS
{
    irqflags_t flags = arch_irq_save();
    struct timer_queue *q = lock_home(t);
    if (q == NULL) {
        arch_irq_restore(flags);
        return false;
    }
    bool was_queued = t->is_queued;
    if (was_queued) {
        erase(q, t);
    }
    bool is_elsewhere = q != this_cpu(timer_queue);
    spin_unlock(&q->lock);
    arch_irq_restore(flags);
    // On its own CPU the function is either over or it is our caller.
    if (is_elsewhere) {
        wait_for_function(q, t);
    }
    return was_queued;
}

// Calls the function of the first timer, with the queue unlocked meanwhile.
static void expire(struct timer_queue *q) REQUIRES(q -> lock)
{
    struct timer *t = first(q);
    erase(q, t);
    atomic_store_explicit(&q->running, t, memory_order_relaxed);
    spin_unlock(&q->lock);
    t->expired(t); // `t` may be gone afterwards
    spin_lock(&q->lock);
    atomic_store_explicit(&q->running, NULL, memory_order_release);
    atomic_fetch_add_explicit(&q->finished, 1, memory_order_release);
}

void time_interrupt(void)
{
    struct timer_queue *q = this_cpu(timer_queue);
    spin_lock(&q->lock);
    nsec_t now = time_now();
    while (first(q) != NULL && first(q)->deadline <= now) {
        expire(q);
        now = time_now();
    }
    arm(q);
    spin_unlock(&q->lock);
}
