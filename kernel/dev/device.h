// SPDX-License-Identifier: Apache-2.0
/*
 * Devices: what the firmware's description (device tree; ACPI will stand beside it in dev/acpi.c)
 * says there is, and which driver takes it.
 *
 * A driver names what it drives in a table and is probed once per match, in the order of stages:
 * the interrupt controller before whatever needs interrupts.  A device whose driver fails is logged
 * by name and left alone; a device without a driver costs nothing.
 *
 * Device records live for ever and are read-only after their probe, so nothing here locks.
 * Everything is for boot, in thread context.
 */
#pragma once

#include "kernel/core/irq.h"
#include "lib/base/span.h"
#include "lib/base/types.h"

enum device_stage {
    DEVICE_IRQ_CHIP, // interrupt controllers
    DEVICE_MSI,      // what turns messages into interrupts
    DEVICE_TIMER,    // per-CPU timers
    DEVICE_FIRMWARE, // PSCI
    DEVICE_CONSOLE,  // UARTs
    DEVICE_NORMAL,   // the rest
    DEVICE_STAGES,
};

// Gives the interrupt behind an interrupt specifier of `count` cells.  ERR_INVAL, ERR_NOTSUP.
typedef status_t (*irq_translate_t)(const uint32_t *cells, unsigned count, irq_t *irq,
                                    enum irq_trigger *trigger);

// Part of the addresses behind a bridge to another kind of bus, as "ranges" of a PCI host has them.
struct device_range {
    uint32_t space; // which address space: the first cell
    uint64_t child; // the first address there
    paddr_t base;   // the same for the CPU
    uint64_t size;
};

enum { DEVICE_CHILD_CELLS = 4 }; // of a PCI function's interrupt: its address (3), its pin

struct device_source;

struct device {
    const char *name;                   // [I] as in the description, for the log: "pl011@9000000"
    const struct device_source *source; // [I]
    irq_translate_t translate;          // [I] of an interrupt controller, from its probe on
};

// How a description answers; one per kind of firmware table.
struct device_source {
    status_t (*reg)(const struct device *d, unsigned index, paddr_t *base, uint64_t *size);
    status_t (*irq)(const struct device *d, unsigned index, irq_t *irq, enum irq_trigger *trigger);
    status_t (*range)(const struct device *d, unsigned index, struct device_range *out);
    status_t (*child_irq)(const struct device *d, const uint32_t child[DEVICE_CHILD_CELLS],
                          irq_t *irq, enum irq_trigger *trigger);
    status_t (*property)(const struct device *d, const char *name, struct span *out);
    bool (*is_stdout)(const struct device *d);
};

struct driver {
    const char *name;
    const char *const *compatible; // NULL-terminated
    enum device_stage stage;
    status_t (*probe)(struct device *d);
};

// Drivers register by a linker section, so that the image's contents are its list of files.
#define DRIVER(symbol)                                                                             \
    __attribute__((section("drivers"), used,                                                       \
                   retain)) static const struct driver *const symbol##_entry = &(symbol)

// Register window `index` in the CPU's physical addresses.  ERR_NOENT: the device has no such
// window.  ERR_INVAL: the description is broken or the CPU cannot reach it.
status_t device_reg(const struct device *d, unsigned index, paddr_t *base, uint64_t *size);

// Interrupt `index`.  ERR_NOENT: the device has no such interrupt.  ERR_INVAL: the description is
// broken.  ERR_NODEV: its controller has no driver.
status_t device_irq(const struct device *d, unsigned index, irq_t *irq, enum irq_trigger *trigger);

// Of a PCI host: entry `index` of the addresses behind it.  ERR_NOENT: no more.  ERR_INVAL.
status_t device_range(const struct device *d, unsigned index, struct device_range *out);

// Of a PCI host: the interrupt of a function behind it, by the cells of the function's address and
// pin.  ERR_NOENT: it has none.  ERR_INVAL, ERR_NODEV as device_irq.
status_t device_child_irq(const struct device *d, const uint32_t child[DEVICE_CHILD_CELLS],
                          irq_t *irq, enum irq_trigger *trigger);

// A property as it stands in the description (device trees: big endian).  ERR_NOENT, ERR_INVAL.
status_t device_property(const struct device *d, const char *name, struct span *out);
status_t device_property_u32(const struct device *d, const char *name, uint32_t *out);
bool device_has_property(const struct device *d, const char *name);
bool device_is_compatible(const struct device *d, const char *compatible);

// The position of `name` in the string-list property `list` ("interrupt-names").  ERR_NOENT.
status_t device_find_name(const struct device *d, const char *list, const char *name,
                          unsigned *index);

// Whether the firmware names this device as its console.
bool device_is_stdout(const struct device *d);

// Maps register window `index`, for ever; device_reg gives its size.  ERR_INVAL also when it is
// smaller than the `min_size` bytes that the driver is about to touch.  ERR_NOMEM.
status_t device_map(const struct device *d, unsigned index, uint64_t min_size, vaddr_t *va);

// From an interrupt controller's probe: how to read specifiers that refer to it.
void device_set_irq_translate(struct device *d, irq_translate_t translate);

// Boot: probes the drivers of all devices of the tree at `fdt`, stage by stage.  The tree stays
// where it is, mapped, for ever.  ERR_INVAL: not a device tree.  ERR_NOMEM.
status_t device_probe_fdt(struct span fdt);
