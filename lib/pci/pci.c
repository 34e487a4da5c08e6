// SPDX-License-Identifier: Apache-2.0
#include "lib/pci/pci.h"

#include "lib/base/bits.h"

enum {
    NOBODY = 0xffff,
    TYPE_DEVICE = 0,
    TYPE_BRIDGE = 1,
    TYPE_MULTI_FUNCTION = 0x80,
    STATUS_CAPABILITIES = 1u << 4, // in the status register
    STATUS = 0x06,
    CLASS_CODE = 0x0b,
    SUBCLASS = 0x0a,
    TYPE = 0x0e,
    SUBSYSTEM_DEVICE = 0x2e,
    PIN = 0x3d,
    FIRST_CAPABILITY = 0x40,
    CAPABILITY_HEADER = 2, // identifier, offset of the next one
    CAPABILITIES_MAX = (PCI_CONFIG_SIZE - FIRST_CAPABILITY) / 4,
};

bool pci_header_parse(struct span config, struct pci_header *out)
{
    if (!span_has(config, 0, PCI_CONFIG_SIZE) || read_le16(config.data) == NOBODY) {
        return false;
    }
    uint8_t type = config.data[TYPE] & (uint8_t)~TYPE_MULTI_FUNCTION;
    if (type != TYPE_DEVICE && type != TYPE_BRIDGE) {
        return false;
    }
    uint8_t pin = config.data[PIN];
    *out = (struct pci_header){
        .vendor = read_le16(config.data),
        .device = read_le16(config.data + 2),
        .subsystem = type == TYPE_DEVICE ? read_le16(config.data + SUBSYSTEM_DEVICE) : 0,
        .class_code = config.data[CLASS_CODE],
        .subclass = config.data[SUBCLASS],
        .pin = pin <= PCI_PINS ? pin : 0,
        .is_bridge = type == TYPE_BRIDGE,
        .is_multi_function = (config.data[TYPE] & TYPE_MULTI_FUNCTION) != 0,
    };
    return true;
}

// ---- Capabilities ----

struct pci_capability_walk pci_capabilities(struct span config)
{
    struct pci_capability_walk w = {.config = config, .left = CAPABILITIES_MAX};
    if (span_has(config, 0, PCI_CONFIG_SIZE) &&
        (read_le16(config.data + STATUS) & STATUS_CAPABILITIES) != 0) {
        w.next = config.data[PCI_CAPABILITIES];
    }
    return w;
}

bool pci_capability_next(struct pci_capability_walk *w, struct pci_capability *out)
{
    uint8_t at = w->next & (uint8_t)~3u; // the two lowest bits are reserved
    if (at < FIRST_CAPABILITY || w->left == 0) {
        return false;
    }
    static_assert(PCI_CONFIG_SIZE % 4 == 0 && CAPABILITY_HEADER <= 4);
    w->left--;
    w->next = w->config.data[at + 1];
    *out = (struct pci_capability){
        .id = w->config.data[at],
        .offset = at,
        .bytes = span_of(w->config.data + at, PCI_CONFIG_SIZE - (size_t)at),
    };
    return true;
}

status_t pci_capability_find(struct span config, enum pci_capability_id id,
                             struct pci_capability *out)
{
    struct pci_capability c;
    struct pci_capability_walk w = pci_capabilities(config);
    while (pci_capability_next(&w, &c)) {
        if (c.id == id) {
            *out = c;
            return OK;
        }
    }
    return ERR_NOENT;
}

status_t pci_msix_parse(struct span config, struct pci_msix *out)
{
    enum { CONTROL = 2, TABLE = 4, SIZE = 12, COUNT_MASK = 0x7ff, BAR_MASK = 7 };
    struct pci_capability c;
    status_t status = pci_capability_find(config, PCI_CAPABILITY_MSIX, &c);
    if (status != OK) {
        return status;
    }
    if (!span_has(c.bytes, 0, SIZE)) {
        return ERR_INVAL;
    }
    uint32_t table = read_le32(c.bytes.data + TABLE);
    struct pci_msix m = {
        .capability = c.offset,
        .bar = table & BAR_MASK,
        .vectors = (uint16_t)((read_le16(c.bytes.data + CONTROL) & COUNT_MASK) + 1),
        .table = table & ~(uint32_t)BAR_MASK,
    };
    if (m.bar >= PCI_BARS) {
        return ERR_INVAL;
    }
    *out = m;
    return OK;
}

// ---- Base address registers ----

struct pci_bar pci_bar_decode(uint64_t value, uint64_t ones)
{
    enum { IO = 1, PREFETCHABLE = 8, IO_FLAGS = 3, MEMORY_FLAGS = 15 };
    struct pci_bar bar = {.kind = (value & IO) != 0 ? PCI_BAR_IO : PCI_BAR_MEMORY};
    uint64_t flags = bar.kind == PCI_BAR_IO ? IO_FLAGS : MEMORY_FLAGS;
    bar.is_64bit = pci_bar_is_64bit((uint32_t)value);
    bar.is_prefetchable = bar.kind == PCI_BAR_MEMORY && (value & PREFETCHABLE) != 0;
    if (!bar.is_64bit) {
        value = (uint32_t)value;
        // The bits above those that the register has; of I/O only the lower half need be there.
        bool is_short = bar.kind == PCI_BAR_IO && (ones & 0xffff0000) == 0;
        ones = (uint32_t)ones == 0 ? 0 : ones | (is_short ? ~0xffffull : ~0xffffffffull);
    }
    // The bits that take no ones count the size; they are the lowest ones, or the device lies.
    bar.size = ~(ones & ~flags) + 1;
    bar.base = value & ~flags;
    if ((ones & ~flags) == 0 || !is_pow2(bar.size) || !is_aligned(bar.base, bar.size)) {
        return (struct pci_bar){.is_64bit = bar.is_64bit};
    }
    return bar;
}

// ---- Windows ----

bool pci_window_align(struct pci_window *w, uint64_t align)
{
    uint64_t at = align_up(w->next, align);
    if (at < w->next || at > w->end) {
        return false;
    }
    w->next = at;
    return true;
}

bool pci_window_take(struct pci_window *w, uint64_t size, uint64_t *base)
{
    uint64_t at = align_up(w->next, size);
    if (at < w->next || at > w->end || size > w->end - at) {
        return false;
    }
    *base = at;
    w->next = at + size;
    return true;
}

uint32_t pci_bridge_memory(uint64_t base, uint64_t end)
{
    if (base == end) {
        return 0x0000fff0; // the limit is below the base
    }
    return (uint32_t)(base >> 16 & 0xfff0) | ((uint32_t)(end - 1) & 0xfff00000);
}
