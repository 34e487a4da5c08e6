// SPDX-License-Identifier: Apache-2.0
/*
 * Interrupts: numbers are those of the interrupt controller (GIC INTIDs).  Drivers attach handlers,
 * the controller's driver hands over how to mask, route and acknowledge.
 *
 * Handlers run in interrupt context with interrupts masked and may wake threads but not sleep.
 * They do not nest.  A handler never switches threads: it sets THREAD_NEED_RESCHED, and the way back
 * to user mode, the idle loop or a preemption point acts on it.
 *
 * Locking: the handler table is changed under one lock and read without any.  A handler is visible
 * once its line points at it (release; irq_deliver reads with acquire), and irq_detach waits until
 * no CPU can be inside it any more.
 */
#pragma once

#include "kernel/core/cpu.h"

typedef uint32_t irq_t;

enum irq_trigger { IRQ_LEVEL, IRQ_EDGE };

enum { IRQ_PERCPU_COUNT = 32 }; // INTIDs below are private to each CPU (GIC: SGIs and PPIs)

struct irq_handler {
    void (*handle)(void *context);    // [I]
    void *context;                    // [I]
    const char *name;                 // [I]
    irq_t irq;                        // [I] set by irq_attach
    _Atomic uint64_t count;           // [a] interrupts delivered
    struct irq_handler *_Atomic next; // [a] others on the same line
};

// The controller: all callable in any context.
struct irq_chip_ops {
    // Takes a pending interrupt, if there is one, and calls irq_deliver or cpu_handle_ipi for it.
    void (*dispatch)(void);
    void (*enable)(irq_t irq, enum irq_trigger trigger);
    void (*disable)(irq_t irq);
    void (*send_ipi)(struct cpu *target, enum ipi ipi);
    size_t irq_count; // INTIDs that exist
};

// The controller's driver, at boot.  `table` has ops->irq_count zeroed entries and is kept.
void irq_set_chip(const struct irq_chip_ops *ops, struct irq_handler **table);

// Whether there is one; nothing works without.
bool irq_has_chip(void);

// Attaches `h` (the caller's storage, until irq_detach) and enables the line.  ERR_INVAL: no such
// line.  ERR_NODEV: no controller.  Per-CPU lines are enabled on the calling CPU only.
status_t irq_attach(struct irq_handler *h, irq_t irq, enum irq_trigger trigger);

// Takes `h` off its line, disables the line when nobody is left on it, and returns once no CPU runs
// the handler.  Thread context, interrupts enabled.
void irq_detach(struct irq_handler *h);

// Enables a per-CPU line on this CPU too.
void irq_enable_percpu(irq_t irq, enum irq_trigger trigger);

// From the controller's dispatch.  A line without handler is disabled, so that it cannot storm.
void irq_deliver(irq_t irq);

// Sends an inter-processor interrupt; does nothing before there is a controller.
void irq_send_ipi(struct cpu *target, enum ipi ipi);

// Whether the running code is an interrupt handler.
bool irq_is_active(void);

// The line's handlers for statistics: the first, or NULL.
const struct irq_handler *irq_first_handler(irq_t irq);
