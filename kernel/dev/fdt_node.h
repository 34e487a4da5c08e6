// SPDX-License-Identifier: Apache-2.0
/* Reading single nodes, for fdt.c and fdt_platform.c. */
#pragma once

#include "lib/fdt/fdt.h"

// Whether the node's status allows its use.
bool fdt_node_is_okay(const struct fdt *fdt, const struct fdt_node *node);

// Whether the string `text` is all of `value`, or one of the strings in the list `value`.
bool fdt_value_is(struct span value, const char *text);
bool fdt_value_has(struct span value, const char *text);

// The strings of a list one by one: true and the next one from `*offset` on.
bool fdt_value_next(struct span value, size_t *offset, const char **text);

// The 32-bit property `name`, or `fallback` if there is none of that size.
uint32_t fdt_node_u32(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                      uint32_t fallback);

// Reads a number of 1 or 2 cells at `offset` and moves on.  ERR_INVAL: another number of cells, or
// past the end.
status_t fdt_read_cells(struct span value, size_t *offset, uint32_t cells, uint64_t *out);
