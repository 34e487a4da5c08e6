// SPDX-License-Identifier: Apache-2.0
/*
 * Devices of a device tree (Devicetree Specification 0.4).  One pass over the tree collects what has
 * a driver; everything else costs a look at its properties and no memory.
 */
#include "kernel/dev/fdt_devices.h"

#include "kernel/core/log.h"
#include "kernel/dev/fdt_devices_priv.h"
#include "kernel/dev/fdt_node.h"
#include "kernel/dev/fdt_platform.h"
#include "kernel/mm/heap.h"
#include "lib/base/string.h"

enum { MAX_DEPTH = 16 }; // of nodes with devices; what lies deeper is left out

// ---- Enumeration ----

// One node on the way down.  What it says as a bus is read when the first device below it turns up.
struct level {
    struct fdt_node node;
    const struct fdt_bus *bus; // NULL: not read yet
};

struct walk {
    struct fdt_devices *tree;
    struct fdt_node stdout_node;
    bool has_stdout;
    struct level levels[MAX_DEPTH];
};

// What decides about a node, read in one pass over its properties.
struct candidate {
    bool is_enabled;
    struct span compatible; // empty: none
};

static struct candidate read_candidate(const struct fdt *fdt, const struct fdt_node *node)
{
    struct candidate c = {.is_enabled = true};
    struct fdt_property p = fdt_properties(node);
    while (fdt_next_property(fdt, &p) == OK) {
        if (strcmp(p.name, "compatible") == 0) {
            c.compatible = p.value;
        } else if (strcmp(p.name, "status") == 0) {
            c.is_enabled = fdt_list_has(p.value, "okay", NULL) || fdt_list_has(p.value, "ok", NULL);
        }
    }
    return c;
}

static const struct driver *find_driver(struct span compatible)
{
    const struct driver *driver = NULL;
    size_t start = 0;
    // Most specific first (2.3.1).  A last string without its end is none.
    while (driver == NULL && start < compatible.size) {
        const char *name = (const char *)compatible.data + start;
        size_t len = strnlen(name, compatible.size - start);
        if (start + len < compatible.size) {
            driver = driver_find(name);
        }
        start += len + 1;
    }
    return driver;
}

static status_t make_bus(struct fdt_devices *tree, const struct fdt_node *node,
                         const struct fdt_bus *parent, const struct fdt_bus **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct fdt_bus), &memory);
    if (status != OK) {
        return status;
    }
    struct fdt_bus *bus = memory;
    uint32_t inherited = parent != NULL ? parent->irq_parent : 0;
    *bus = (struct fdt_bus){
        .parent = parent,
        .address_cells = fdt_u32_or(&tree->fdt, node, "#address-cells", FDT_ADDRESS_CELLS),
        .size_cells = fdt_u32_or(&tree->fdt, node, "#size-cells", FDT_SIZE_CELLS),
        .irq_parent = fdt_u32_or(&tree->fdt, node, "interrupt-parent", inherited),
    };
    bus->has_ranges = fdt_property(&tree->fdt, node, "ranges", &bus->ranges) == OK;
    list_add_tail(&tree->buses, &bus->link);
    *out = bus;
    return OK;
}

// Makes sure that the buses from the root down to `depth` are known.
static status_t make_buses(struct walk *w, uint32_t depth)
{
    const struct fdt_bus *parent = NULL;
    for (uint32_t i = 0; i <= depth; i++) {
        struct level *level = &w->levels[i];
        if (level->bus == NULL) {
            status_t status = make_bus(w->tree, &level->node, parent, &level->bus);
            if (status != OK) {
                return status;
            }
        }
        parent = level->bus;
    }
    return OK;
}

static status_t add_device(struct walk *w, const struct fdt_node *node, const struct driver *driver)
{
    struct fdt_devices *tree = w->tree;
    uint32_t parent = node->depth - 1;
    status_t status = make_buses(w, parent);
    if (status != OK) {
        return status;
    }
    void *memory;
    status = heap_zalloc(sizeof(struct fdt_device), &memory);
    if (status != OK) {
        return status;
    }
    struct fdt_device *d = memory;
    d->match.device.name = fdt_node_name(&tree->fdt, node);
    d->match.device.source = &fdt_device_source;
    d->match.driver = driver;
    d->tree = tree;
    d->node = *node;
    d->bus = w->levels[parent].bus;
    d->irq_parent = fdt_u32_or(&tree->fdt, node, "interrupt-parent", d->bus->irq_parent);
    d->phandle = fdt_u32_or(&tree->fdt, node, "phandle", 0);
    if (driver->stage == DEVICE_IRQ_CHIP) {
        list_add_tail(&tree->controllers, &d->controller);
    }
    // The firmware's console goes first, so that it is the one that becomes ours.
    bool is_stdout = w->has_stdout && node->offset == w->stdout_node.offset;
    device_plan_add(&tree->plan, &d->match, is_stdout ? DEVICE_FIRST : DEVICE_LAST);
    return OK;
}

// ERR_NOMEM.  Where the tree is corrupt it ends.
static status_t walk_tree(struct walk *w)
{
    const struct fdt *fdt = &w->tree->fdt;
    struct fdt_node node;
    uint32_t disabled = UINT32_MAX; // depth of the disabled node that we are below
    status_t status = fdt_root(fdt, &node);
    w->levels[0] = (struct level){.node = node};
    while (status == OK) {
        status = fdt_next_node(fdt, &node, &node);
        if (status != OK || node.depth >= MAX_DEPTH || node.depth > disabled) {
            continue;
        }
        struct candidate c = read_candidate(fdt, &node);
        disabled = c.is_enabled ? UINT32_MAX : node.depth;
        w->levels[node.depth] = (struct level){.node = node};
        const struct driver *driver = c.is_enabled ? find_driver(c.compatible) : NULL;
        status_t added = driver != NULL ? add_device(w, &node, driver) : OK;
        if (added != OK) {
            return added;
        }
    }
    if (status != ERR_NOENT) {
        log_warn("device", "the device tree is corrupt; what follows is not used");
    }
    return OK;
}

static status_t collect(struct fdt_devices *tree)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct walk), &memory);
    if (status != OK) {
        return status;
    }
    struct walk *w = memory;
    w->tree = tree;
    w->has_stdout = fdt_platform_stdout(&tree->fdt, &w->stdout_node) == OK;
    status = walk_tree(w);
    heap_free(w);
    return status;
}

status_t fdt_devices_create(struct span fdt, struct fdt_devices **out)
{
    struct fdt opened;
    void *memory;
    status_t status = fdt_open(fdt, &opened);
    if (status != OK) {
        return status;
    }
    status = heap_alloc(sizeof(struct fdt_devices), &memory);
    if (status != OK) {
        return status;
    }
    struct fdt_devices *tree = memory;
    tree->fdt = opened;
    device_plan_init(&tree->plan);
    list_init(&tree->buses);
    list_init(&tree->controllers);
    status = collect(tree);
    if (status != OK) {
        fdt_devices_destroy(tree);
        return status;
    }
    *out = tree;
    return OK;
}

void fdt_devices_destroy(struct fdt_devices *tree)
{
    for (unsigned i = 0; i < DEVICE_STAGES; i++) {
        list_for_each_safe (node, &tree->plan.stages[i]) {
            heap_free(container_of(node, struct fdt_device, match.link));
        }
    }
    list_for_each_safe (node, &tree->buses) {
        heap_free(container_of(node, struct fdt_bus, link));
    }
    heap_free(tree);
}

void fdt_devices_probe(struct fdt_devices *tree)
{
    device_plan_run(&tree->plan);
}

status_t device_probe_fdt(struct span fdt)
{
    struct fdt_devices *tree;
    status_t status = fdt_devices_create(fdt, &tree);
    if (status == OK) {
        fdt_devices_probe(tree); // and keep it: devices live for ever
    }
    return status;
}
