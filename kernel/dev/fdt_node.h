// SPDX-License-Identifier: Apache-2.0
/* What a node's properties mean when they are absent, for fdt.c and fdt_platform.c. */
#pragma once

#include "lib/fdt/fdt.h"

enum {
    FDT_CELL_SIZE = 4,
    FDT_ADDRESS_CELLS = 2, // where a parent says nothing (Devicetree Specification 2.3.5)
    FDT_SIZE_CELLS = 1,
};

static inline uint32_t fdt_u32_or(const struct fdt *f, const struct fdt_node *node,
                                  const char *name, uint32_t fallback)
{
    uint32_t value;
    return fdt_property_u32(f, node, name, &value) == OK ? value : fallback;
}
