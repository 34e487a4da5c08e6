// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/irq.h"

#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/spinlock.h"

struct irq_cpu {
    unsigned depth;            // [c] 1 inside an interrupt
    _Atomic uint32_t delivers; // [a] line being delivered plus one; 0: none
};
PERCPU(struct irq_cpu, irq_cpu);

static struct {
    struct spinlock lock;           // writers of the table
    const struct irq_chip_ops *ops; // [I] NULL: none yet
    struct irq_handler **table;     // [I] per line: the first handler
} irqs = {.lock = SPINLOCK_INIT("irq", RANK_IRQ)};

// The table entries are written by the driver as plain pointers and shared as atomics.
static struct irq_handler *_Atomic *line_of(irq_t irq)
{
    return (struct irq_handler * _Atomic *)&irqs.table[irq];
}

void irq_set_chip(const struct irq_chip_ops *ops, struct irq_handler **table)
{
    irqs.table = table;
    irqs.ops = ops;
}

bool irq_has_chip(void)
{
    return irqs.ops != NULL;
}

bool irq_is_active(void)
{
    return this_cpu(irq_cpu)->depth != 0;
}

void kernel_irq(void)
{
    struct irq_cpu *here = this_cpu(irq_cpu);
    if (UNLIKELY(irqs.ops == NULL)) {
        panic("an interrupt, and no interrupt controller"); // nobody could silence it
    }
    here->depth++;
    irqs.ops->dispatch();
    here->depth--;
}

void irq_deliver(irq_t irq)
{
    struct irq_cpu *here = this_cpu(irq_cpu);
    // Sequentially consistent with the check in irq_detach: either it sees us, or we do not see the
    // handler it unlinked.
    atomic_store(&here->delivers, irq + 1);
    struct irq_handler *h = irq < irqs.ops->irq_count ? atomic_load(line_of(irq)) : NULL;
    if (UNLIKELY(h == NULL) && irq < irqs.ops->irq_count) {
        irqs.ops->disable(irq);
        log_warn("irq", "interrupt %u has no handler", irq);
    }
    while (h != NULL) {
        atomic_fetch_add_explicit(&h->count, 1, memory_order_relaxed);
        h->handle(h->context);
        h = atomic_load_explicit(&h->next, memory_order_acquire);
    }
    atomic_store_explicit(&here->delivers, 0, memory_order_release);
}

status_t irq_attach(struct irq_handler *h, irq_t irq, enum irq_trigger trigger)
{
    if (irqs.ops == NULL) {
        return ERR_NODEV;
    }
    if (irq >= irqs.ops->irq_count) {
        return ERR_INVAL;
    }
    h->irq = irq;
    atomic_init(&h->count, 0);
    irqflags_t flags = spin_lock_irqsave(&irqs.lock);
    struct irq_handler *_Atomic *line = line_of(irq);
    atomic_init(&h->next, atomic_load_explicit(line, memory_order_relaxed));
    atomic_store_explicit(line, h, memory_order_release);
    irqs.ops->enable(irq, trigger);
    spin_unlock_irqrestore(&irqs.lock, flags);
    return OK;
}

static void unlink_handler(struct irq_handler *h)
{
    irqflags_t flags = spin_lock_irqsave(&irqs.lock);
    struct irq_handler *_Atomic *link = line_of(h->irq);
    while (atomic_load_explicit(link, memory_order_relaxed) != h) {
        link = &atomic_load_explicit(link, memory_order_relaxed)->next;
    }
    atomic_store(link, atomic_load_explicit(&h->next, memory_order_relaxed));
    if (atomic_load_explicit(line_of(h->irq), memory_order_relaxed) == NULL) {
        irqs.ops->disable(h->irq);
    }
    spin_unlock_irqrestore(&irqs.lock, flags);
}

void irq_detach(struct irq_handler *h)
{
    lock_check_may_sleep();
    unlink_handler(h);
    // Handlers are short and do not sleep, so this wait is as short.
    cpu_for_each_online(c)
    {
        struct irq_cpu *there = cpu_var(c, irq_cpu);
        while (atomic_load(&there->delivers) == h->irq + 1) {
            arch_relax();
        }
    }
}

void irq_enable_percpu(irq_t irq, enum irq_trigger trigger)
{
    irqs.ops->enable(irq, trigger);
}

void irq_send_ipi(struct cpu *target, enum ipi ipi)
{
    if (irqs.ops != NULL) {
        irqs.ops->send_ipi(target, ipi);
    }
}

const struct irq_handler *irq_first_handler(irq_t irq)
{
    if (irqs.ops == NULL || irq >= irqs.ops->irq_count) {
        return NULL;
    }
    return atomic_load_explicit(line_of(irq), memory_order_acquire);
}
