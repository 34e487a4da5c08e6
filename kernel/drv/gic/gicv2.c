// SPDX-License-Identifier: Apache-2.0
/* GICv2 (Arm IHI 0048B): distributor and CPU interfaces in memory, at most eight CPUs. */
#include "kernel/core/cpu.h"
#include "kernel/core/log.h"
#include "kernel/dev/device.h"
#include "kernel/drv/gic/gic_priv.h"
#include "kernel/mm/heap.h"

// The CPU interface (IHI 0048B 4.1.3).
enum {
    GICC_CTLR = 0x00,
    GICC_PMR = 0x04,
    GICC_BPR = 0x08,
    GICC_IAR = 0x0c,
    GICC_EOIR = 0x10,
};

enum {
    ENABLE = 1,
    IAR_INTID = 0x3ff,
    SGIR_TARGETS_SHIFT = 16,
    DIST_SIZE = 0x1000,
    CPU_SIZE = 0x100,
};

struct gicv2 {
    vaddr_t dist;         // [I]
    vaddr_t cpu;          // [I] each CPU sees its own interface here
    uint32_t boot_target; // [I] mask of the CPU that takes all SPIs
    struct irq_chip_ops ops;
};
static struct gicv2 gicv2;

// A CPU's bit in target masks, kept in its record.
static uint32_t cpu_target(const struct cpu *c)
{
    return (uint32_t)(uintptr_t)c->irq_chip_data;
}

/*
 * The target registers of the private lines read as the reading CPU's own mask (4.3.12); which of
 * the four bytes carry it depends on the lines that exist.
 */
static uint32_t read_own_target(void)
{
    uint32_t mask = 0;
    for (unsigned irq = 0; irq < GIC_FIRST_SPI; irq += 4) {
        mask |= arch_mmio_read32(gicv2.dist + GICD_ITARGETSR + irq);
    }
    mask |= mask >> 16;
    mask |= mask >> 8;
    mask &= 0xff;
    // A distributor for a single CPU reads as zero.
    return mask == 0 ? 1 : mask;
}

static void init_cpu(struct cpu *self)
{
    self->irq_chip_data = (void *)(uintptr_t)read_own_target();
    gic_reset_lines(gicv2.dist, 0, GIC_FIRST_SPI, GIC_GROUP0);
    // SGIs may always be delivered; where they cannot be disabled this changes nothing.
    arch_mmio_write32(gicv2.dist + GICD_ISENABLER, 0xffff);
    arch_mmio_write32(gicv2.cpu + GICC_PMR, GIC_PRIORITY_MASK);
    arch_mmio_write32(gicv2.cpu + GICC_BPR, 0);
    arch_mmio_write32(gicv2.cpu + GICC_CTLR, ENABLE);
}

// One interrupt: if more are pending, the CPU takes the exception again, which costs less than
// asking every time.
static void dispatch(void)
{
    // An SGI's acknowledgement names its sender, and the end of interrupt must repeat it.
    uint32_t iar = arch_mmio_read32(gicv2.cpu + GICC_IAR);
    uint32_t irq = iar & IAR_INTID;
    if (irq >= GIC_FIRST_SPECIAL) {
        return;
    }
    if (irq < GIC_FIRST_PPI) {
        arch_mmio_write32(gicv2.cpu + GICC_EOIR, iar);
        cpu_handle_ipi((enum ipi)irq);
    } else {
        // Ended after the handler: a level line must be low again by then.
        irq_deliver(irq);
        arch_mmio_write32(gicv2.cpu + GICC_EOIR, iar);
    }
}

static void enable(irq_t irq, enum irq_trigger trigger)
{
    gic_line_set_trigger(gicv2.dist, irq, trigger);
    if (irq >= GIC_FIRST_SPI) {
        arch_mmio_write8(gicv2.dist + GICD_ITARGETSR + irq, (uint8_t)gicv2.boot_target);
    }
    gic_line_enable(gicv2.dist, irq);
}

static void disable(irq_t irq)
{
    gic_line_disable(gicv2.dist, irq);
}

static void send_ipi(struct cpu *target, enum ipi ipi)
{
    arch_barrier_io(); // what the other CPU shall see is visible before the interrupt
    arch_mmio_write32(gicv2.dist + GICD_SGIR,
                      cpu_target(target) << SGIR_TARGETS_SHIFT | (uint32_t)ipi);
}

static struct cpu_start_hook start_hook = {.run = init_cpu};

static void init_distributor(unsigned lines)
{
    arch_mmio_write32(gicv2.dist + GICD_CTLR, 0);
    gic_reset_lines(gicv2.dist, GIC_FIRST_SPI, lines - GIC_FIRST_SPI, GIC_GROUP0);
    init_cpu(cpu_this());
    gicv2.boot_target = cpu_target(cpu_this());
    arch_mmio_write32(gicv2.dist + GICD_CTLR, ENABLE);
}

static status_t probe(struct device *d)
{
    if (gicv2.dist != 0) {
        return ERR_BUSY;
    }
    vaddr_t dist;
    void *table;
    status_t status = device_map(d, 0, DIST_SIZE, &dist);
    if (status != OK) {
        return status;
    }
    status = device_map(d, 1, CPU_SIZE, &gicv2.cpu);
    if (status != OK) {
        return status;
    }
    unsigned lines = gic_line_count(dist);
    status = heap_alloc_array(lines, sizeof(struct irq_handler *), &table);
    if (status != OK) {
        return status;
    }
    gicv2.dist = dist;
    gicv2.ops = (struct irq_chip_ops){
        .dispatch = dispatch,
        .enable = enable,
        .disable = disable,
        .send_ipi = send_ipi,
        .irq_count = lines,
    };
    init_distributor(lines);
    cpu_on_start(&start_hook);
    irq_set_chip(&gicv2.ops, (struct irq_handler **)table);
    device_set_irq_translate(d, gic_translate);
    log_info("gic", "GICv2 with %u lines", lines);
    return OK;
}

static const char *const compatible[] = {
    "arm,cortex-a15-gic", "arm,gic-400", "arm,cortex-a7-gic", "arm,cortex-a9-gic", NULL,
};

static const struct driver gicv2_driver = {
    .name = "gicv2",
    .compatible = compatible,
    .stage = DEVICE_IRQ_CHIP,
    .probe = probe,
};
DRIVER(gicv2_driver);
