// SPDX-License-Identifier: Apache-2.0
/*
 * PCI: hosts, the buses behind them, the functions on those, and drivers for functions.
 *
 *   host driver (drv/pci_ecam) --pci_host_probe--> scan.c: buses and functions, addresses assigned
 *     --> each function's driver->probe --> pci_enable, pci_map, pci_msix_attach or pci_intx_attach
 *
 * Firmware may have numbered the buses and assigned addresses; then they stay as they are.  Otherwise
 * both are done here: buses in depth-first order, memory from the host's window below 4 GiB, which
 * every register can hold, and what does not fit there on the host's own bus from the one above.
 * I/O ports are not assigned.
 *
 * A function that no driver took raises no interrupt by a pin and reads and writes no memory.
 * Devices are not trusted: what they say is checked in lib/pci.
 *
 * Locking: none.  Scanning and probing happen at boot, in one thread; records are read-only from
 * then on, and a function's registers are its driver's.
 * Lifetimes: hosts, buses and functions live for ever.  Nothing comes or goes at run time.
 */
#pragma once

#include "kernel/core/irq.h"
#include "kernel/dev/msi.h"
#include "lib/base/list.h"
#include "lib/pci/pci.h"

enum { PCI_NAME_SIZE = 16, PCI_DEVFNS = 256 };

struct pci_host;
struct pci_function;

struct pci_host_ops {
    // Makes a bus's configuration space readable.  ERR_NOMEM, ERR_NODEV.
    status_t (*open_bus)(struct pci_host *h, uint8_t bus);

    // A register of 32 bits at an aligned offset; all ones when nobody answers.
    uint32_t (*read)(struct pci_host *h, uint8_t bus, uint8_t devfn, unsigned offset);
    void (*write)(struct pci_host *h, uint8_t bus, uint8_t devfn, unsigned offset, uint32_t value);

    // The interrupt of a pin on the host's own bus.
    status_t (*irq)(struct pci_host *h, uint8_t devfn, unsigned pin, irq_t *irq,
                    enum irq_trigger *trigger);
};

// Addresses of the host's memory, as the functions see them.
struct pci_host_window {
    struct pci_window window;
    uint64_t start;
    paddr_t base; // `start` for the CPU
};

enum pci_host_memory { PCI_BELOW_4G, PCI_ABOVE_4G, PCI_WINDOWS };

struct pci_host {
    const struct pci_host_ops *ops;              // [I]
    uint8_t first_bus;                           // [I]
    uint8_t last_bus;                            // [I]
    struct pci_host_window windows[PCI_WINDOWS]; // what is left of them
    struct msi_controller *msi;                  // [I] NULL: none
    bool is_configured;                          // by firmware
    unsigned next_bus;                           // numbers below are in use
    struct list buses;                           // struct pci_bus
    struct list functions; // struct pci_function, in the order they were found
};

struct pci_bus {
    struct pci_host *host;       // [I]
    struct pci_function *bridge; // [I] that leads here; NULL: the host's own bus
    uint8_t number;              // [I]
    uint8_t last;                // [I] number behind it
    unsigned next_devfn;         // where the scan goes on
    uint64_t memory;             // first address that was given to what is on it
    struct list link;
};

struct pci_function {
    struct pci_bus *bus; // [I]
    uint8_t devfn;       // [I]
    char name[PCI_NAME_SIZE];
    struct pci_header header;      // [I]
    struct pci_bar bars[PCI_BARS]; // [I] PCI_BAR_NONE also of what has no address
    struct pci_msix msix;          // [driver] from pci_msix_open on
    vaddr_t msix_table;            // [driver]
    struct list link;
};

struct pci_driver {
    const char *name;
    uint16_t vendor;
    uint16_t first; // device identifiers
    uint16_t last;
    status_t (*probe)(struct pci_function *f);
};

// Drivers register by a linker section, as those of other devices do.
#define PCI_DRIVER(symbol)                                                                         \
    __attribute__((section("pci_drivers"), used,                                                   \
                   retain)) static const struct pci_driver *const symbol##_entry = &(symbol)

// From a host's driver, which has set ops, buses, windows and msi: finds the functions and probes
// their drivers.  The host is kept.  ERR_NOMEM: not all were found.
status_t pci_host_probe(struct pci_host *h);

// The first half of it, and the way back, which only tests take.
status_t pci_host_scan(struct pci_host *h);
void pci_host_forget(struct pci_host *h);

uint32_t pci_read(const struct pci_function *f, unsigned offset);
void pci_write(const struct pci_function *f, unsigned offset, uint32_t value);

// A snapshot of configuration space.
void pci_read_all(const struct pci_function *f, uint8_t out[PCI_CONFIG_SIZE]);

// Before a driver's first access: the function answers at its addresses, and may use memory.
void pci_enable(const struct pci_function *f);

// Nothing of that any more.
void pci_disable(const struct pci_function *f);

// Maps part of what register `bar` gives.  ERR_INVAL: not within it.  ERR_NODEV: it has no address.
// ERR_NOMEM.  kmap_unmap takes it back.
status_t pci_map(const struct pci_function *f, unsigned bar, uint64_t offset, uint64_t size,
                 vaddr_t *out);

// The interrupt pin; its line is shared, so the handler asks its device.  ERR_NOENT: there is none.
status_t pci_intx_attach(const struct pci_function *f, struct irq_handler *h);

// Readies MSI-X, all vectors masked, and takes the place of the pin; `f->msix.vectors` says how many
// there are.  ERR_NOTSUP: function or host lack it.
status_t pci_msix_open(struct pci_function *f);

// One vector to one handler.  ERR_NOENT: no interrupt is left.
status_t pci_msix_attach(struct pci_function *f, unsigned vector, struct irq_handler *h);

// The end of what is attached by it; the vector is masked.
void pci_msix_detach(struct pci_function *f, unsigned vector, struct irq_handler *h);

// No vectors any more.
void pci_msix_close(struct pci_function *f);
