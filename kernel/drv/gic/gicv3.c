// SPDX-License-Identifier: Apache-2.0
/* GICv3 and later (Arm IHI 0069H): a distributor, a redistributor a CPU, CPU interfaces in system
 * registers. */
#include "kernel/core/cpu.h"
#include "kernel/core/log.h"
#include "kernel/dev/device.h"
#include "kernel/drv/gic/gic_priv.h"
#include "kernel/drv/gic/gicr.h"
#include "kernel/drv/gic/gicv3_sysreg.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"

/*
 * GICD_CTLR as Non-secure software sees it, and as a distributor with a single security state has
 * it: in both layouts these two bits are affinity routing and group 1 (12.9.4).
 */
enum {
    CTLR_ENABLE_GROUP1 = 1u << 1,
    CTLR_AFFINITY_ROUTING = 1u << 4,
};
static constexpr uint32_t CTLR_WRITE_PENDING = 1u << 31;

enum {
    DIST_SIZE = 0x10000,
    STRIDE_UNIT = 0x10000, // frames are 64 KiB
    STRIDE_MAX = 0x1000000,
};

static constexpr uint32_t TYPER_RANGE_SELECTOR = 1u << 26;
static constexpr uint64_t ICC_CTLR_RANGE_SELECTOR = 1u << 18;
static constexpr uint32_t INTID_MASK = 0xffffff;

struct redistributor {
    vaddr_t base;     // [I]
    uint64_t typer;   // [I] GICR_TYPER
    struct list link; // [I]
};

struct gicv3 {
    vaddr_t dist;               // [I]
    struct list redistributors; // [I] of all CPUs
    uint64_t stride;            // [I]
    uint64_t route;             // [I] GICD_IROUTER of the CPU that takes all SPIs
    struct irq_chip_ops ops;
};
static struct gicv3 gicv3 = {.redistributors = LIST_INIT(gicv3.redistributors)};

// The frame with the registers of `irq`: of the private lines, this CPU's.
static vaddr_t frame_of(irq_t irq)
{
    if (irq >= GIC_FIRST_SPI) {
        return gicv3.dist;
    }
    return (vaddr_t)cpu_this()->irq_chip_data + GICR_SGI_FRAME;
}

// Whether software-generated interrupts reach this CPU: list positions from 16 on need the range
// selector at both ends.
static bool can_receive_sgis(const struct cpu *self)
{
    return (self->hwid & 0xff) < 16 ||
           ((arch_mmio_read32(gicv3.dist + GICD_TYPER) & TYPER_RANGE_SELECTOR) != 0 &&
            (icc_read_ctlr() & ICC_CTLR_RANGE_SELECTOR) != 0);
}

// 0: the CPU has none.
static vaddr_t find_redistributor(const struct cpu *c)
{
    list_for_each (node, &gicv3.redistributors) {
        const struct redistributor *r = container_of(node, struct redistributor, link);
        if (gicr_is_of(r->typer, c->hwid)) {
            return r->base;
        }
    }
    return 0;
}

static status_t init_cpu(struct cpu *self)
{
    vaddr_t redist = find_redistributor(self);
    if (redist == 0) {
        log_error("gic", "CPU %u (%#llx) has no redistributor", self->index,
                  (unsigned long long)self->hwid);
        return ERR_NODEV;
    }
    status_t status = gicr_wake(redist);
    if (status != OK) {
        log_error("gic", "CPU %u: its redistributor does not wake up", self->index);
        return status;
    }
    if (!icc_enable_sre()) {
        log_error("gic", "CPU %u: firmware denies the CPU interface's system registers",
                  self->index);
        return ERR_NOTSUP;
    }
    if (!can_receive_sgis(self)) {
        log_error("gic", "CPU %u (%#llx) cannot be reached by interrupts", self->index,
                  (unsigned long long)self->hwid);
        return ERR_NOTSUP;
    }
    self->irq_chip_data = (void *)redist;
    gic_reset_lines(redist + GICR_SGI_FRAME, 0, GIC_FIRST_SPI, GIC_GROUP1);
    arch_mmio_write32(redist + GICR_SGI_FRAME + GICD_ISENABLER, 0xffff);
    icc_enable(GIC_PRIORITY_MASK);
    return OK;
}

// One interrupt: if more are pending, the CPU takes the exception again, which costs less than
// asking every time.
static void dispatch(void)
{
    uint32_t irq = icc_read_iar1() & INTID_MASK;
    if (irq >= GIC_FIRST_SPECIAL && irq <= GIC_LAST_SPECIAL) {
        return;
    }
    if (irq < GIC_FIRST_PPI) {
        icc_write_eoir1(irq);
        cpu_handle_ipi((enum ipi)irq);
    } else {
        // Ended after the handler: a level line must be low again by then.
        irq_deliver(irq);
        icc_write_eoir1(irq);
    }
}

static void enable(irq_t irq, enum irq_trigger trigger)
{
    gic_line_set_trigger(frame_of(irq), irq, trigger);
    if (irq >= GIC_FIRST_SPI) {
        arch_mmio_write64(gicv3.dist + GICD_IROUTER + 8ull * irq, gicv3.route);
    }
    gic_line_enable(frame_of(irq), irq);
}

static void disable(irq_t irq)
{
    gic_line_disable(frame_of(irq), irq);
}

static void send_ipi(struct cpu *target, enum ipi ipi)
{
    arch_barrier_io(); // what the other CPU shall see is visible before the interrupt
    icc_write_sgi1r(gicv3_sgi_value(target->hwid, ipi));
}

// A CPU without a working interrupt controller never takes work; init_cpu has said why.
static void start_cpu(struct cpu *self)
{
    if (init_cpu(self) != OK) {
        arch_cpu_halt();
    }
}

static struct cpu_start_hook start_hook = {.run = start_cpu};

static status_t init_distributor(unsigned lines)
{
    vaddr_t dist = gicv3.dist;
    arch_mmio_write32(dist + GICD_CTLR, 0);
    status_t status = gic_wait(dist + GICD_CTLR, CTLR_WRITE_PENDING, 0);
    if (status != OK) {
        return status;
    }
    // Affinity routing first: it decides which of the following registers exist.
    arch_mmio_write32(dist + GICD_CTLR, CTLR_AFFINITY_ROUTING);
    gic_reset_lines(dist, GIC_FIRST_SPI, lines - GIC_FIRST_SPI, GIC_GROUP1);
    status = gic_wait(dist + GICD_CTLR, CTLR_WRITE_PENDING, 0);
    if (status != OK) {
        return status;
    }
    gicv3.route = gicv3_route_value(cpu_this()->hwid);
    arch_mmio_write32(dist + GICD_CTLR, CTLR_AFFINITY_ROUTING | CTLR_ENABLE_GROUP1);
    return gic_wait(dist + GICD_CTLR, CTLR_WRITE_PENDING, 0);
}

// Maps one redistributor and notes whose it is.  The region may have room for many more than there
// are, so it is not mapped as a whole.
static status_t add_redistributor(paddr_t pa, uint64_t *typer)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct redistributor), &memory);
    if (status != OK) {
        return status;
    }
    struct redistributor *r = memory;
    status = kmap_device(pa, GICR_FRAMES_SIZE, &r->base);
    if (status != OK) {
        heap_free(r);
        return status;
    }
    r->typer = arch_mmio_read64(r->base + GICR_TYPER);
    list_add_tail(&gicv3.redistributors, &r->link);
    *typer = r->typer;
    return OK;
}

static status_t add_region(const struct device *d, unsigned index)
{
    paddr_t base;
    struct gicr_walk w = {.stride = gicv3.stride};
    status_t status = device_reg(d, index, &base, &w.size);
    while (status == OK && gicr_walk_has(&w)) {
        uint64_t typer;
        status = add_redistributor(paddr_add(base, w.offset), &typer);
        if (status == OK) {
            gicr_walk_next(&w, typer);
        }
    }
    return status;
}

// Register window 0 is the distributor, then come the redistributor regions.
static status_t add_regions(const struct device *d)
{
    uint32_t count = 1;
    status_t status = device_property_u32(d, "#redistributor-regions", &count);
    if (status == ERR_NOENT) {
        status = OK;
    }
    for (uint32_t i = 0; i < count && status == OK; i++) {
        status = add_region(d, 1 + i);
    }
    return status;
}

static status_t map_registers(const struct device *d)
{
    struct span stride;
    if (device_property(d, "redistributor-stride", &stride) == OK && stride.size == 8) {
        gicv3.stride = read_be64(stride.data);
        if (!is_aligned(gicv3.stride, STRIDE_UNIT) || gicv3.stride > STRIDE_MAX) {
            return ERR_INVAL;
        }
    }
    status_t status = add_regions(d);
    if (status != OK) {
        return status;
    }
    return device_map(d, 0, DIST_SIZE, &gicv3.dist);
}

static status_t probe(struct device *d)
{
    if (gicv3.dist != 0) {
        return ERR_BUSY;
    }
    status_t status = map_registers(d);
    if (status != OK) {
        return status;
    }
    unsigned lines = gic_line_count(gicv3.dist);
    void *table;
    status = heap_alloc_array(lines, sizeof(struct irq_handler *), &table);
    if (status != OK) {
        return status;
    }
    status = init_distributor(lines);
    if (status != OK) {
        return status;
    }
    status = init_cpu(cpu_this());
    if (status != OK) {
        return status;
    }
    gicv3.ops = (struct irq_chip_ops){
        .dispatch = dispatch,
        .enable = enable,
        .disable = disable,
        .send_ipi = send_ipi,
        .irq_count = lines,
    };
    cpu_on_start(&start_hook);
    irq_set_chip(&gicv3.ops, (struct irq_handler **)table);
    device_set_irq_translate(d, gic_translate);
    log_info("gic", "GICv3 with %u lines", lines);
    return OK;
}

static const char *const compatible[] = {"arm,gic-v3", NULL};

static const struct driver gicv3_driver = {
    .name = "gicv3",
    .compatible = compatible,
    .stage = DEVICE_IRQ_CHIP,
    .probe = probe,
};
DRIVER(gicv3_driver);
