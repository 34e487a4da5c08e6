// SPDX-License-Identifier: Apache-2.0
/*
 * What GICv2 (Arm IHI 0048B) and GICv3 (Arm IHI 0069H) share: the distributor's registers for a
 * range of interrupt lines.  A GICv3 redistributor has the same registers for the lines below 32 in
 * its SGI frame, so every function here takes the frame that holds the line.
 */
#pragma once

#include "kernel/core/irq.h"

// Register offsets in a frame (IHI 0048B 4.1.2, IHI 0069H 12.8 and 12.10).
enum {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_IGROUPR = 0x080,
    GICD_ISENABLER = 0x100,
    GICD_ICENABLER = 0x180,
    GICD_ICPENDR = 0x280,
    GICD_ICACTIVER = 0x380,
    GICD_IPRIORITYR = 0x400,
    GICD_ITARGETSR = 0x800, // GICv2
    GICD_ICFGR = 0xc00,
    GICD_SGIR = 0xf00,     // GICv2
    GICD_IROUTER = 0x6000, // GICv3
};

enum {
    GIC_FIRST_PPI = 16,
    GIC_FIRST_SPI = 32,
    GIC_FIRST_SPECIAL = 1020, // INTIDs 1020..1023 say that nothing is pending
    GIC_LAST_SPECIAL = 1023,
    GIC_PRIORITY = 0xa0,      // of every line: the kernel does not nest interrupts
    GIC_PRIORITY_MASK = 0xf0, // lets everything above idle priority through
};

// The number of INTIDs that the distributor at `dist` has, 32 to 1020.
unsigned gic_line_count(vaddr_t dist);

/*
 * Group 1 is what Non-secure software handles, and on GICv3 what the kernel enables.  On a GICv2 with
 * a single security state the plain enable bits are those of group 0; with two states its
 * Non-secure software sees group 1 behind those same bits and cannot write the group registers.
 */
enum gic_group { GIC_GROUP0, GIC_GROUP1 };

// Brings the lines [first, first + count) to a known state: disabled, neither pending nor active, of
// this group, one priority.  `first` is a multiple of 32.
void gic_reset_lines(vaddr_t frame, unsigned first, unsigned count, enum gic_group group);

void gic_line_enable(vaddr_t frame, irq_t irq);
void gic_line_disable(vaddr_t frame, irq_t irq);

// The line is disabled.  Has no effect on lines whose trigger is fixed (SGIs, most PPIs).
void gic_line_set_trigger(vaddr_t frame, irq_t irq, enum irq_trigger trigger);

// The three cells of an interrupt specifier (the "interrupts" property): kind, number, flags.
// ERR_INVAL: not of that form.  ERR_NOTSUP: an extended range.
status_t gic_translate(const uint32_t *cells, unsigned count, irq_t *irq,
                       enum irq_trigger *trigger);

// Waits a bounded time until (register & mask) == value.  ERR_TIMEDOUT.
status_t gic_wait(vaddr_t reg, uint32_t mask, uint32_t value);
