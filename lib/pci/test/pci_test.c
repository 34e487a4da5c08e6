// SPDX-License-Identifier: Apache-2.0
#include "lib/pci/pci.h"

#include "lib/base/bits.h"
#include "tests/harness/test.h"

static uint8_t config[PCI_CONFIG_SIZE];

static void put32(size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        config[at + i] = (uint8_t)(value >> 8 * i);
    }
}

// A device with a list of capabilities that begins at 0x40.
static struct span fresh(void)
{
    memset(config, 0, sizeof(config));
    put32(PCI_ID, 0x10421af4);
    put32(PCI_COMMAND, 0x00100000);
    put32(PCI_CLASS, 0x01000001);
    put32(PCI_SUBSYSTEM, 0x00021af4);
    config[PCI_CAPABILITIES] = 0x40;
    config[PCI_INTERRUPT + 1] = 2;
    return span_of(config, sizeof(config));
}

static void add_capability(uint8_t at, uint8_t id, uint8_t next)
{
    config[at] = id;
    config[at + 1] = next;
}

static unsigned count_capabilities(struct span s)
{
    unsigned count = 0;
    struct pci_capability c;
    struct pci_capability_walk w = pci_capabilities(s);
    while (pci_capability_next(&w, &c)) {
        count++;
    }
    return count;
}

TEST(a_header_says_who_it_is)
{
    struct pci_header h;
    EXPECT(pci_header_parse(fresh(), &h));
    EXPECT_EQ(h.vendor, 0x1af4);
    EXPECT_EQ(h.device, 0x1042);
    EXPECT_EQ(h.subsystem, 2);
    EXPECT_EQ(h.class_code, 1);
    EXPECT_EQ(h.pin, 2);
    EXPECT(!h.is_bridge && !h.is_multi_function);
    put32(PCI_HEADER_TYPE, 0x00810000);
    EXPECT(pci_header_parse(span_of(config, sizeof(config)), &h));
    EXPECT(h.is_bridge && h.is_multi_function);
}

TEST(nobody_and_other_kinds_of_headers_are_no_functions)
{
    struct pci_header h;
    struct span s = fresh();
    EXPECT(!pci_header_parse(span_of(config, 64), &h));
    put32(PCI_HEADER_TYPE, 0x00020000);
    EXPECT(!pci_header_parse(s, &h));
    put32(PCI_HEADER_TYPE, 0);
    put32(PCI_ID, UINT32_MAX);
    EXPECT(!pci_header_parse(s, &h));
}

TEST(a_pin_that_is_none_of_four_is_no_pin)
{
    struct pci_header h;
    struct span s = fresh();
    config[PCI_INTERRUPT + 1] = 5;
    EXPECT(pci_header_parse(s, &h));
    EXPECT_EQ(h.pin, 0);
}

TEST(capabilities_are_walked_in_their_order)
{
    struct pci_capability c;
    struct span s = fresh();
    add_capability(0x40, 9, 0x53); // the lowest bits of an offset do not count
    add_capability(0x50, 0x11, 0);
    struct pci_capability_walk w = pci_capabilities(s);
    EXPECT(pci_capability_next(&w, &c));
    EXPECT_EQ(c.id, 9);
    EXPECT_EQ(c.offset, 0x40);
    EXPECT(pci_capability_next(&w, &c));
    EXPECT_EQ(c.offset, 0x50);
    EXPECT_EQ(c.bytes.size, PCI_CONFIG_SIZE - 0x50);
    EXPECT(!pci_capability_next(&w, &c));
    EXPECT_OK(pci_capability_find(s, PCI_CAPABILITY_MSIX, &c));
    EXPECT_EQ(c.offset, 0x50);
}

TEST(a_list_that_loops_ends)
{
    struct span s = fresh();
    add_capability(0x40, 9, 0x50);
    add_capability(0x50, 9, 0x40);
    EXPECT_EQ(count_capabilities(s), (PCI_CONFIG_SIZE - 0x40) / 4);
    add_capability(0x40, 9, 0x40);
    EXPECT_EQ(count_capabilities(s), (PCI_CONFIG_SIZE - 0x40) / 4);
}

TEST(a_list_that_enters_the_header_ends_there)
{
    struct pci_capability c;
    struct span s = fresh();
    add_capability(0x40, 9, 0x20);
    EXPECT_EQ(count_capabilities(s), 1);
    EXPECT_STATUS(pci_capability_find(s, PCI_CAPABILITY_MSIX, &c), ERR_NOENT);
    put32(PCI_COMMAND, 0); // the status says that there is no list
    EXPECT_EQ(count_capabilities(s), 0);
}

TEST(the_table_of_msi_x_is_found)
{
    struct pci_msix m;
    struct span s = fresh();
    EXPECT_STATUS(pci_msix_parse(s, &m), ERR_NOENT);
    put32(0x40, 0x00020011);
    put32(0x44, 0x00001001);
    EXPECT_OK(pci_msix_parse(s, &m));
    EXPECT_EQ(m.capability, 0x40);
    EXPECT_EQ(m.vectors, 3);
    EXPECT_EQ(m.bar, 1);
    EXPECT_EQ(m.table, 0x1000);
    put32(0x44, 0x00001006); // there is no such register
    EXPECT_STATUS(pci_msix_parse(s, &m), ERR_INVAL);
}

TEST(msi_x_at_the_end_of_the_space_is_cut_short)
{
    struct pci_msix m;
    struct span s = fresh();
    config[PCI_CAPABILITIES] = 0xf8;
    add_capability(0xf8, 0x11, 0);
    EXPECT_STATUS(pci_msix_parse(s, &m), ERR_INVAL);
}

static void check_bar(struct pci_bar bar, enum pci_bar_kind kind, uint64_t base, uint64_t size)
{
    EXPECT_EQ(bar.kind, kind);
    EXPECT_EQ(bar.base, base);
    EXPECT_EQ(bar.size, size);
}

TEST(the_bits_that_take_no_ones_are_the_size)
{
    check_bar(pci_bar_decode(0x10004000, 0xfffff000), PCI_BAR_MEMORY, 0x10004000, 0x1000);
    check_bar(pci_bar_decode(0x800000000c, 0xffffffffffffc00c), PCI_BAR_MEMORY, 0x8000000000,
              0x4000);
    check_bar(pci_bar_decode(0, 0x80000000), PCI_BAR_MEMORY, 0, 0x80000000);
    check_bar(pci_bar_decode(0xc, 0xfffffff00000000c), PCI_BAR_MEMORY, 0, 1ull << 36);
    check_bar(pci_bar_decode(0x1001, 0xffffffe1), PCI_BAR_IO, 0x1000, 0x20);
    check_bar(pci_bar_decode(0x1001, 0xffe1), PCI_BAR_IO, 0x1000, 0x20);
    EXPECT(pci_bar_decode(0xc, 0xffffffffffffc00c).is_64bit);
    EXPECT(pci_bar_decode(0xc, 0xffffffffffffc00c).is_prefetchable);
    EXPECT(!pci_bar_decode(0, 0xfffff000).is_64bit);
}

TEST(a_register_that_is_not_there_or_lies_is_none)
{
    check_bar(pci_bar_decode(0, 0), PCI_BAR_NONE, 0, 0);
    check_bar(pci_bar_decode(0, 0xf0f0f000), PCI_BAR_NONE, 0, 0);
    check_bar(pci_bar_decode(4, 0xfffff004), PCI_BAR_NONE, 0, 0);      // no upper half
    check_bar(pci_bar_decode(0x1000, 0xffffe000), PCI_BAR_NONE, 0, 0); // a base that it cannot have
    EXPECT(pci_bar_decode(4, 4).is_64bit);
}

TEST(a_window_gives_aligned_pieces_until_it_is_full)
{
    uint64_t base;
    struct pci_window w = {.next = 0x10000800, .end = 0x10004000};
    EXPECT(pci_window_take(&w, 0x1000, &base));
    EXPECT_EQ(base, 0x10001000);
    EXPECT(!pci_window_take(&w, 0x4000, &base));
    EXPECT(pci_window_take(&w, 0x2000, &base));
    EXPECT_EQ(base, 0x10002000);
    EXPECT(!pci_window_take(&w, 16, &base));
    w = (struct pci_window){.next = UINT64_MAX - 5, .end = UINT64_MAX};
    EXPECT(!pci_window_take(&w, 16, &base)); // not around the end
    EXPECT(!pci_window_align(&w, 16));
    w = (struct pci_window){0};
    EXPECT(!pci_window_take(&w, 16, &base));
}

TEST(a_bridge_passes_on_what_its_window_says)
{
    EXPECT_EQ(pci_bridge_memory(0x10000000, 0x10200000), 0x10101000);
    EXPECT_EQ(pci_bridge_memory(0x10000000, 0x10000000), 0x0000fff0);
}

TEST(pins_behind_bridges_are_swizzled)
{
    EXPECT_EQ(pci_swizzle(1, 0), 1);
    EXPECT_EQ(pci_swizzle(1, 3), 4);
    EXPECT_EQ(pci_swizzle(4, 1), 1);
    EXPECT_EQ(pci_swizzle(2, 31), 1);
}
