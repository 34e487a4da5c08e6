// SPDX-License-Identifier: Apache-2.0
/*
 * Device trees: names and values lie inside the blob, and the two ways to walk the tree, all nodes in
 * order and children by siblings, meet the same nodes.
 */
#include "lib/fdt/fdt.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static bool is_inside(const struct fdt *f, const void *data, size_t size)
{
    size_t start = (size_t)((const uint8_t *)data - f->blob.data);
    return span_has(f->blob, start, size);
}

// False when the node turns out to be corrupt.
static bool check_properties(const struct fdt *f, const struct fdt_node *node)
{
    struct fdt_property p = fdt_properties(node);
    status_t status;
    while ((status = fdt_next_property(f, &p)) == OK) {
        struct span value;
        uint64_t number;
        const char *text;
        require(is_inside(f, p.name, strlen(p.name) + 1));
        require(is_inside(f, p.value.data, p.value.size));
        require(fdt_property(f, node, p.name, &value) == OK);
        if (fdt_property_string(f, node, p.name, &text) == OK) {
            require(is_inside(f, text, strlen(text) + 1));
            require(fdt_list_has(value, text, NULL));
        }
        require((fdt_cells(p.value, 0, 2, &number) == OK) == (p.value.size >= 8));
    }
    require(status == ERR_NOENT || status == ERR_INVAL);
    return status == ERR_NOENT;
}

// The children of `node` by siblings; each must be met by the walk over all nodes too.
static size_t count_children(const struct fdt *f, const struct fdt_node *node)
{
    struct fdt_node child;
    size_t count = 0;
    for (status_t s = fdt_first_child(f, node, &child); s == OK;
         s = fdt_next_sibling(f, &child, &child)) {
        require(child.depth == node->depth + 1);
        count++;
    }
    return count;
}

static void check_nodes(const struct fdt *f)
{
    struct fdt_node node;
    size_t nodes = 0;
    size_t children = 0;
    bool is_sound = true;
    status_t status = fdt_root(f, &node);
    for (; status == OK; status = fdt_next_node(f, &node, &node)) {
        const char *name = fdt_node_name(f, &node);
        require(is_inside(f, name, strlen(name) + 1));
        is_sound &= check_properties(f, &node);
        (void)fdt_is_enabled(f, &node);
        children += count_children(f, &node);
        nodes++;
    }
    if (status == ERR_NOENT && is_sound) {
        require(children + 1 == nodes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // A copy of its own, so that the sanitizer sees its end and the alignment is right.
    uint8_t *copy = malloc(size);
    struct fdt f;
    struct fdt_node node;
    require(copy != NULL);
    memcpy(copy, data, size);
    if (fdt_open(span_of(copy, size), &f) == OK) {
        check_nodes(&f);
        (void)fdt_find_path(&f, "/chosen", &node);
        (void)fdt_find_path_n(&f, (const char *)data, size < 20 ? size : 20, &node);
        uint64_t base;
        uint64_t length;
        for (unsigned i = 0; fdt_reservation(&f, i, &base, &length) == OK; i++) {
        }
    }
    free(copy);
    return 0;
}
