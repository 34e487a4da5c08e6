// SPDX-License-Identifier: Apache-2.0
/* What fdt_devices.c collects and fdt_resource.c answers from. */
#pragma once

#include "kernel/dev/device_priv.h"
#include "lib/fdt/fdt.h"

// What a node with children says about their addresses and interrupts.
struct fdt_bus {
    const struct fdt_bus *parent; // NULL: the root, whose addresses are the CPU's
    uint32_t address_cells;
    uint32_t size_cells;
    uint32_t irq_parent; // phandle in force for the children, 0: none
    bool has_ranges;
    struct span ranges;
    struct list link;
};

struct fdt_device {
    struct device_match match;
    struct fdt_devices *tree;
    struct fdt_node node;
    const struct fdt_bus *bus; // that it is on
    uint32_t irq_parent;       // phandle, 0: none
    uint32_t phandle;          // its own, 0: none
    struct list controller;    // of an interrupt controller: in `controllers`
};

struct fdt_devices {
    struct fdt fdt;          // [I]
    struct device_plan plan; // devices by stage
    struct list buses;       // struct bus
    struct list controllers; // interrupt controllers with a driver: struct fdt_device
};

// Answers for devices of a device tree (fdt_resource.c).
extern const struct device_source fdt_device_source;
