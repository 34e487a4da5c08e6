// SPDX-License-Identifier: Apache-2.0
/* How a virtio device on PCI says where its registers are (virtio 1.2, 4.1.2 and 4.1.4). */
#pragma once

#include "lib/pci/pci.h"

enum { VIRTIO_PCI_VENDOR = 0x1af4, VIRTIO_PCI_FIRST = 0x1000, VIRTIO_PCI_LAST = 0x107f };

// The device's type (virtio 1.2, 5); 0: not a virtio device.
uint32_t virtio_pci_type(const struct pci_header *header);

// Some of the memory of a BAR; size 0: the device has none of that kind.
struct virtio_pci_region {
    uint8_t bar;
    uint32_t offset;
    uint32_t size;
};

struct virtio_pci_layout {
    struct virtio_pci_region common; // struct virtio_pci_common_cfg (4.1.4.3)
    struct virtio_pci_region notify;
    uint32_t notify_multiplier; // bytes between queues
    struct virtio_pci_region isr;
    struct virtio_pci_region device; // its own configuration
};

enum { VIRTIO_PCI_COMMON_SIZE = 0x38 }; // what every device has of it

// ERR_NOTSUP: it has no interface of version 1.  ERR_INVAL: a part of it is missing,
// too small, or not aligned to its registers.
status_t virtio_pci_parse(struct span config, struct virtio_pci_layout *out);
