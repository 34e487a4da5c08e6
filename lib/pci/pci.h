// SPDX-License-Identifier: Apache-2.0
/*
 * What stands in the configuration space of a PCI function (PCI Local Bus 3.0, chapter 6; PCI-to-PCI
 * Bridge 1.2, chapter 3), and the arithmetic of addresses behind it.
 *
 * Configuration space is read once into memory (a snapshot of PCI_CONFIG_SIZE bytes) and looked at
 * there, so a device that changes it between two looks changes nothing.  Devices are not trusted:
 * every offset is checked, and a list of capabilities that loops ends.
 */
#pragma once

#include "lib/base/span.h"

enum { PCI_CONFIG_SIZE = 256, PCI_BARS = 6, PCI_BRIDGE_BARS = 2, PCI_PINS = 4 };

// Registers, at offsets of 32 bits.
enum {
    PCI_ID = 0x00,
    PCI_COMMAND = 0x04, // the upper half, the status, is cleared by ones: zeros change nothing
    PCI_CLASS = 0x08,
    PCI_HEADER_TYPE = 0x0c, // in bits 23:16
    PCI_BAR = 0x10,         // the first of six, or of a bridge's two
    PCI_BRIDGE_BUSES = 0x18,
    PCI_BRIDGE_IO = 0x1c,
    PCI_BRIDGE_MEMORY = 0x20,
    PCI_BRIDGE_PREFETCHABLE = 0x24,
    PCI_SUBSYSTEM = 0x2c,
    PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT = 0x3c,
};

enum {
    PCI_COMMAND_IO = 1u << 0,
    PCI_COMMAND_MEMORY = 1u << 1,
    PCI_COMMAND_MASTER = 1u << 2,
    PCI_COMMAND_NO_INTX = 1u << 10,
};

enum pci_capability_id { PCI_CAPABILITY_VENDOR = 0x09, PCI_CAPABILITY_MSIX = 0x11 };

// Where a function is: bits 7:3 are the slot, 2:0 the function in it.
static inline unsigned pci_slot(unsigned devfn)
{
    return devfn >> 3;
}

struct pci_header {
    uint16_t vendor;
    uint16_t device;
    uint16_t subsystem; // the subsystem's device; 0 of a bridge
    uint8_t class_code; // base class
    uint8_t subclass;
    uint8_t pin;    // 1 to 4: INTA to INTD; 0: none
    bool is_bridge; // to another PCI bus
    bool is_multi_function;
};

// False: there is no function, or one of a kind that is neither device nor bridge.
bool pci_header_parse(struct span config, struct pci_header *out);

// ---- Capabilities (6.7) ----

struct pci_capability {
    uint8_t id;
    uint8_t offset;
    struct span bytes; // from its first one to the end of configuration space
};

struct pci_capability_walk {
    struct span config;
    uint8_t next;
    uint8_t left; // steps until the list must have ended
};

struct pci_capability_walk pci_capabilities(struct span config);

// The next capability; false at the end of the list, or where it leaves the space or loops.
bool pci_capability_next(struct pci_capability_walk *w, struct pci_capability *out);

// The first with that identifier.  ERR_NOENT.
status_t pci_capability_find(struct span config, enum pci_capability_id id,
                             struct pci_capability *out);

// MSI-X (6.8.2): a table of vectors in the memory of a BAR.
struct pci_msix {
    uint8_t capability; // its offset
    uint8_t bar;
    uint16_t vectors;
    uint32_t table; // its offset in the BAR
};

enum {
    PCI_MSIX_ENTRY_SIZE = 16,
    PCI_MSIX_ADDRESS = 0, // in an entry: 64 bits
    PCI_MSIX_DATA = 8,
    PCI_MSIX_CONTROL = 12, // bit 0: masked
    PCI_MSIX_MASKED = 1,
};
// In the 32-bit register at the capability's offset.
constexpr uint32_t PCI_MSIX_ENABLE = 1u << 31;
constexpr uint32_t PCI_MSIX_MASK_ALL = 1u << 30;

// ERR_NOENT: it has none.  ERR_INVAL: malformed.
status_t pci_msix_parse(struct span config, struct pci_msix *out);

// ---- Base address registers (6.2.5) ----

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEMORY };

struct pci_bar {
    enum pci_bar_kind kind;
    bool is_64bit; // takes the next register as well
    bool is_prefetchable;
    uint64_t base; // 0: not assigned
    uint64_t size; // a power of two
};

// Whether the register's value says that the next one belongs to it.
static inline bool pci_bar_is_64bit(uint32_t low)
{
    return (low & 7) == 4;
}

// From what the register, and the one behind it if it is of 64 bits, had and have after ones were
// written to all bits.
struct pci_bar pci_bar_decode(uint64_t value, uint64_t ones);

// ---- Windows: addresses that are given to functions ----

struct pci_window {
    uint64_t next; // below are those that were given away
    uint64_t end;  // one past the last; 0: there is no such window
};

// A piece at a multiple of its size, which is a power of two.  False: there is no room.
bool pci_window_take(struct pci_window *w, uint64_t size, uint64_t *base);

// Moves to a multiple of `align`, a power of two.  False: there is no room.
bool pci_window_align(struct pci_window *w, uint64_t align);

// The value of a bridge's PCI_BRIDGE_MEMORY register that passes on [base, end), both multiples of
// PCI_BRIDGE_ALIGN; nothing if they are equal (Bridge 3.2.5.8).
constexpr uint64_t PCI_BRIDGE_ALIGN = 1 << 20;
uint32_t pci_bridge_memory(uint64_t base, uint64_t end);

// The pin of the parent bus on which `pin` of `slot` behind a bridge arrives (Bridge 9.1).
static inline unsigned pci_swizzle(unsigned pin, unsigned slot)
{
    return (pin - 1 + slot) % PCI_PINS + 1;
}
