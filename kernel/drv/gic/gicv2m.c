// SPDX-License-Identifier: Apache-2.0
/*
 * GICv2m frames (Arm Server Base System Architecture, appendix E): a register that makes shared
 * interrupts of the numbers that devices write to it.
 */
#include "kernel/core/log.h"
#include "kernel/core/spinlock.h"
#include "kernel/dev/device.h"
#include "kernel/dev/msi.h"
#include "kernel/drv/gic/gic_priv.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "lib/base/bits.h"

enum {
    MSI_TYPER = 0x008,
    MSI_SETSPI_NS = 0x040,
    REGISTERS_SIZE = 0x1000,
    TYPER_FIRST_SHIFT = 16,
    TYPER_MASK = 0x3ff,
};

struct gicv2m {
    struct msi_controller msi;
    paddr_t frame;  // [I]
    irq_t first;    // [I]
    uint32_t count; // [I]
    struct spinlock lock;
    bool is_taken[]; // [l]
};

static status_t alloc(struct msi_controller *c, irq_t *irq, struct msi_message *message)
{
    struct gicv2m *m = container_of(c, struct gicv2m, msi);
    status_t status = ERR_NOENT;
    irqflags_t flags = spin_lock_irqsave(&m->lock);
    for (uint32_t i = 0; i < m->count && status != OK; i++) {
        if (!m->is_taken[i]) {
            m->is_taken[i] = true;
            *irq = m->first + i;
            status = OK;
        }
    }
    spin_unlock_irqrestore(&m->lock, flags);
    if (status == OK) {
        *message = (struct msi_message){paddr_add(m->frame, MSI_SETSPI_NS), *irq};
    }
    return status;
}

static void free_irq(struct msi_controller *c, irq_t irq)
{
    struct gicv2m *m = container_of(c, struct gicv2m, msi);
    irqflags_t flags = spin_lock_irqsave(&m->lock);
    m->is_taken[irq - m->first] = false;
    spin_unlock_irqrestore(&m->lock, flags);
}

static const struct msi_ops ops = {.alloc = alloc, .free = free_irq};

// Firmware may correct what the register says.  ERR_INVAL: not numbers of shared interrupts.
static status_t read_range(const struct device *d, irq_t *first, uint32_t *count)
{
    vaddr_t frame;
    status_t status = device_map(d, 0, REGISTERS_SIZE, &frame);
    if (status != OK) {
        return status;
    }
    uint32_t typer = arch_mmio_read32(frame + MSI_TYPER);
    kmap_unmap(frame);
    *first = typer >> TYPER_FIRST_SHIFT & TYPER_MASK;
    *count = typer & TYPER_MASK;
    (void)device_property_u32(d, "arm,msi-base-spi", first);
    (void)device_property_u32(d, "arm,msi-num-spis", count);
    bool is_valid = *first >= GIC_FIRST_SPI && *first < GIC_FIRST_SPECIAL && *count != 0 &&
                    *count <= GIC_FIRST_SPECIAL - *first;
    return is_valid ? OK : ERR_INVAL;
}

static status_t probe(struct device *d)
{
    paddr_t frame;
    uint64_t size;
    irq_t first;
    uint32_t count;
    void *memory;
    status_t status = read_range(d, &first, &count);
    if (status != OK) {
        return status;
    }
    status = device_reg(d, 0, &frame, &size);
    if (status != OK) {
        return status;
    }
    status = heap_zalloc(sizeof(struct gicv2m) + count * sizeof(bool), &memory);
    if (status != OK) {
        return status;
    }
    struct gicv2m *m = memory;
    m->msi.ops = &ops;
    m->frame = frame;
    m->first = first;
    m->count = count;
    spin_init(&m->lock, "gicv2m", RANK_DEVICE);
    // Without a phandle nobody can name it.
    (void)device_property_u32(d, "phandle", &m->msi.phandle);
    msi_add(&m->msi);
    log_debug("gic", "%s: %u messages from interrupt %u on", d->name, count, first);
    return OK;
}

static const char *const compatible[] = {"arm,gic-v2m-frame", NULL};

static const struct driver gicv2m_driver = {
    .name = "gicv2m",
    .compatible = compatible,
    .stage = DEVICE_MSI,
    .probe = probe,
};
DRIVER(gicv2m_driver);
