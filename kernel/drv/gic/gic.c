// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/irq.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/time.h"
#include "kernel/drv/gic/gic_priv.h"

// Interrupt specifier, first cell (the GIC's device tree binding).
enum {
    SPECIFIER_SPI = 0,
    SPECIFIER_PPI = 1,
};

// Several lines share a configuration register, which has no set and clear forms.
static struct spinlock config_lock = SPINLOCK_INIT("gic config", RANK_LOG);

static constexpr nsec_t HANDSHAKE_TIMEOUT = 100 * NSEC_PER_MSEC;

unsigned gic_line_count(vaddr_t dist)
{
    // ITLinesNumber; its highest value would include the special INTIDs.
    unsigned count = 32 * ((arch_mmio_read32(dist + GICD_TYPER) & 0x1f) + 1);
    return count < GIC_FIRST_SPECIAL ? count : GIC_FIRST_SPECIAL;
}

static vaddr_t bit_register(vaddr_t frame, unsigned offset, irq_t irq)
{
    return frame + offset + 4ul * (irq / 32);
}

void gic_reset_lines(vaddr_t frame, unsigned first, unsigned count, enum gic_group group)
{
    for (unsigned irq = first; irq < first + count; irq += 32) {
        arch_mmio_write32(bit_register(frame, GICD_ICENABLER, irq), UINT32_MAX);
        arch_mmio_write32(bit_register(frame, GICD_ICPENDR, irq), UINT32_MAX);
        arch_mmio_write32(bit_register(frame, GICD_ICACTIVER, irq), UINT32_MAX);
        arch_mmio_write32(bit_register(frame, GICD_IGROUPR, irq),
                          group == GIC_GROUP1 ? UINT32_MAX : 0);
    }
    for (unsigned irq = first; irq < first + count; irq += 4) {
        arch_mmio_write32(frame + GICD_IPRIORITYR + irq, GIC_PRIORITY * 0x01010101u);
    }
}

void gic_line_enable(vaddr_t frame, irq_t irq)
{
    arch_mmio_write32(bit_register(frame, GICD_ISENABLER, irq), 1u << irq % 32);
}

void gic_line_disable(vaddr_t frame, irq_t irq)
{
    arch_mmio_write32(bit_register(frame, GICD_ICENABLER, irq), 1u << irq % 32);
}

void gic_line_set_trigger(vaddr_t frame, irq_t irq, enum irq_trigger trigger)
{
    vaddr_t reg = frame + GICD_ICFGR + 4ul * (irq / 16);
    uint32_t bit = 2u << 2 * (irq % 16);
    irqflags_t flags = spin_lock_irqsave(&config_lock);
    uint32_t old = arch_mmio_read32(reg);
    uint32_t new = trigger == IRQ_EDGE ? old | bit : old & ~bit;
    if (new != old) {
        arch_mmio_write32(reg, new);
    }
    spin_unlock_irqrestore(&config_lock, flags);
}

status_t gic_translate(const uint32_t *cells, unsigned count, irq_t *irq, enum irq_trigger *trigger)
{
    if (count < 3) {
        return ERR_INVAL;
    }
    uint32_t base;
    uint32_t limit;
    switch (cells[0]) {
    case SPECIFIER_SPI:
        base = GIC_FIRST_SPI;
        limit = GIC_FIRST_SPECIAL;
        break;
    case SPECIFIER_PPI:
        base = GIC_FIRST_PPI;
        limit = GIC_FIRST_SPI;
        break;
    default: return ERR_NOTSUP;
    }
    if (cells[1] >= limit - base) {
        return ERR_INVAL;
    }
    *irq = base + cells[1];
    // 1 rising edge, 2 falling edge, 4 and 8 level; above them a PPI's mask of CPUs.
    *trigger = (cells[2] & 3) != 0 ? IRQ_EDGE : IRQ_LEVEL;
    return OK;
}

status_t gic_wait(vaddr_t reg, uint32_t mask, uint32_t value)
{
    nsec_t deadline = time_now() + HANDSHAKE_TIMEOUT;
    while ((arch_mmio_read32(reg) & mask) != value) {
        if (time_now() > deadline) {
            return ERR_TIMEDOUT;
        }
        arch_relax();
    }
    return OK;
}
