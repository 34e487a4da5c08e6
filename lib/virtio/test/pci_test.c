// SPDX-License-Identifier: Apache-2.0
#include "lib/virtio/pci.h"

#include "tests/harness/test.h"

static uint8_t config[PCI_CONFIG_SIZE];
static uint8_t last; // capability

static void put32(size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        config[at + i] = (uint8_t)(value >> 8 * i);
    }
}

static struct span fresh(void)
{
    memset(config, 0, sizeof(config));
    put32(PCI_ID, 0x10421af4);
    put32(PCI_COMMAND, 0x00100000);
    last = 0;
    return span_of(config, sizeof(config));
}

static void add(uint8_t at, uint8_t kind, uint8_t bar, uint32_t offset, uint32_t size)
{
    config[last == 0 ? PCI_CAPABILITIES : last + 1] = at;
    config[at] = PCI_CAPABILITY_VENDOR;
    config[at + 2] = kind == 2 ? 20 : 16;
    config[at + 3] = kind;
    config[at + 4] = bar;
    put32(at + 8, offset);
    put32(at + 12, size);
    last = at;
}

static void add_all(void)
{
    add(0x40, 1, 4, 0, 0x1000);
    add(0x50, 2, 4, 0x3000, 0x1000);
    put32(0x60, 4);
    add(0x64, 3, 4, 0x1000, 0x1000);
    add(0x74, 4, 4, 0x2000, 0x1000);
}

TEST(all_parts_of_a_virtio_device_are_found)
{
    struct virtio_pci_layout l;
    struct span s = fresh();
    add_all();
    EXPECT_OK(virtio_pci_parse(s, &l));
    EXPECT_EQ(l.common.bar, 4);
    EXPECT_EQ(l.notify.offset, 0x3000);
    EXPECT_EQ(l.notify_multiplier, 4);
    EXPECT_EQ(l.isr.offset, 0x1000);
    EXPECT_EQ(l.device.size, 0x1000);
}

TEST(the_first_usable_part_of_a_kind_counts)
{
    struct virtio_pci_layout l;
    struct span s = fresh();
    add(0x84, 1, 7, 0x5000, 0x1000); // a register that no device has
    add_all();
    add(0x94, 1, 0, 0x6000, 0x1000);
    EXPECT_OK(virtio_pci_parse(s, &l));
    EXPECT_EQ(l.common.bar, 4);
    EXPECT_EQ(l.common.offset, 0);
}

TEST(a_device_without_the_modern_parts_is_refused)
{
    struct virtio_pci_layout l;
    struct span s = fresh();
    EXPECT_STATUS(virtio_pci_parse(s, &l), ERR_NOTSUP);
    add_all();
    config[0x50 + 2] = 16; // no multiplier
    EXPECT_STATUS(virtio_pci_parse(s, &l), ERR_INVAL);
    config[0x50 + 2] = 20;
    put32(0x40 + 12, VIRTIO_PCI_COMMON_SIZE - 1);
    EXPECT_STATUS(virtio_pci_parse(s, &l), ERR_INVAL);
}

TEST(a_part_that_the_space_cuts_short_does_not_count)
{
    struct virtio_pci_layout l;
    struct span s = fresh();
    add_all();
    add(0xf0, 1, 0, 0, 0x1000);
    config[PCI_CAPABILITIES] = 0x50; // past the good one
    EXPECT_OK(virtio_pci_parse(s, &l));
    EXPECT_EQ(l.common.bar, 0);
    config[0x74 + 1] = 0xf8;
    config[0xf8] = PCI_CAPABILITY_VENDOR;
    config[0xf8 + 3] = 1;
    EXPECT_STATUS(virtio_pci_parse(s, &l), ERR_NOTSUP);
}

TEST(the_type_of_a_device_stands_in_its_number_or_its_subsystem)
{
    struct pci_header h = {.vendor = 0x1af4, .device = 0x1042, .subsystem = 9};
    EXPECT_EQ(virtio_pci_type(&h), 2);
    h.device = 0x1001;
    EXPECT_EQ(virtio_pci_type(&h), 9);
    h.device = 0x1080;
    EXPECT_EQ(virtio_pci_type(&h), 0);
    h = (struct pci_header){.vendor = 0x8086, .device = 0x1042};
    EXPECT_EQ(virtio_pci_type(&h), 0);
}
