// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/fdt_node.h"

#include "lib/base/string.h"

enum { CELL_SIZE = 4 };

bool fdt_value_is(struct span value, const char *text)
{
    size_t size = strlen(text) + 1;
    return value.size == size && memcmp(value.data, text, size) == 0;
}

bool fdt_value_next(struct span value, size_t *offset, const char **text)
{
    size_t left = value.size - *offset;
    const char *start = (const char *)value.data + *offset;
    size_t len = strnlen(start, left);
    if (len == left) {
        return false; // the end, or a last string without its NUL
    }
    *text = start;
    *offset += len + 1;
    return true;
}

bool fdt_value_has(struct span value, const char *text)
{
    size_t offset = 0;
    const char *entry;
    while (fdt_value_next(value, &offset, &entry)) {
        if (strcmp(entry, text) == 0) {
            return true;
        }
    }
    return false;
}

bool fdt_node_is_okay(const struct fdt *fdt, const struct fdt_node *node)
{
    struct span status;
    return fdt_property(fdt, node, "status", &status) != OK || fdt_value_is(status, "okay") ||
           fdt_value_is(status, "ok");
}

uint32_t fdt_node_u32(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                      uint32_t fallback)
{
    struct span value;
    if (fdt_property(fdt, node, name, &value) != OK || value.size != CELL_SIZE) {
        return fallback;
    }
    return read_be32(value.data);
}

status_t fdt_read_cells(struct span value, size_t *offset, uint32_t cells, uint64_t *out)
{
    if (cells == 0 || cells > 2 || !span_has(value, *offset, (uint64_t)cells * CELL_SIZE)) {
        return ERR_INVAL;
    }
    const uint8_t *from = value.data + *offset;
    *out = cells == 2 ? read_be64(from) : read_be32(from);
    *offset += (size_t)cells * CELL_SIZE;
    return OK;
}
