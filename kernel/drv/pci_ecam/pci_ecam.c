// SPDX-License-Identifier: Apache-2.0
/*
 * PCI hosts whose configuration space is memory (PCI Express 5.0, 7.2.2: ECAM), as a device tree
 * describes them (IEEE 1275, PCI Bus Binding 2.1; "host-generic-pci").
 */
#include "kernel/core/log.h"
#include "kernel/dev/device.h"
#include "kernel/dev/pci/pci.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "lib/base/bits.h"

enum {
    BUS_SHIFT = 20, // a bus is 1 MiB of configuration space
    DEVFN_SHIFT = 12,
    BUSES = 256,
};

struct pci_ecam {
    struct pci_host host;
    const struct device *device; // [I]
    paddr_t base;                // [I] of the first bus
    vaddr_t buses[BUSES];        // 0: not mapped
};

static struct pci_ecam *of_host(struct pci_host *h)
{
    return container_of(h, struct pci_ecam, host);
}

static status_t open_bus(struct pci_host *h, uint8_t bus)
{
    struct pci_ecam *e = of_host(h);
    uint64_t offset = (uint64_t)(bus - h->first_bus) << BUS_SHIFT;
    return kmap_device(paddr_add(e->base, offset), 1ul << BUS_SHIFT, &e->buses[bus]);
}

static vaddr_t place_of(struct pci_host *h, uint8_t bus, uint8_t devfn, unsigned offset)
{
    return of_host(h)->buses[bus] + ((vaddr_t)devfn << DEVFN_SHIFT) + offset;
}

static uint32_t read(struct pci_host *h, uint8_t bus, uint8_t devfn, unsigned offset)
{
    return arch_mmio_read32(place_of(h, bus, devfn, offset));
}

static void write(struct pci_host *h, uint8_t bus, uint8_t devfn, unsigned offset, uint32_t value)
{
    arch_mmio_write32(place_of(h, bus, devfn, offset), value);
}

static status_t find_irq(struct pci_host *h, uint8_t devfn, unsigned pin, irq_t *irq,
                         enum irq_trigger *trigger)
{
    const uint32_t child[DEVICE_CHILD_CELLS] = {(uint32_t)h->first_bus << 16 | (uint32_t)devfn << 8,
                                                0, 0, pin};
    return device_child_irq(of_host(h)->device, child, irq, trigger);
}

static const struct pci_host_ops ops = {
    .open_bus = open_bus,
    .read = read,
    .write = write,
    .irq = find_irq,
};

// ---- What the device tree says ----

// The largest window of either kind is used.
static void add_window(struct pci_host *h, const struct device_range *r)
{
    enum { SPACE_SHIFT = 24, SPACE_MASK = 3, SPACE_MEMORY = 2, SPACE_MEMORY_64 = 3 };
    constexpr uint32_t PREFETCHABLE = 1u << 30;
    constexpr uint64_t LIMIT = 1ull << 32;
    unsigned space = r->space >> SPACE_SHIFT & SPACE_MASK;
    bool is_below = space == SPACE_MEMORY && r->child + r->size <= LIMIT;
    if ((!is_below && space != SPACE_MEMORY_64) || (is_below && (r->space & PREFETCHABLE) != 0)) {
        return;
    }
    struct pci_host_window *w = &h->windows[is_below ? PCI_BELOW_4G : PCI_ABOVE_4G];
    if (r->size > w->window.end - w->start) {
        *w = (struct pci_host_window){
            // An address of 0 is none.
            .window = {.next = u64_max(r->child, PCI_BRIDGE_ALIGN), .end = r->child + r->size},
            .start = r->child,
            .base = r->base,
        };
    }
}

static status_t read_windows(const struct device *d, struct pci_host *h)
{
    struct device_range r;
    unsigned i = 0;
    status_t status = device_range(d, i, &r);
    for (; status == OK; status = device_range(d, ++i, &r)) {
        add_window(h, &r);
    }
    return status == ERR_NOENT ? OK : status;
}

// "bus-range": first and last; without it as many as there is configuration space for.
static status_t read_buses(struct device *d, struct pci_ecam *e)
{
    uint64_t size;
    struct span range;
    uint32_t first = 0;
    status_t status = device_reg(d, 0, &e->base, &size);
    if (status != OK) {
        return status;
    }
    uint32_t last = (uint32_t)u64_min(size >> BUS_SHIFT, BUSES) - 1;
    if (device_property(d, "bus-range", &range) == OK && range.size == 2 * sizeof(uint32_t)) {
        first = read_be32(range.data);
        last = read_be32(range.data + sizeof(uint32_t));
    }
    if (first > last || last >= BUSES || last - first >= size >> BUS_SHIFT) {
        return ERR_INVAL;
    }
    e->host.first_bus = (uint8_t)first;
    e->host.last_bus = (uint8_t)last;
    return OK;
}

// What makes interrupts of messages: that of the first functions stands for all.
static struct msi_controller *find_msi(const struct device *d)
{
    struct span value;
    uint32_t phandle;
    if (device_property_u32(d, "msi-parent", &phandle) == OK) {
        return msi_find(phandle);
    }
    if (device_property(d, "msi-map", &value) == OK && value.size >= 2 * sizeof(uint32_t)) {
        return msi_find(read_be32(value.data + sizeof(uint32_t)));
    }
    return NULL;
}

static status_t probe(struct device *d)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct pci_ecam), &memory);
    if (status != OK) {
        return status;
    }
    struct pci_ecam *e = memory;
    e->device = d;
    e->host.ops = &ops;
    status = read_buses(d, e);
    if (status == OK) {
        status = read_windows(d, &e->host);
    }
    if (status != OK) {
        heap_free(e);
        return status;
    }
    e->host.msi = find_msi(d);
    return pci_host_probe(&e->host);
}

static const char *const compatible[] = {"pci-host-ecam-generic", NULL};

static const struct driver pci_ecam_driver = {
    .name = "pci-ecam",
    .compatible = compatible,
    .stage = DEVICE_NORMAL,
    .probe = probe,
};
DRIVER(pci_ecam_driver);
