// SPDX-License-Identifier: Apache-2.0
/*
 * Devices of a device tree (Devicetree Specification 0.4).  One pass over the tree collects what has
 * a driver; everything else costs a look at its properties and no memory.
 */
#include "kernel/core/log.h"
#include "kernel/dev/device_priv.h"
#include "kernel/dev/fdt_node.h"
#include "kernel/dev/fdt_platform.h"
#include "kernel/mm/heap.h"
#include "lib/base/string.h"

enum {
    MAX_DEPTH = 16, // of nodes with devices; what lies deeper is left out
    MAX_IRQ_CELLS = 8,
};

// What a node with children says about their addresses and interrupts.
struct bus {
    const struct bus *parent; // NULL: the root, whose addresses are the CPU's
    uint32_t address_cells;
    uint32_t size_cells;
    uint32_t irq_parent; // phandle in force for the children, 0: none
    bool has_ranges;
    struct span ranges;
};

struct fdt_device {
    struct device_match match;
    struct fdt_node node;
    const struct bus *bus;  // that it is on
    uint32_t irq_parent;    // phandle, 0: none
    uint32_t phandle;       // its own, 0: none
    struct list controller; // of an interrupt controller: in `controllers`
};

static struct fdt tree;                                  // [I]
static struct list controllers = LIST_INIT(controllers); // interrupt controllers with a driver

static const struct fdt_device *of_device(const struct device *d)
{
    return container_of(d, struct fdt_device, match.device);
}

static status_t get_property(const struct device *d, const char *name, struct span *out)
{
    return fdt_property(&tree, &of_device(d)->node, name, out);
}

// ---- Addresses ----

// Reads numbers of a property one after the other.
struct reader {
    struct span value;
    size_t offset;
    bool is_valid; // no number so far was missing or too big
};

static uint64_t read_number(struct reader *r, uint32_t cells)
{
    uint64_t number = 0;
    r->is_valid &= fdt_cells(r->value, r->offset, cells, &number) == OK;
    r->offset += (size_t)cells * FDT_CELL_SIZE;
    return number;
}

// One step up: an address on `bus` becomes one on its parent (2.3.8).
static status_t translate_step(const struct bus *bus, uint64_t *address, uint64_t size)
{
    if (!bus->has_ranges) {
        return ERR_INVAL;
    }
    if (bus->ranges.size == 0) {
        return OK;
    }
    struct reader r = {.value = bus->ranges, .is_valid = true};
    while (r.offset < r.value.size) {
        uint64_t child = read_number(&r, bus->address_cells);
        uint64_t parent = read_number(&r, bus->parent->address_cells);
        uint64_t length = read_number(&r, bus->size_cells);
        uint64_t into = *address - child;
        if (!r.is_valid) {
            return ERR_INVAL;
        }
        if (*address >= child && into < length && size <= length - into) {
            *address = parent + into;
            return OK;
        }
    }
    return ERR_INVAL;
}

static status_t get_reg(const struct device *d, unsigned index, paddr_t *base, uint64_t *size)
{
    const struct bus *bus = of_device(d)->bus;
    struct span reg;
    status_t status = get_property(d, "reg", &reg);
    if (status != OK) {
        return status;
    }
    struct reader r = {.value = reg, .is_valid = true};
    r.offset = (size_t)index * (bus->address_cells + bus->size_cells) * FDT_CELL_SIZE;
    if (r.offset >= reg.size) {
        return ERR_NOENT;
    }
    uint64_t address = read_number(&r, bus->address_cells);
    uint64_t length = read_number(&r, bus->size_cells);
    if (!r.is_valid || length == 0) {
        return ERR_INVAL;
    }
    for (; bus->parent != NULL; bus = bus->parent) {
        status = translate_step(bus, &address, length);
        if (status != OK) {
            return status;
        }
    }
    if (address + length < address) {
        return ERR_INVAL;
    }
    *base = paddr(address);
    *size = length;
    return OK;
}

// ---- Interrupts ----

static const struct fdt_device *find_controller(uint32_t phandle)
{
    list_for_each (node, &controllers) {
        const struct fdt_device *c = container_of(node, struct fdt_device, controller);
        if (c->phandle == phandle && c->match.device.translate != NULL) {
            return c;
        }
    }
    return NULL;
}

// Reads the specifier at `*offset`, which is for `controller`, and moves on.
static status_t read_specifier(const struct fdt_device *controller, struct span value,
                               size_t *offset, irq_t *irq, enum irq_trigger *trigger)
{
    uint32_t cells[MAX_IRQ_CELLS];
    uint32_t count = fdt_u32_or(&tree, &controller->node, "#interrupt-cells", 0);
    if (count == 0 || count > MAX_IRQ_CELLS ||
        !span_has(value, *offset, (uint64_t)count * FDT_CELL_SIZE)) {
        return ERR_INVAL;
    }
    for (uint32_t i = 0; i < count; i++) {
        cells[i] = read_be32(value.data + *offset + (size_t)i * FDT_CELL_SIZE);
    }
    *offset += (size_t)count * FDT_CELL_SIZE;
    return controller->match.device.translate(cells, count, irq, trigger);
}

// Every entry names its own controller.
static status_t get_irq_extended(struct span value, unsigned index, irq_t *irq,
                                 enum irq_trigger *trigger)
{
    size_t offset = 0;
    for (unsigned i = 0; offset < value.size; i++) {
        uint64_t phandle;
        if (fdt_cells(value, offset, 1, &phandle) != OK) {
            return ERR_INVAL;
        }
        offset += FDT_CELL_SIZE;
        const struct fdt_device *controller = find_controller((uint32_t)phandle);
        if (controller == NULL) {
            return ERR_NODEV;
        }
        status_t status = read_specifier(controller, value, &offset, irq, trigger);
        if (status != OK || i == index) {
            return status;
        }
    }
    return ERR_NOENT;
}

static status_t get_irq(const struct device *d, unsigned index, irq_t *irq,
                        enum irq_trigger *trigger)
{
    struct span value;
    if (get_property(d, "interrupts-extended", &value) == OK) {
        return get_irq_extended(value, index, irq, trigger);
    }
    status_t status = get_property(d, "interrupts", &value);
    if (status != OK) {
        return status;
    }
    const struct fdt_device *controller = find_controller(of_device(d)->irq_parent);
    if (controller == NULL) {
        return ERR_NODEV;
    }
    uint32_t cells = fdt_u32_or(&tree, &controller->node, "#interrupt-cells", 0);
    size_t offset = (size_t)index * cells * FDT_CELL_SIZE;
    if (offset >= value.size) {
        return ERR_NOENT;
    }
    return read_specifier(controller, value, &offset, irq, trigger);
}

static const struct device_source fdt_source = {
    .reg = get_reg,
    .irq = get_irq,
    .property = get_property,
};

// ---- Enumeration ----

// One node on the way down.  What it says as a bus is read when the first device below it turns up.
struct level {
    struct fdt_node node;
    const struct bus *bus; // NULL: not read yet
};

struct walk {
    struct device_plan plan;
    struct fdt_node stdout_node;
    bool has_stdout;
    struct level levels[MAX_DEPTH];
};

static const struct driver *find_driver(const struct fdt_node *node)
{
    struct span compatible;
    if (fdt_property(&tree, node, "compatible", &compatible) != OK) {
        return NULL;
    }
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

static status_t make_bus(const struct fdt_node *node, const struct bus *parent,
                         const struct bus **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct bus), &memory);
    if (status != OK) {
        return status;
    }
    struct bus *bus = memory;
    uint32_t inherited = parent != NULL ? parent->irq_parent : 0;
    *bus = (struct bus){
        .parent = parent,
        .address_cells = fdt_u32_or(&tree, node, "#address-cells", FDT_ADDRESS_CELLS),
        .size_cells = fdt_u32_or(&tree, node, "#size-cells", FDT_SIZE_CELLS),
        .irq_parent = fdt_u32_or(&tree, node, "interrupt-parent", inherited),
    };
    bus->has_ranges = fdt_property(&tree, node, "ranges", &bus->ranges) == OK;
    *out = bus;
    return OK;
}

// Makes sure that the buses from the root down to `depth` are known.
static status_t make_buses(struct walk *w, unsigned depth)
{
    const struct bus *parent = NULL;
    for (unsigned i = 0; i <= depth; i++) {
        struct level *level = &w->levels[i];
        if (level->bus == NULL) {
            status_t status = make_bus(&level->node, parent, &level->bus);
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
    unsigned parent = node->depth - 1;
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
    d->match.device.name = fdt_node_name(&tree, node);
    d->match.device.source = &fdt_source;
    d->match.driver = driver;
    d->node = *node;
    d->bus = w->levels[parent].bus;
    d->irq_parent = fdt_u32_or(&tree, node, "interrupt-parent", d->bus->irq_parent);
    d->phandle = fdt_u32_or(&tree, node, "phandle", 0);
    if (driver->stage == DEVICE_IRQ_CHIP) {
        list_add_tail(&controllers, &d->controller);
    }
    // The firmware's console goes first, so that it is the one that becomes the console.
    bool is_stdout = w->has_stdout && node->offset == w->stdout_node.offset;
    device_plan_add(&w->plan, &d->match, is_stdout ? DEVICE_FIRST : DEVICE_LAST);
    return OK;
}

static status_t walk_tree(struct walk *w)
{
    struct fdt_node node;
    uint32_t disabled = UINT32_MAX; // depth of the disabled node that we are below
    status_t status = fdt_root(&tree, &node);
    if (status != OK) {
        return status;
    }
    w->levels[0] = (struct level){.node = node};
    for (status = fdt_next_node(&tree, &node, &node); status == OK;
         status = fdt_next_node(&tree, &node, &node)) {
        if (node.depth >= MAX_DEPTH || node.depth > disabled) {
            continue;
        }
        bool is_enabled = fdt_is_enabled(&tree, &node);
        disabled = is_enabled ? UINT32_MAX : node.depth;
        if (!is_enabled) {
            continue;
        }
        w->levels[node.depth] = (struct level){.node = node};
        const struct driver *driver = find_driver(&node);
        status_t added = driver != NULL ? add_device(w, &node, driver) : OK;
        if (added != OK) {
            return added;
        }
    }
    return status == ERR_NOENT ? OK : status;
}

status_t device_probe_fdt(struct span fdt)
{
    status_t status = fdt_open(fdt, &tree);
    if (status != OK) {
        return status;
    }
    void *memory;
    status = heap_zalloc(sizeof(struct walk), &memory);
    if (status != OK) {
        return status;
    }
    struct walk *w = memory;
    device_plan_init(&w->plan);
    w->has_stdout = fdt_platform_stdout(&tree, &w->stdout_node) == OK;
    status = walk_tree(w);
    // What was found is used even if memory ran out on the way: a console may tell of it.
    device_plan_run(&w->plan);
    heap_free(w);
    return status;
}
