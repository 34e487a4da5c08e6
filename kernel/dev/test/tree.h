// SPDX-License-Identifier: Apache-2.0
/*
 * Writes flattened device trees for tests (Devicetree Specification 0.4, chapter 5):
 *
 *     struct tree *t = tree_start();
 *     tree_node(t, "memory@0");
 *     tree_string(t, "device_type", "memory");
 *     tree_cells(t, "reg", 4, 0, 0x40000000, 0, 0x10000000);
 *     tree_end(t);
 *     struct span blob = tree_finish(t);
 */
#pragma once

#include <stdarg.h>

#include "lib/base/bits.h"
#include "lib/base/span.h"
#include "lib/base/string.h"

enum {
    TREE_SIZE = 16384,
    TREE_HEADER = 40,
    TREE_RESERVATIONS = 4,
    TREE_STRUCTURE = TREE_HEADER + (TREE_RESERVATIONS + 1) * 16,
};

struct tree {
    uint8_t blob[TREE_SIZE];
    uint32_t len;
    uint32_t reservations;
    char strings[1024];
    uint32_t strings_len;
};

static inline void tree_put(struct tree *t, size_t offset, uint32_t value)
{
    t->blob[offset] = (uint8_t)(value >> 24);
    t->blob[offset + 1] = (uint8_t)(value >> 16);
    t->blob[offset + 2] = (uint8_t)(value >> 8);
    t->blob[offset + 3] = (uint8_t)value;
}

static inline void tree_add(struct tree *t, uint32_t value)
{
    tree_put(t, t->len, value);
    t->len += 4;
}

static inline void tree_bytes(struct tree *t, const void *bytes, size_t size)
{
    memcpy(t->blob + t->len, bytes, size);
    t->len = (uint32_t)align_up(t->len + size, 4);
}

static inline void tree_node(struct tree *t, const char *name)
{
    tree_add(t, 1);
    tree_bytes(t, name, strlen(name) + 1);
}

static inline void tree_end(struct tree *t)
{
    tree_add(t, 2);
}

static inline void tree_data(struct tree *t, const char *name, const void *value, size_t size)
{
    tree_add(t, 3);
    tree_add(t, (uint32_t)size);
    tree_add(t, t->strings_len);
    tree_bytes(t, value, size);
    memcpy(t->strings + t->strings_len, name, strlen(name) + 1);
    t->strings_len += (uint32_t)strlen(name) + 1;
}

static inline void tree_string(struct tree *t, const char *name, const char *value)
{
    tree_data(t, name, value, strlen(value) + 1);
}

static inline void tree_cells(struct tree *t, const char *name, unsigned count, ...)
{
    uint8_t bytes[64 * 4];
    va_list cells;
    va_start(cells, count);
    for (unsigned i = 0; i < count; i++) {
        uint32_t cell = va_arg(cells, uint32_t);
        bytes[4ul * i] = (uint8_t)(cell >> 24);
        bytes[4ul * i + 1] = (uint8_t)(cell >> 16);
        bytes[4ul * i + 2] = (uint8_t)(cell >> 8);
        bytes[4ul * i + 3] = (uint8_t)cell;
    }
    va_end(cells);
    tree_data(t, name, bytes, 4ul * count);
}

// A tree with an open root of 2 address and 2 size cells; there is one at a time.
static inline struct tree *tree_start(void)
{
    static struct tree tree;
    memset(&tree, 0, sizeof(tree));
    tree.len = TREE_STRUCTURE;
    tree_node(&tree, "");
    tree_cells(&tree, "#address-cells", 1, 2);
    tree_cells(&tree, "#size-cells", 1, 2);
    return &tree;
}

static inline void tree_reserve(struct tree *t, uint64_t base, uint64_t size)
{
    uint32_t at = TREE_HEADER + t->reservations++ * 16;
    tree_put(t, at, (uint32_t)(base >> 32));
    tree_put(t, at + 4, (uint32_t)base);
    tree_put(t, at + 8, (uint32_t)(size >> 32));
    tree_put(t, at + 12, (uint32_t)size);
}

// Closes the root and writes the header.
static inline struct span tree_finish(struct tree *t)
{
    tree_end(t);
    tree_add(t, 9);
    uint32_t strings = t->len;
    tree_bytes(t, t->strings, t->strings_len);
    const uint32_t header[] = {
        0xd00dfeed, t->len,         TREE_STRUCTURE,          strings, TREE_HEADER, 17, 16,
        0,          t->strings_len, strings - TREE_STRUCTURE};
    for (uint32_t i = 0; i < ARRAY_SIZE(header); i++) {
        tree_put(t, 4ul * i, header[i]);
    }
    return span_of(t->blob, t->len);
}
