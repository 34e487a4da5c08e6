// SPDX-License-Identifier: Apache-2.0
/*
 * Devices: what the firmware's description (device tree; ACPI will stand beside it in dev/acpi.c)
 * says there is, and which driver takes it.
 *
 * A driver names what it drives in a table and is probed once per match, in the order of stages:
 * the interrupt controller before whatever needs interrupts.  A device whose driver fails is logged
 * by name and left alone.
 */
#pragma once

#include "kernel/core/irq.h"
#include "lib/base/span.h"
#include "lib/base/types.h"

enum device_stage {
    DEVICE_IRQ_CHIP, // interrupt controllers
    DEVICE_TIMER,    // per-CPU timers
    DEVICE_FIRMWARE, // PSCI
    DEVICE_CONSOLE,  // UARTs
    DEVICE_NORMAL,   // the rest
    DEVICE_STAGES,
};

struct device {
    const char *name;       // path-like, for the log: "pl011@9000000"
    const void *node;       // the description's own handle (struct fdt_node)
    const struct device_source *source;
};

// How a description answers; one per kind of firmware table.
struct device_source {
    status_t (*reg)(const struct device *d, unsigned index, paddr_t *base, uint64_t *size);
    status_t (*irq)(const struct device *d, unsigned index, irq_t *irq, enum irq_trigger *trigger);
    status_t (*property)(const struct device *d, const char *name, struct span *out);
};

struct driver {
    const char *name;
    const char *const *compatible;   // NULL-terminated
    enum device_stage stage;
    status_t (*probe)(struct device *d); // the device record lives for ever
};

// Drivers register by a linker section, so that the image's contents are its list of files.
#define DRIVER(symbol)                                                                 \
    __attribute__((section("drivers"), used)) static const struct driver *const symbol##_entry = \
        &(symbol)

status_t device_reg(const struct device *d, unsigned index, paddr_t *base, uint64_t *size);
status_t device_irq(const struct device *d, unsigned index, irq_t *irq, enum irq_trigger *trigger);
status_t device_property(const struct device *d, const char *name, struct span *out);
status_t device_property_u32(const struct device *d, const char *name, uint32_t *out);
bool device_has_property(const struct device *d, const char *name);
bool device_is_compatible(const struct device *d, const char *compatible);

// Maps register window `index` and gives its address and size.
status_t device_map(const struct device *d, unsigned index, vaddr_t *va, uint64_t *size);

// Boot: probes the drivers of all devices of the tree at `fdt`, stage by stage.
status_t device_probe_fdt(struct span fdt);
