// SPDX-License-Identifier: Apache-2.0
/*
 * Finding functions: depth first, since a bridge names the range of buses behind it.  The way back is
 * kept in the buses, not on the stack.
 */
#include "kernel/core/log.h"
#include "kernel/dev/pci/pci_priv.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"
#include "lib/fmt/fmt.h"

// The bounds of the section that PCI_DRIVER fills.
extern const struct pci_driver *const __start_pci_drivers[];
extern const struct pci_driver *const __stop_pci_drivers[];

enum { FUNCTIONS = 8 }; // of a slot

// ---- Functions ----

// *out is NULL when there is none.
static status_t read_function(struct pci_bus *b, uint8_t devfn, struct pci_function **out)
{
    struct pci_function probe = {.bus = b, .devfn = devfn};
    uint8_t config[PCI_CONFIG_SIZE];
    void *memory;
    *out = NULL;
    if (pci_read(&probe, PCI_ID) == UINT32_MAX) {
        return OK;
    }
    pci_read_all(&probe, config);
    if (!pci_header_parse(span_of(config, sizeof(config)), &probe.header)) {
        return OK;
    }
    status_t status = heap_alloc(sizeof(struct pci_function), &memory);
    if (status != OK) {
        return status;
    }
    struct pci_function *f = memory;
    *f = probe;
    fmt_print(f->name, sizeof(f->name), "%02x:%02x.%x", b->number, pci_slot(devfn),
              devfn % FUNCTIONS);
    list_add_tail(&b->host->functions, &f->link);
    *out = f;
    return OK;
}

// The next function of the bus; *out is NULL at its end.
static status_t next_function(struct pci_bus *b, struct pci_function **out)
{
    *out = NULL;
    while (*out == NULL && b->next_devfn < PCI_DEVFNS) {
        unsigned devfn = b->next_devfn;
        status_t status = read_function(b, (uint8_t)devfn, out);
        if (status != OK) {
            return status;
        }
        bool is_alone =
            devfn % FUNCTIONS == 0 && (*out == NULL || !(*out)->header.is_multi_function);
        b->next_devfn += is_alone ? FUNCTIONS : 1;
    }
    return OK;
}

// ---- Buses ----

static status_t add_bus(struct pci_host *h, struct pci_function *bridge, uint8_t number,
                        uint8_t last, struct pci_bus **out)
{
    void *memory;
    status_t status = h->ops->open_bus(h, number);
    if (status == OK) {
        status = heap_alloc(sizeof(struct pci_bus), &memory);
    }
    if (status != OK) {
        return status;
    }
    struct pci_bus *b = memory;
    *b = (struct pci_bus){.host = h, .bridge = bridge, .number = number, .last = last};
    list_add_tail(&h->buses, &b->link);
    h->next_bus = number + 1u;
    *out = b;
    return OK;
}

// The numbers that firmware gave rise as the scan goes on; so no bus is entered twice.
static bool read_numbers(const struct pci_function *f, uint8_t *number, uint8_t *last)
{
    uint32_t buses = pci_read(f, PCI_BRIDGE_BUSES);
    *number = (uint8_t)(buses >> 8);
    *last = (uint8_t)(buses >> 16);
    return *number >= f->bus->host->next_bus && *number <= *last && *last <= f->bus->last;
}

static void write_numbers(const struct pci_function *f, unsigned number, unsigned last)
{
    pci_write(f, PCI_BRIDGE_BUSES, last << 16 | number << 8 | f->bus->number);
}

// *out is NULL when nothing can be found behind the bridge.
static status_t enter_bridge(struct pci_function *f, struct pci_bus **out)
{
    struct pci_host *h = f->bus->host;
    uint8_t number = (uint8_t)h->next_bus;
    uint8_t last = f->bus->last;
    *out = NULL;
    if (h->is_configured ? !read_numbers(f, &number, &last) : h->next_bus > last) {
        log_warn("pci", "%s: no bus numbers for what is behind it", f->name);
        return OK;
    }
    if (!h->is_configured) {
        write_numbers(f, number, last);
    }
    status_t status = add_bus(h, f, number, last, out);
    if (status == OK && !h->is_configured) {
        pci_open_window(*out);
    }
    return status;
}

static void leave_bridge(const struct pci_bus *b)
{
    if (!b->host->is_configured) {
        write_numbers(b->bridge, b->number, b->host->next_bus - 1);
        pci_close_window(b);
    }
    pci_change_command(b->bridge, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
}

// ---- Hosts ----

// Whether a function of the host's own bus has an address, or a bridge there a number.
static bool is_configured(struct pci_bus *root)
{
    for (unsigned devfn = 0; devfn < PCI_DEVFNS; devfn += FUNCTIONS) {
        struct pci_function f = {.bus = root, .devfn = (uint8_t)devfn};
        if (pci_read(&f, PCI_ID) == UINT32_MAX) {
            continue;
        }
        bool is_bridge = (pci_read(&f, PCI_HEADER_TYPE) >> 16 & 0x7f) != 0;
        if (is_bridge && (pci_read(&f, PCI_BRIDGE_BUSES) >> 8 & 0xff) != 0) {
            return true;
        }
        for (unsigned i = 0; i < PCI_BARS && !is_bridge; i++) {
            if ((pci_read(&f, PCI_BAR + 4 * i) & ~0xfu) != 0) {
                return true;
            }
        }
    }
    return false;
}

static status_t scan_buses(struct pci_bus *b)
{
    while (b != NULL) {
        struct pci_function *f;
        struct pci_bus *below = NULL;
        status_t status = next_function(b, &f);
        if (status == OK && f != NULL) {
            pci_change_command(f, PCI_COMMAND_NO_INTX, PCI_COMMAND_MASTER);
            pci_place(f);
            status = f->header.is_bridge ? enter_bridge(f, &below) : OK;
        }
        if (status != OK) {
            return status;
        }
        if (f == NULL && b->bridge != NULL) {
            leave_bridge(b);
        }
        if (f == NULL) {
            b = b->bridge != NULL ? b->bridge->bus : NULL;
        } else if (below != NULL) {
            b = below;
        }
    }
    return OK;
}

status_t pci_host_scan(struct pci_host *h)
{
    struct pci_bus *root;
    list_init(&h->buses);
    list_init(&h->functions);
    struct pci_window *below = &h->windows[PCI_BELOW_4G].window;
    below->end = align_down(below->end, PCI_BRIDGE_ALIGN); // whatever bridge it ends behind
    status_t status = add_bus(h, NULL, h->first_bus, h->last_bus, &root);
    if (status != OK) {
        return status;
    }
    h->is_configured = is_configured(root);
    return scan_buses(root);
}

void pci_host_forget(struct pci_host *h)
{
    list_for_each_safe (node, &h->functions) {
        heap_free(container_of(node, struct pci_function, link));
    }
    list_for_each_safe (node, &h->buses) {
        heap_free(container_of(node, struct pci_bus, link));
    }
}

static const struct pci_driver *find_driver(const struct pci_header *h)
{
    for (const struct pci_driver *const *d = __start_pci_drivers; d < __stop_pci_drivers; d++) {
        if ((*d)->vendor == h->vendor && h->device >= (*d)->first && h->device <= (*d)->last) {
            return *d;
        }
    }
    return NULL;
}

static void probe(struct pci_function *f)
{
    const struct pci_driver *driver = find_driver(&f->header);
    log_debug("pci", "%s: %04x:%04x, class %02x%02x%s%s", f->name, f->header.vendor,
              f->header.device, f->header.class_code, f->header.subclass,
              driver != NULL ? ", " : "", driver != NULL ? driver->name : "");
    status_t status = driver != NULL ? driver->probe(f) : OK;
    if (status != OK) {
        pci_disable(f);
        log_error("pci", "%s: %s failed with status %d", f->name, driver->name, (int)status);
    }
}

status_t pci_host_probe(struct pci_host *h)
{
    status_t status = pci_host_scan(h);
    list_for_each (node, &h->functions) {
        probe(container_of(node, struct pci_function, link));
    }
    return status;
}
