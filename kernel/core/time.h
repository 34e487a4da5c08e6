// SPDX-License-Identifier: Apache-2.0
/*
 * Time: the monotonic clock (nanoseconds since the counter was reset, so since power-on in QEMU;
 * never goes backwards, does not stop), wall-clock time, and one-shot timers with per-CPU queues.
 * There is no tick: the hardware is armed for the earliest timer of its CPU and for nothing else.
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "lib/base/rbtree.h"

struct cpu;

// Any context, from the first instruction of kernel_main.
nsec_t time_now(void);

// Counter ticks to nanoseconds and back, without loss for centuries; the other way rounds up.
nsec_t time_from_ticks(uint64_t ticks);
uint64_t time_to_ticks(nsec_t ns);

// Reads the counter's frequency.  First thing at boot.
void time_init(void);

// Wall clock: nanoseconds since 1970 (UTC), 0 before anybody set it.
nsec_t time_wall(void);
void time_set_wall(nsec_t now);

// The per-CPU one-shot timer hardware, handed over by its driver.  Called with interrupts masked,
// each for the CPU it runs on.  The driver calls time_interrupt when it fires.
struct time_device_ops {
    void (*arm)(uint64_t counter_value); // fire when the counter reaches this
    void (*disarm)(void);
};
void time_set_device(const struct time_device_ops *ops);
void time_interrupt(void);

/*
 * A timer lives in its owner's storage.  `expired` runs in interrupt context on the CPU where the
 * timer was started.
 */
struct timer {
    struct rb_node node;                  // [cpu's timer lock]
    nsec_t deadline;                      // [cpu's timer lock] absolute, monotonic
    void (*expired)(struct timer *timer); // [I]
    struct cpu *_Atomic cpu;              // [a] where it is queued; NULL: not queued
    _Atomic bool is_running;              // [a] expired is being called right now
};

void timer_init(struct timer *t, void (*expired)(struct timer *));

// Starts or restarts the timer on this CPU.  Any context but NMI-like panics.
void timer_start(struct timer *t, nsec_t deadline);

// After timer_cancel returns the timer is neither queued nor running (it waits for a handler on
// another CPU, so hold no lock that the handler takes).  True if it was queued.
bool timer_cancel(struct timer *t);
