// SPDX-License-Identifier: Apache-2.0
#include "lib/virtio/pci.h"

#include "lib/base/bits.h"

// A capability (4.1.4).
enum {
    LENGTH = 2,
    KIND = 3,
    BAR = 4,
    OFFSET = 8,
    SIZE = 12,
    END = 16,
    MULTIPLIER = 16, // of the notification structure
    NOTIFY_END = 20,
};

enum { KIND_COMMON = 1, KIND_NOTIFY = 2, KIND_ISR = 3, KIND_DEVICE = 4 };

uint32_t virtio_pci_type(const struct pci_header *header)
{
    enum { FIRST_MODERN = 0x1040 };
    if (header->vendor != VIRTIO_PCI_VENDOR || header->device < VIRTIO_PCI_FIRST ||
        header->device > VIRTIO_PCI_LAST) {
        return 0;
    }
    // Transitional devices have an older interface as well and tell their type elsewhere.
    return header->device >= FIRST_MODERN ? header->device - (uint32_t)FIRST_MODERN
                                          : header->subsystem;
}

// Of several the first one counts that can be used.
static void set_once(struct virtio_pci_region *region, const struct virtio_pci_region *found)
{
    if (region->size == 0) {
        *region = *found;
    }
}

static void add(struct virtio_pci_layout *l, struct span c)
{
    if (!span_has(c, 0, END) || c.data[LENGTH] < END || c.data[BAR] >= PCI_BARS) {
        return;
    }
    struct virtio_pci_region r = {
        .bar = c.data[BAR],
        .offset = read_le32(c.data + OFFSET),
        .size = read_le32(c.data + SIZE),
    };
    bool has_multiplier = span_has(c, 0, NOTIFY_END) && c.data[LENGTH] >= NOTIFY_END;
    switch (c.data[KIND]) {
    case KIND_COMMON: set_once(&l->common, &r); break;
    case KIND_ISR: set_once(&l->isr, &r); break;
    case KIND_DEVICE: set_once(&l->device, &r); break;
    case KIND_NOTIFY:
        if (has_multiplier && l->notify.size == 0) {
            l->notify = r;
            l->notify_multiplier = read_le32(c.data + MULTIPLIER);
        }
        break;
    default: break;
    }
}

status_t virtio_pci_parse(struct span config, struct virtio_pci_layout *out)
{
    struct virtio_pci_layout l = {0};
    struct pci_capability c;
    struct pci_capability_walk w = pci_capabilities(config);
    while (pci_capability_next(&w, &c)) {
        if (c.id == PCI_CAPABILITY_VENDOR) {
            add(&l, c.bytes);
        }
    }
    if (l.common.size == 0) {
        return ERR_NOTSUP;
    }
    if (l.common.size < VIRTIO_PCI_COMMON_SIZE || l.notify.size < sizeof(uint16_t) ||
        l.isr.size == 0) {
        return ERR_INVAL;
    }
    // Registers that the CPU cannot read in one piece.
    if (!is_aligned(l.common.offset | l.device.offset, sizeof(uint32_t)) ||
        !is_aligned(l.notify.offset | l.notify_multiplier, sizeof(uint16_t))) {
        return ERR_INVAL;
    }
    *out = l;
    return OK;
}
