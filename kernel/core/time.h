// SPDX-License-Identifier: Apache-2.0
/*
 * Time: the monotonic clock (nanoseconds since the counter was reset, so since power-on in QEMU;
 * never goes backwards, does not stop), wall-clock time, and one-shot timers with per-CPU queues.
 * There is no tick: the hardware is armed for the earliest timer of its CPU and for nothing else.
 * Taking the earliest timer away leaves the hardware armed; the one interrupt that may come for
 * nothing costs less than talking to the timer at every cancelled timeout.
 *
 * Locking: each CPU's timers have a lock of their own, taken with interrupts masked.  It is not held
 * while a timer's function runs.
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "lib/base/rbtree.h"

struct cpu;

/*
 * A conversion is value * whole + value * fraction / 2^64, the second product by the high half of a
 * 64 by 64 bit multiplication: no division, and no overflow before the result itself overflows.
 */
struct time_scale {
    uint64_t whole;
    uint64_t fraction; // of 2^64, rounded down
};
extern struct time_scale time_scale_to_ns; // from ticks; constant from time_init on

static ALWAYS_INLINE uint64_t time_scale_apply(const struct time_scale *s, uint64_t value)
{
    return value * s->whole + (uint64_t)((unsigned __int128)value * s->fraction >> 64);
}

// Any context, from time_init on.
static ALWAYS_INLINE nsec_t time_now(void)
{
    return time_scale_apply(&time_scale_to_ns, arch_counter());
}

// Counter ticks to nanoseconds: never more than the exact value and at most 1 ns less, over the whole
// range of the counter; exact when the frequency divides 10^9.  Back: the first tick at which
// time_from_ticks gives `ns` or more, UINT64_MAX if there is none.
nsec_t time_from_ticks(uint64_t ticks);
uint64_t time_to_ticks(nsec_t ns);

// Reads the counter's frequency.  First thing at boot.
void time_init(void);

// Wall clock: nanoseconds since 1970 (UTC), 0 before anybody set it.  Setting it does not move
// timers, which follow the monotonic clock.
nsec_t time_wall(void);
nsec_t time_wall_offset(void); // wall less monotonic clock, modulo 2^64; 0 before anybody set it
void time_set_wall(nsec_t now);

// The per-CPU one-shot timer hardware, handed over by its driver.  Called with interrupts masked,
// each for the CPU it runs on.  The driver calls time_interrupt when it fires; by the end of that
// call the timer is armed anew or disarmed.
struct time_device_ops {
    void (*arm)(uint64_t counter_value); // fire when the counter reaches this
    void (*disarm)(void);
};
// Boot: readies the timers of a CPU; called as CPUs are added.
void time_init_cpu(struct cpu *c);

void time_set_device(const struct time_device_ops *ops);
bool time_has_device(void);
void time_interrupt(void);

/*
 * A timer lives in its owner's storage.  `expired` runs in interrupt context, with interrupts masked,
 * on the CPU where the timer was started (a timer restarted elsewhere while it expires stays on its
 * CPU).  It may start the timer again.  It may also free it if nobody else will touch it.
 */
struct timer {
    struct rb_node node;                  // [timer lock of home]
    nsec_t deadline;                      // [timer lock of home] absolute, monotonic
    void (*expired)(struct timer *timer); // [I]
    struct cpu *_Atomic home;             // [timer lock of home, a] where it is or was queued
    bool is_queued;                       // [timer lock of home]
};

void timer_init(struct timer *t, void (*expired)(struct timer *));

// Starts or restarts the timer on this CPU.  A deadline that has passed expires it at once, from the
// timer interrupt.  Any context.  Calls for one timer are serialised by its owner, except against
// its own function.
void timer_start(struct timer *t, nsec_t deadline);

// After timer_cancel returns the timer is neither queued nor running (it waits for a function on
// another CPU, so hold no lock that the function takes); called from its own function it only
// dequeues.  True if it was queued.
bool timer_cancel(struct timer *t);
