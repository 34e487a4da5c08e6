// SPDX-License-Identifier: Apache-2.0
/*
 * Interrupts: numbers are those of the interrupt controller (GIC INTIDs).  Drivers attach handlers,
 * the controller's driver hands over how to mask, route and acknowledge.
 *
 * Handlers run in interrupt context with interrupts masked and may wake threads but not sleep.
 */
#pragma once

#include "kernel/core/cpu.h"

typedef uint32_t irq_t;

enum irq_trigger { IRQ_LEVEL, IRQ_EDGE };

struct irq_handler {
    void (*handle)(void *context); // [I]
    void *context;                 // [I]
    const char *name;              // [I]
    irq_t irq;                     // [I]
    _Atomic uint64_t count;        // [a]
    struct irq_handler *next;      // [irq lock] others on the same line (RCU-free: attach at boot, never freed while enabled)
};

// The controller: all callable in any context.
struct irq_chip_ops {
    // Takes pending interrupts one by one and calls irq_deliver or cpu_handle_ipi for each.
    void (*dispatch)(void);
    void (*enable)(irq_t irq, enum irq_trigger trigger);
    void (*disable)(irq_t irq);
    void (*send_ipi)(struct cpu *target, enum ipi ipi);
    size_t irq_count; // INTIDs that exist
};

// The controller's driver, at boot.  `table` has ops->irq_count zeroed entries and is kept.
void irq_set_chip(const struct irq_chip_ops *ops, struct irq_handler **table);

// Attaches `h` (the caller's storage, until irq_detach) and enables the line.  ERR_INVAL: no such
// line.  ERR_NODEV: no controller.  Per-CPU lines (below 32) are enabled on the calling CPU only.
status_t irq_attach(struct irq_handler *h, irq_t irq, enum irq_trigger trigger);
void irq_detach(struct irq_handler *h);

// Enables a per-CPU line on this CPU too.
void irq_enable_percpu(irq_t irq, enum irq_trigger trigger);

// From the controller's dispatch.
void irq_deliver(irq_t irq);

// Whether the running code is an interrupt handler.
bool irq_is_active(void);
