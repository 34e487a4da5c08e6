// SPDX-License-Identifier: Apache-2.0
/* A configuration space of any content, and registers that answer anything. */
#include "lib/virtio/pci.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

static void check_config(struct span config)
{
    struct pci_header header;
    struct pci_capability c;
    struct pci_capability_walk w = pci_capabilities(config);
    struct pci_msix msix;
    struct virtio_pci_layout layout;
    unsigned count = 0;
    if (pci_header_parse(config, &header)) {
        require(header.pin <= PCI_PINS);
        (void)virtio_pci_type(&header);
    }
    while (pci_capability_next(&w, &c)) {
        require(c.offset >= 0x40 && c.bytes.data + c.bytes.size == config.data + PCI_CONFIG_SIZE);
        require(++count <= PCI_CONFIG_SIZE / 4);
    }
    if (pci_msix_parse(config, &msix) == OK) {
        require(msix.bar < PCI_BARS && msix.vectors >= 1 && msix.vectors <= 2048);
    }
    if (virtio_pci_parse(config, &layout) == OK) {
        require(layout.common.bar < PCI_BARS && layout.common.size >= VIRTIO_PCI_COMMON_SIZE);
        require(layout.notify.bar < PCI_BARS && layout.isr.bar < PCI_BARS);
    }
}

static void check_bar(uint64_t value, uint64_t ones)
{
    uint64_t base;
    struct pci_bar bar = pci_bar_decode(value, ones);
    struct pci_window w = {.next = value, .end = ones};
    require(bar.kind == PCI_BAR_NONE || (is_pow2(bar.size) && is_aligned(bar.base, bar.size)));
    if (bar.kind != PCI_BAR_NONE && pci_window_take(&w, bar.size, &base)) {
        require(base >= value && base + bar.size <= ones && w.next == base + bar.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_config(span_of(data, size));
    if (size >= 16) {
        check_bar(read_le64(data), read_le64(data + 8));
    }
    return 0;
}
