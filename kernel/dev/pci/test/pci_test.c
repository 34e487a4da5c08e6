// SPDX-License-Identifier: Apache-2.0
/* Hosts with made-up functions: configuration spaces in memory that behave as registers do. */
#include "kernel/dev/pci/pci.h"

#include "kernel/mm/inject.h"
#include "lib/base/bits.h"
#include "tests/harness/test.h"

enum { FAKES = 8, REGISTERS = PCI_CONFIG_SIZE / 4, NO_PARENT = -1 };
constexpr uint64_t BELOW = 0x10000000;
constexpr uint64_t ABOVE = 0x8000000000;

struct fake {
    uint8_t devfn;
    int parent; // the bridge that it is behind
    uint32_t registers[REGISTERS];
    uint32_t writable[REGISTERS]; // bits that writes change
};

static struct {
    struct pci_host host;
    struct fake fakes[FAKES];
    unsigned count;
    uint8_t irq_devfn;
    unsigned irq_pin;
    unsigned probed;
} machine;

static unsigned bus_of(const struct fake *f)
{
    if (f->parent == NO_PARENT) {
        return machine.host.first_bus;
    }
    unsigned bus = machine.fakes[f->parent].registers[PCI_BRIDGE_BUSES / 4] >> 8 & 0xff;
    return bus != 0 ? bus : UINT8_MAX + 1; // nobody gets there yet
}

static struct fake *find(uint8_t bus, uint8_t devfn)
{
    for (unsigned i = 0; i < machine.count; i++) {
        struct fake *f = &machine.fakes[i];
        if (f->devfn == devfn && bus_of(f) == bus) {
            return f;
        }
    }
    return NULL;
}

static status_t open_bus(struct pci_host *h, uint8_t bus)
{
    (void)h;
    (void)bus;
    return OK;
}

static uint32_t read(struct pci_host *h, uint8_t bus, uint8_t devfn, unsigned offset)
{
    (void)h;
    const struct fake *f = find(bus, devfn);
    return f == NULL ? UINT32_MAX : f->registers[offset / 4];
}

static void write(struct pci_host *h, uint8_t bus, uint8_t devfn, unsigned offset, uint32_t value)
{
    (void)h;
    struct fake *f = find(bus, devfn);
    if (f != NULL) {
        uint32_t *reg = &f->registers[offset / 4];
        *reg = (*reg & ~f->writable[offset / 4]) | (value & f->writable[offset / 4]);
    }
}

static status_t note_irq(struct pci_host *h, uint8_t devfn, unsigned pin, irq_t *irq,
                         enum irq_trigger *trigger)
{
    (void)h;
    *irq = 0;
    *trigger = IRQ_LEVEL;
    machine.irq_devfn = devfn;
    machine.irq_pin = pin;
    return ERR_NODEV;
}

static const struct pci_host_ops ops = {
    .open_bus = open_bus,
    .read = read,
    .write = write,
    .irq = note_irq,
};

static struct pci_host *fresh(void)
{
    memset(&machine, 0, sizeof(machine));
    machine.host.ops = &ops;
    machine.host.last_bus = 255;
    machine.host.windows[PCI_BELOW_4G] =
        (struct pci_host_window){{BELOW, BELOW + 0x1000000}, BELOW, paddr(0xc0000000)};
    machine.host.windows[PCI_ABOVE_4G] =
        (struct pci_host_window){{ABOVE, 2 * ABOVE}, ABOVE, paddr(ABOVE)};
    return &machine.host;
}

static int add(int parent, unsigned slot, uint16_t device)
{
    struct fake *f = &machine.fakes[machine.count];
    f->devfn = (uint8_t)(slot << 3);
    f->parent = parent;
    f->registers[PCI_ID / 4] = (uint32_t)device << 16 | 0xfa4e;
    f->registers[PCI_INTERRUPT / 4] = 1 << 8;
    f->writable[PCI_COMMAND / 4] = 0xffff;
    return (int)machine.count++;
}

static int add_bridge(int parent, unsigned slot)
{
    int i = add(parent, slot, 1);
    machine.fakes[i].registers[PCI_HEADER_TYPE / 4] = 1 << 16;
    for (unsigned reg = PCI_BRIDGE_BUSES; reg <= PCI_BRIDGE_PREFETCHABLE; reg += 4) {
        machine.fakes[i].writable[reg / 4] = UINT32_MAX;
    }
    return i;
}

static void add_bar(int i, unsigned index, uint64_t size, bool is_64bit)
{
    struct fake *f = &machine.fakes[i];
    f->registers[PCI_BAR / 4 + index] = is_64bit ? 4 : 0;
    f->writable[PCI_BAR / 4 + index] = (uint32_t)~(size - 1);
    if (is_64bit) {
        f->writable[PCI_BAR / 4 + index + 1] = (uint32_t)(~(size - 1) >> 32);
    }
}

static struct pci_function *function(unsigned index)
{
    struct list *node = machine.host.functions.next;
    for (; index > 0 && node != &machine.host.functions; index--) {
        node = node->next;
    }
    return node == &machine.host.functions ? NULL : container_of(node, struct pci_function, link);
}

static uint32_t reg(int i, unsigned offset)
{
    return machine.fakes[i].registers[offset / 4];
}

// ---- Finding ----

TEST(functions_behind_bridges_behind_bridges_are_found)
{
    struct pci_host *h = fresh();
    int outer = add_bridge(NO_PARENT, 1);
    int inner = add_bridge(outer, 0);
    (void)add(inner, 3, 7);
    int second = add_bridge(NO_PARENT, 2);
    (void)add(second, 0, 8);
    EXPECT_OK(pci_host_scan(h));
    EXPECT_STR(function(2)->name, "02:03.0");
    EXPECT_EQ(function(2)->header.device, 7);
    EXPECT_STR(function(4)->name, "03:00.0");
    EXPECT(function(5) == NULL);
    EXPECT_EQ(reg(outer, PCI_BRIDGE_BUSES), 0x020100);
    EXPECT_EQ(reg(inner, PCI_BRIDGE_BUSES), 0x020201);
    EXPECT_EQ(reg(second, PCI_BRIDGE_BUSES), 0x030300);
    pci_host_forget(h);
}

TEST(only_a_function_0_that_says_so_has_others_beside_it)
{
    struct pci_host *h = fresh();
    int first = add(NO_PARENT, 1, 7);
    int beside = add(NO_PARENT, 1, 8);
    machine.fakes[beside].devfn++;
    EXPECT_OK(pci_host_scan(h));
    EXPECT(function(1) == NULL);
    pci_host_forget(h);
    machine.fakes[first].registers[PCI_HEADER_TYPE / 4] = 0x800000;
    EXPECT_OK(pci_host_scan(h));
    EXPECT_EQ(function(1)->header.device, 8);
    pci_host_forget(h);
}

TEST(where_bus_numbers_run_out_nothing_is_entered)
{
    struct pci_host *h = fresh();
    h->last_bus = 1;
    int outer = add_bridge(NO_PARENT, 1);
    int inner = add_bridge(outer, 0);
    (void)add(inner, 3, 7);
    EXPECT_OK(pci_host_scan(h));
    EXPECT(function(2) == NULL);
    pci_host_forget(h);
}

TEST(a_bridge_that_leads_back_is_not_entered)
{
    static const uint32_t buses[] = {0x020000, 0x050600, 0xff0100, 0x010100};
    for (unsigned i = 0; i < ARRAY_SIZE(buses); i++) {
        struct pci_host *h = fresh();
        h->last_bus = 0x10;
        int first = add_bridge(NO_PARENT, 1);
        int second = add_bridge(NO_PARENT, 2);
        (void)add(first, 3, 7);
        machine.fakes[first].registers[PCI_BRIDGE_BUSES / 4] = 0x010100;
        machine.fakes[second].registers[PCI_BRIDGE_BUSES / 4] = buses[i];
        EXPECT_OK(pci_host_scan(h));
        EXPECT_EQ(function(1)->header.device, 7);
        EXPECT(function(3) == NULL);
        pci_host_forget(h);
    }
}

TEST(a_scan_that_runs_out_of_memory_ends)
{
    bool has_failed = inject_is_available();
    for (size_t n = 0; has_failed; n++) {
        struct pci_host *h = fresh();
        (void)add(add_bridge(NO_PARENT, 1), 0, 7);
        inject_arm(n);
        status_t status = pci_host_scan(h);
        has_failed = inject_disarm();
        EXPECT(status == OK || status == ERR_NOMEM);
        pci_host_forget(h);
    }
}

// ---- Addresses ----

TEST(without_firmware_registers_get_addresses_that_do_not_meet)
{
    struct pci_host *h = fresh();
    int first = add(NO_PARENT, 1, 7);
    add_bar(first, 0, 0x1000, false);
    add_bar(first, 1, 0x100000, false);
    add_bar(first, 4, 0x4000, true);
    EXPECT_OK(pci_host_scan(h));
    EXPECT(!h->is_configured);
    EXPECT_EQ(function(0)->bars[0].base, BELOW);
    EXPECT_EQ(function(0)->bars[1].base, BELOW + 0x100000);
    EXPECT_EQ(function(0)->bars[4].base, BELOW + 0x200000);
    EXPECT_EQ(reg(first, PCI_BAR + 16), BELOW + 0x200000 + 4);
    EXPECT_EQ(reg(first, PCI_BAR + 20), 0);
    EXPECT_EQ(reg(first, PCI_COMMAND), PCI_COMMAND_NO_INTX);
    pci_host_forget(h);
}

TEST(the_windows_of_bridges_hold_what_is_behind_them)
{
    struct pci_host *h = fresh();
    add_bar(add(NO_PARENT, 0, 6), 0, 0x1000, false);
    int outer = add_bridge(NO_PARENT, 1);
    int inner = add_bridge(outer, 0);
    int leaf = add(inner, 3, 7);
    add_bar(leaf, 0, 0x1000, false);
    int empty = add_bridge(outer, 1);
    int last = add(NO_PARENT, 2, 8);
    add_bar(last, 0, 0x1000, false);
    EXPECT_OK(pci_host_scan(h));
    EXPECT_EQ(reg(leaf, PCI_BAR), 0x10100000);
    EXPECT_EQ(reg(inner, PCI_BRIDGE_MEMORY), 0x10101010);
    EXPECT_EQ(reg(outer, PCI_BRIDGE_MEMORY), 0x10101010);
    EXPECT_EQ(reg(outer, PCI_BRIDGE_PREFETCHABLE), 0xfff0);
    EXPECT_EQ(reg(empty, PCI_BRIDGE_MEMORY), 0xfff0);
    EXPECT_EQ(reg(last, PCI_BAR), 0x10200000);
    EXPECT_EQ(reg(outer, PCI_COMMAND) & 7, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci_host_forget(h);
}

TEST(what_does_not_fit_below_goes_above_or_has_no_address)
{
    vaddr_t va;
    struct pci_host *h = fresh();
    int big = add(NO_PARENT, 1, 7);
    add_bar(big, 0, 0x80000000, true);
    add_bar(big, 2, 0x80000000, false);
    add_bar(big, 5, 0x1000, true); // its upper half would be behind the last one
    add_bar(add(add_bridge(NO_PARENT, 2), 0, 8), 0, 0x80000000, true);
    EXPECT_OK(pci_host_scan(h));
    EXPECT_EQ(function(0)->bars[0].base, ABOVE);
    EXPECT_EQ(function(0)->bars[2].kind, PCI_BAR_NONE);
    EXPECT_EQ(function(0)->bars[5].kind, PCI_BAR_NONE);
    EXPECT_EQ(function(2)->bars[0].kind, PCI_BAR_NONE);
    EXPECT_STATUS(pci_map(function(0), 2, 0, 16, &va), ERR_NODEV);
    EXPECT_STATUS(pci_map(function(0), 6, 0, 16, &va), ERR_NODEV);
    EXPECT_STATUS(pci_map(function(0), 0, 0x80000000, 1, &va), ERR_INVAL);
    EXPECT_STATUS(pci_map(function(0), 0, UINT64_MAX, 16, &va), ERR_INVAL);
    pci_host_forget(h);
}

TEST(what_firmware_assigned_stays_and_is_not_believed)
{
    struct pci_host *h = fresh();
    int bridge = add_bridge(NO_PARENT, 1);
    machine.fakes[bridge].registers[PCI_BRIDGE_BUSES / 4] = 0x090500;
    machine.fakes[bridge].registers[PCI_BRIDGE_MEMORY / 4] = 0x10401040;
    int good = add(bridge, 0, 7);
    add_bar(good, 0, 0x1000, false);
    machine.fakes[good].registers[PCI_BAR / 4] = 0x10400000;
    machine.fakes[good].registers[PCI_COMMAND / 4] = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    int bad = add(bridge, 1, 8);
    add_bar(bad, 0, 0x1000, false);
    machine.fakes[bad].registers[PCI_BAR / 4] = 0x90000000; // outside of the host's window
    EXPECT_OK(pci_host_scan(h));
    EXPECT(h->is_configured);
    EXPECT_STR(function(1)->name, "05:00.0");
    EXPECT_EQ(function(1)->bars[0].base, 0x10400000);
    EXPECT_EQ(reg(good, PCI_BAR), 0x10400000);
    EXPECT_EQ(reg(good, PCI_COMMAND), PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX);
    EXPECT_EQ(function(2)->bars[0].kind, PCI_BAR_NONE);
    EXPECT_EQ(reg(bridge, PCI_BRIDGE_MEMORY), 0x10401040);
    pci_host_forget(h);
}

// ---- Drivers and interrupts ----

TEST(a_pin_behind_bridges_is_swizzled_to_the_hosts_bus)
{
    struct irq_handler unused = {0};
    struct pci_host *h = fresh();
    int outer = add_bridge(NO_PARENT, 5);
    int inner = add_bridge(outer, 2);
    (void)add(inner, 3, 7);
    EXPECT_OK(pci_host_scan(h));
    EXPECT_STATUS(pci_intx_attach(function(2), &unused), ERR_NODEV);
    EXPECT_EQ(machine.irq_devfn, 5 << 3);
    EXPECT_EQ(machine.irq_pin, 1 + (3 + 2) % 4);
    function(2)->header.pin = 0;
    EXPECT_STATUS(pci_intx_attach(function(2), &unused), ERR_NOENT);
    pci_host_forget(h);
}

static status_t probe(struct pci_function *f)
{
    machine.probed++;
    pci_enable(f);
    return f->header.device == 0x7e57 ? OK : ERR_IO;
}

static const struct pci_driver driver = {
    .name = "test", .vendor = 0xfa4e, .first = 0x7e57, .last = 0x7e58, .probe = probe};
PCI_DRIVER(driver);

TEST(a_driver_gets_what_it_names_and_what_it_fails_at_is_switched_off)
{
    struct pci_host *h = fresh();
    int good = add(NO_PARENT, 1, 0x7e57);
    int bad = add(NO_PARENT, 2, 0x7e58);
    (void)add(NO_PARENT, 3, 0x7e59);
    EXPECT_OK(pci_host_probe(h));
    EXPECT_EQ(machine.probed, 2);
    EXPECT_EQ(reg(good, PCI_COMMAND) & 7, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    EXPECT_EQ(reg(bad, PCI_COMMAND) & 7, 0);
    pci_host_forget(h);
}
