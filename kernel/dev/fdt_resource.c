// SPDX-License-Identifier: Apache-2.0
/*
 * What a node of a device tree says about addresses and interrupts of its device (Devicetree
 * Specification 0.4, 2.3.6 to 2.4).
 */
#include "kernel/dev/fdt_devices_priv.h"
#include "kernel/dev/fdt_node.h"

enum {
    MAX_IRQ_CELLS = 8,
    // Of what is behind a PCI host (IEEE 1275, PCI Bus Binding 2.1).
    PCI_ADDRESS_CELLS = 3,
    PCI_SIZE_CELLS = 2,
    PCI_IRQ_CELLS = 1,
};
static_assert(PCI_ADDRESS_CELLS + PCI_IRQ_CELLS == DEVICE_CHILD_CELLS);

static const struct fdt_device *of_device(const struct device *d)
{
    return container_of(d, struct fdt_device, match.device);
}

static status_t get_property(const struct device *d, const char *name, struct span *out)
{
    const struct fdt_device *device = of_device(d);
    return fdt_property(&device->tree->fdt, &device->node, name, out);
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
static status_t translate_step(const struct fdt_bus *bus, uint64_t *address, uint64_t size)
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

// All the way up: an address on `bus` becomes the CPU's.
static status_t translate(const struct fdt_bus *bus, uint64_t *address, uint64_t size)
{
    for (; bus->parent != NULL; bus = bus->parent) {
        status_t status = translate_step(bus, address, size);
        if (status != OK) {
            return status;
        }
    }
    return *address + size < *address ? ERR_INVAL : OK;
}

static status_t get_reg(const struct device *d, unsigned index, paddr_t *base, uint64_t *size)
{
    const struct fdt_bus *bus = of_device(d)->bus;
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
    status = translate(bus, &address, length);
    if (status != OK) {
        return status;
    }
    *base = paddr(address);
    *size = length;
    return OK;
}

static bool has_pci_cells(const struct fdt_device *d)
{
    const struct fdt *fdt = &d->tree->fdt;
    return fdt_u32_or(fdt, &d->node, "#address-cells", 0) == PCI_ADDRESS_CELLS &&
           fdt_u32_or(fdt, &d->node, "#size-cells", 0) == PCI_SIZE_CELLS;
}

static status_t get_range(const struct device *d, unsigned index, struct device_range *out)
{
    const struct fdt_bus *bus = of_device(d)->bus;
    struct span ranges;
    status_t status = get_property(d, "ranges", &ranges);
    if (status != OK) {
        return status;
    }
    struct reader r = {.value = ranges, .is_valid = true};
    r.offset =
        (size_t)index * (PCI_ADDRESS_CELLS + bus->address_cells + PCI_SIZE_CELLS) * FDT_CELL_SIZE;
    if (r.offset >= ranges.size) {
        return ERR_NOENT;
    }
    struct device_range range = {.space = (uint32_t)read_number(&r, 1)};
    range.child = read_number(&r, PCI_ADDRESS_CELLS - 1);
    uint64_t address = read_number(&r, bus->address_cells);
    range.size = read_number(&r, PCI_SIZE_CELLS);
    if (!has_pci_cells(of_device(d)) || !r.is_valid || range.size == 0 ||
        range.child + range.size < range.child) {
        return ERR_INVAL;
    }
    status = translate(bus, &address, range.size);
    if (status != OK) {
        return status;
    }
    range.base = paddr(address);
    *out = range;
    return OK;
}

// ---- Interrupts ----

static const struct fdt_device *find_controller(const struct fdt_devices *tree, uint32_t phandle)
{
    list_for_each (node, &tree->controllers) {
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
    uint32_t count = fdt_u32_or(&controller->tree->fdt, &controller->node, "#interrupt-cells", 0);
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
static status_t get_irq_extended(const struct fdt_devices *tree, struct span value, unsigned index,
                                 irq_t *irq, enum irq_trigger *trigger)
{
    size_t offset = 0;
    for (unsigned i = 0; offset < value.size; i++) {
        uint64_t phandle;
        if (fdt_cells(value, offset, 1, &phandle) != OK) {
            return ERR_INVAL;
        }
        offset += FDT_CELL_SIZE;
        const struct fdt_device *controller = find_controller(tree, (uint32_t)phandle);
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
    const struct fdt_device *device = of_device(d);
    struct span value;
    if (get_property(d, "interrupts-extended", &value) == OK) {
        return get_irq_extended(device->tree, value, index, irq, trigger);
    }
    status_t status = get_property(d, "interrupts", &value);
    if (status != OK) {
        return status;
    }
    const struct fdt_device *controller = find_controller(device->tree, device->irq_parent);
    if (controller == NULL) {
        return ERR_NODEV;
    }
    uint32_t cells = fdt_u32_or(&device->tree->fdt, &controller->node, "#interrupt-cells", 0);
    size_t offset = (size_t)index * cells * FDT_CELL_SIZE;
    if (offset >= value.size) {
        return ERR_NOENT;
    }
    return read_specifier(controller, value, &offset, irq, trigger);
}

// Whether an entry's cells are those of the child, as far as the mask lets them count.
static bool is_entry_of(const uint8_t *entry, const uint8_t *mask, const uint32_t *child)
{
    for (size_t i = 0; i < DEVICE_CHILD_CELLS; i++) {
        uint32_t counts = mask == NULL ? UINT32_MAX : read_be32(mask + i * FDT_CELL_SIZE);
        if (((read_be32(entry + i * FDT_CELL_SIZE) ^ child[i]) & counts) != 0) {
            return false;
        }
    }
    return true;
}

// 2.4.3: entries of the child's cells, a controller, an address that it does not need, a specifier.
static status_t get_child_irq(const struct device *d, const uint32_t child[DEVICE_CHILD_CELLS],
                              irq_t *irq, enum irq_trigger *trigger)
{
    enum { CHILD_SIZE = DEVICE_CHILD_CELLS * FDT_CELL_SIZE };
    const struct fdt_devices *tree = of_device(d)->tree;
    struct span map;
    struct span mask = {0};
    status_t status = get_property(d, "interrupt-map", &map);
    if (status != OK) {
        return status;
    }
    if (!has_pci_cells(of_device(d)) ||
        (get_property(d, "interrupt-map-mask", &mask) == OK && mask.size != CHILD_SIZE)) {
        return ERR_INVAL;
    }
    size_t at = 0;
    while (span_has(map, at, CHILD_SIZE + FDT_CELL_SIZE)) {
        bool is_it = is_entry_of(map.data + at, mask.data, child);
        const struct fdt_device *controller =
            find_controller(tree, read_be32(map.data + at + CHILD_SIZE));
        if (controller == NULL) {
            return ERR_NODEV; // nor is it known where the next entry begins
        }
        at += CHILD_SIZE + FDT_CELL_SIZE;
        at +=
            (size_t)FDT_CELL_SIZE * fdt_u32_or(&tree->fdt, &controller->node, "#address-cells", 0);
        status = read_specifier(controller, map, &at, irq, trigger);
        if (status != OK || is_it) {
            return status;
        }
    }
    return at == map.size ? ERR_NOENT : ERR_INVAL;
}

const struct device_source fdt_device_source = {
    .reg = get_reg,
    .range = get_range,
    .irq = get_irq,
    .child_irq = get_child_irq,
    .property = get_property,
};
