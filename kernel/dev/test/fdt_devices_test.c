// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/fdt_devices.h"

#include "kernel/dev/test/tree.h"
#include "kernel/mm/inject.h"
#include "tests/harness/test.h"

// ---- Drivers that only these tests' trees name ----

enum { SEEN_MAX = 16, CHIP_CELLS = 2 };

struct probe {
    const char *driver;
    struct device *device;
};
static struct probe seen[SEEN_MAX];
static unsigned seen_count;

static status_t record(const char *driver, struct device *d)
{
    if (seen_count < SEEN_MAX) {
        seen[seen_count++] = (struct probe){driver, d};
    }
    return OK;
}

// Interrupt specifiers of the test's chip: number and trigger.
static status_t translate(const uint32_t *cells, unsigned count, irq_t *irq,
                          enum irq_trigger *trigger)
{
    if (count != CHIP_CELLS) {
        return ERR_INVAL;
    }
    *irq = 100 + cells[0];
    *trigger = cells[1] != 0 ? IRQ_EDGE : IRQ_LEVEL;
    return OK;
}

static status_t probe_chip(struct device *d)
{
    device_set_irq_translate(d, translate);
    return record("chip", d);
}

static status_t probe_uart(struct device *d)
{
    return record("uart", d);
}

static status_t probe_plain(struct device *d)
{
    return record("plain", d);
}

static status_t probe_special(struct device *d)
{
    return record("special", d);
}

static status_t probe_failing(struct device *d)
{
    (void)record("failing", d);
    return ERR_IO;
}

#define TEST_DRIVER(driver_name, driver_stage)                                                     \
    static const char *const driver_name##_names[] = {"test," #driver_name, NULL};                 \
    static const struct driver driver_name = {                                                     \
        .name = "test " #driver_name,                                                              \
        .compatible = driver_name##_names,                                                         \
        .stage = (driver_stage),                                                                   \
        .probe = probe_##driver_name,                                                              \
    };                                                                                             \
    DRIVER(driver_name)

TEST_DRIVER(chip, DEVICE_IRQ_CHIP);
TEST_DRIVER(uart, DEVICE_CONSOLE);
TEST_DRIVER(plain, DEVICE_NORMAL);
TEST_DRIVER(special, DEVICE_NORMAL);
TEST_DRIVER(failing, DEVICE_NORMAL);

// ---- Trees ----

static struct fdt_devices *devices;

static void probe_tree(struct tree *t)
{
    seen_count = 0;
    devices = NULL;
    EXPECT_OK(fdt_devices_create(tree_finish(t), &devices));
    fdt_devices_probe(devices);
}

static void forget_tree(void)
{
    if (devices != NULL) {
        fdt_devices_destroy(devices);
        devices = NULL;
    }
}

static void start_device(struct tree *t, const char *name, const char *compatible)
{
    tree_node(t, name);
    tree_string(t, "compatible", compatible);
}

static void add_device(struct tree *t, const char *name, const char *compatible)
{
    start_device(t, name, compatible);
    tree_end(t);
}

static void add_chip(struct tree *t, const char *name, uint32_t phandle)
{
    start_device(t, name, "test,chip");
    tree_cells(t, "#interrupt-cells", 1, CHIP_CELLS);
    tree_cells(t, "phandle", 1, phandle);
    tree_end(t);
}

// A bus of one address and one size cell whose addresses start at `base` of its parent (2 cells).
static void start_bus(struct tree *t, const char *name, uint32_t base, uint32_t size)
{
    tree_node(t, name);
    tree_cells(t, "#address-cells", 1, 1);
    tree_cells(t, "#size-cells", 1, 1);
    tree_cells(t, "ranges", 4, 0, 0, base, size);
}

static const struct device *find_seen(const char *name)
{
    for (unsigned i = 0; i < seen_count; i++) {
        if (strcmp(seen[i].device->name, name) == 0) {
            return seen[i].device;
        }
    }
    return NULL;
}

// ---- Matching ----

TEST(drivers_are_probed_in_the_order_of_their_stages)
{
    struct tree *t = tree_start();
    add_device(t, "disk", "test,plain");
    add_device(t, "serial", "test,uart");
    add_chip(t, "pic", 1);
    probe_tree(t);
    EXPECT_EQ(seen_count, 3);
    EXPECT_STR(seen[0].driver, "chip");
    EXPECT_STR(seen[1].driver, "uart");
    EXPECT_STR(seen[2].driver, "plain");
    EXPECT_STR(seen[2].device->name, "disk");
    forget_tree();
}

TEST(the_most_specific_name_chooses_the_driver)
{
    struct tree *t = tree_start();
    tree_node(t, "both");
    tree_data(t, "compatible", "test,unknown\0test,special\0test,plain", 37);
    tree_end(t);
    tree_node(t, "unterminated");
    tree_data(t, "compatible", "test,plain", 10);
    tree_end(t);
    probe_tree(t);
    EXPECT_EQ(seen_count, 1);
    EXPECT_STR(seen[0].driver, "special");
    EXPECT(device_is_compatible(seen[0].device, "test,plain"));
    EXPECT(!device_is_compatible(seen[0].device, "test,pla"));
    forget_tree();
}

TEST(disabled_nodes_and_what_is_below_them_have_no_devices)
{
    struct tree *t = tree_start();
    start_device(t, "off", "test,plain");
    tree_string(t, "status", "disabled");
    add_device(t, "child", "test,plain");
    tree_end(t);
    start_device(t, "on", "test,plain");
    tree_string(t, "status", "okay");
    tree_end(t);
    probe_tree(t);
    EXPECT_EQ(seen_count, 1);
    EXPECT_STR(seen[0].device->name, "on");
    forget_tree();
}

TEST(a_driver_that_fails_does_not_stop_the_others)
{
    struct tree *t = tree_start();
    add_device(t, "bad", "test,failing");
    add_device(t, "good", "test,plain");
    probe_tree(t);
    EXPECT_EQ(seen_count, 2);
    EXPECT_STR(seen[1].device->name, "good");
    forget_tree();
}

TEST(the_console_that_the_firmware_names_comes_first)
{
    struct tree *t = tree_start();
    add_device(t, "serial@1", "test,uart");
    add_device(t, "serial@2", "test,uart");
    tree_node(t, "chosen");
    tree_string(t, "stdout-path", "/serial@2");
    tree_end(t);
    probe_tree(t);
    EXPECT_EQ(seen_count, 2);
    EXPECT_STR(seen[0].device->name, "serial@2");
    forget_tree();
}

// ---- Addresses ----

static void check_reg(const struct device *d, unsigned index, uint64_t base, uint64_t size)
{
    paddr_t got_base;
    uint64_t got_size;
    EXPECT(d != NULL);
    EXPECT_OK(device_reg(d, index, &got_base, &got_size));
    EXPECT_EQ(got_base.raw, base);
    EXPECT_EQ(got_size, size);
}

static void check_no_reg(const struct device *d, unsigned index, status_t want)
{
    paddr_t base;
    uint64_t size;
    EXPECT(d != NULL);
    EXPECT_STATUS(device_reg(d, index, &base, &size), want);
}

TEST(register_windows_are_translated_through_every_bus)
{
    struct tree *t = tree_start();
    start_device(t, "top", "test,plain");
    tree_cells(t, "reg", 8, 0, 0x1000, 0, 0x100, 1, 0x2000, 0, 0x200);
    tree_end(t);
    start_bus(t, "outer", 0x0c000000, 0x100000);
    tree_node(t, "inner");
    tree_cells(t, "#address-cells", 1, 1);
    tree_cells(t, "#size-cells", 1, 1);
    tree_cells(t, "ranges", 6, 0, 0x40000, 0x1000, 0x1000, 0x50000, 0x1000);
    start_device(t, "deep", "test,plain");
    tree_cells(t, "reg", 4, 0x80, 0x10, 0x1080, 0x10);
    tree_end(t);
    tree_end(t);
    tree_end(t);
    probe_tree(t);
    check_reg(find_seen("top"), 0, 0x1000, 0x100);
    check_reg(find_seen("top"), 1, 0x100002000, 0x200);
    check_no_reg(find_seen("top"), 2, ERR_NOENT);
    check_reg(find_seen("deep"), 0, 0x0c040080, 0x10);
    check_reg(find_seen("deep"), 1, 0x0c050080, 0x10);
    forget_tree();
}

TEST(an_empty_ranges_property_is_the_identity_and_none_is_a_wall)
{
    struct tree *t = tree_start();
    tree_node(t, "same");
    tree_cells(t, "#address-cells", 1, 2);
    tree_cells(t, "#size-cells", 1, 1);
    tree_data(t, "ranges", "", 0);
    start_device(t, "through", "test,plain");
    tree_cells(t, "reg", 3, 0, 0x9000000, 0x1000);
    tree_end(t);
    tree_end(t);
    tree_node(t, "closed");
    tree_cells(t, "#address-cells", 1, 1);
    tree_cells(t, "#size-cells", 1, 1);
    start_device(t, "chip@50", "test,plain");
    tree_cells(t, "reg", 2, 0x50, 1);
    tree_end(t);
    tree_end(t);
    probe_tree(t);
    check_reg(find_seen("through"), 0, 0x9000000, 0x1000);
    check_no_reg(find_seen("chip@50"), 0, ERR_INVAL);
    forget_tree();
}

TEST(a_window_that_leaves_its_bus_is_refused)
{
    struct tree *t = tree_start();
    start_bus(t, "bus", 0x0c000000, 0x1000);
    start_device(t, "edge", "test,plain");
    tree_cells(t, "reg", 6, 0xf00, 0x100, 0xf01, 0x100, 0x1000, 1);
    tree_end(t);
    tree_end(t);
    probe_tree(t);
    check_reg(find_seen("edge"), 0, 0x0c000f00, 0x100);
    check_no_reg(find_seen("edge"), 1, ERR_INVAL);
    check_no_reg(find_seen("edge"), 2, ERR_INVAL);
    forget_tree();
}

TEST(a_window_that_is_cut_short_empty_or_wraps_around_is_refused)
{
    struct tree *t = tree_start();
    start_device(t, "odd", "test,plain");
    tree_cells(t, "reg", 11, 0, 0x1000, 0, 0, UINT32_MAX, UINT32_MAX, 0, 2, 0, 0x1000, 0);
    tree_end(t);
    probe_tree(t);
    check_no_reg(find_seen("odd"), 0, ERR_INVAL);
    check_no_reg(find_seen("odd"), 1, ERR_INVAL);
    check_no_reg(find_seen("odd"), 2, ERR_INVAL);
    forget_tree();
}

// ---- Interrupts ----

static void check_irq(const struct device *d, unsigned index, irq_t irq, enum irq_trigger trigger)
{
    irq_t got;
    enum irq_trigger got_trigger;
    EXPECT(d != NULL);
    EXPECT_OK(device_irq(d, index, &got, &got_trigger));
    EXPECT_EQ(got, irq);
    EXPECT_EQ(got_trigger, trigger);
}

static void check_no_irq(const struct device *d, unsigned index, status_t want)
{
    irq_t irq;
    enum irq_trigger trigger;
    EXPECT(d != NULL);
    EXPECT_STATUS(device_irq(d, index, &irq, &trigger), want);
}

TEST(interrupts_go_to_the_nearest_parent_that_a_node_or_its_buses_name)
{
    struct tree *t = tree_start();
    tree_cells(t, "interrupt-parent", 1, 1);
    add_chip(t, "pic", 1);
    tree_node(t, "bus");
    tree_cells(t, "interrupt-parent", 1, 99); // nobody
    start_device(t, "own", "test,plain");
    tree_cells(t, "interrupt-parent", 1, 1);
    tree_cells(t, "interrupts", 4, 5, 0, 6, 1);
    tree_end(t);
    start_device(t, "lost", "test,plain");
    tree_cells(t, "interrupts", 2, 5, 0);
    tree_end(t);
    tree_end(t);
    start_device(t, "inherits", "test,plain");
    tree_cells(t, "interrupts", 2, 7, 1);
    tree_end(t);
    probe_tree(t);
    check_irq(find_seen("own"), 0, 105, IRQ_LEVEL);
    check_irq(find_seen("own"), 1, 106, IRQ_EDGE);
    check_no_irq(find_seen("own"), 2, ERR_NOENT);
    check_no_irq(find_seen("lost"), 0, ERR_NODEV);
    check_irq(find_seen("inherits"), 0, 107, IRQ_EDGE);
    check_no_irq(find_seen("pic"), 0, ERR_NOENT);
    forget_tree();
}

TEST(extended_interrupts_name_a_controller_each)
{
    struct tree *t = tree_start();
    add_chip(t, "pic@1", 1);
    add_chip(t, "pic@2", 2);
    start_device(t, "dev", "test,plain");
    tree_cells(t, "interrupts-extended", 8, 1, 3, 0, 2, 4, 1, 77, 5);
    tree_end(t);
    probe_tree(t);
    check_irq(find_seen("dev"), 0, 103, IRQ_LEVEL);
    check_irq(find_seen("dev"), 1, 104, IRQ_EDGE);
    check_no_irq(find_seen("dev"), 2, ERR_NODEV);
    forget_tree();
}

TEST(a_controller_with_absurd_specifiers_has_no_interrupts)
{
    struct tree *t = tree_start();
    start_device(t, "pic", "test,chip");
    tree_cells(t, "#interrupt-cells", 1, 9);
    tree_cells(t, "phandle", 1, 1);
    tree_end(t);
    start_device(t, "dev", "test,plain");
    tree_cells(t, "interrupt-parent", 1, 1);
    tree_cells(t, "interrupts", 9, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    tree_end(t);
    probe_tree(t);
    check_no_irq(find_seen("dev"), 0, ERR_INVAL);
    forget_tree();
}

TEST(a_cut_interrupt_specifier_is_refused)
{
    struct tree *t = tree_start();
    add_chip(t, "pic", 1);
    start_device(t, "dev", "test,plain");
    tree_cells(t, "interrupt-parent", 1, 1);
    tree_cells(t, "interrupts", 3, 5, 0, 6);
    tree_end(t);
    probe_tree(t);
    check_irq(find_seen("dev"), 0, 105, IRQ_LEVEL);
    check_no_irq(find_seen("dev"), 1, ERR_INVAL);
    forget_tree();
}

// ---- Properties ----

TEST(properties_are_read_by_name_and_kind)
{
    struct tree *t = tree_start();
    uint32_t number = 0;
    unsigned index = 0;
    start_device(t, "dev", "test,plain");
    tree_cells(t, "speed", 1, 0x12345678);
    tree_cells(t, "pair", 2, 1, 2);
    tree_data(t, "flag", "", 0);
    tree_data(t, "interrupt-names", "rx\0tx\0error", 12);
    tree_end(t);
    probe_tree(t);
    EXPECT_EQ(seen_count, 1);
    const struct device *d = seen[0].device;
    EXPECT_OK(device_property_u32(d, "speed", &number));
    EXPECT_EQ(number, 0x12345678);
    EXPECT_STATUS(device_property_u32(d, "pair", &number), ERR_INVAL);
    EXPECT_STATUS(device_property_u32(d, "other", &number), ERR_NOENT);
    EXPECT(device_has_property(d, "flag"));
    EXPECT(!device_has_property(d, "fla"));
    EXPECT_OK(device_find_name(d, "interrupt-names", "error", &index));
    EXPECT_EQ(index, 2);
    EXPECT_STATUS(device_find_name(d, "interrupt-names", "r", &index), ERR_NOENT);
    forget_tree();
}

// ---- Trouble ----

static struct tree *make_busy_tree(void)
{
    struct tree *t = tree_start();
    tree_cells(t, "interrupt-parent", 1, 1);
    add_chip(t, "pic", 1);
    start_bus(t, "bus", 0x0c000000, 0x1000);
    start_device(t, "dev", "test,plain");
    tree_cells(t, "reg", 2, 0x100, 0x100);
    tree_cells(t, "interrupts", 2, 5, 0);
    tree_end(t);
    tree_end(t);
    return t;
}

TEST(running_out_of_memory_while_devices_are_collected_leaves_nothing_behind)
{
    struct span blob = tree_finish(make_busy_tree());
    bool has_failed = true;
    for (size_t n = 0; has_failed && n < 100; n++) {
        devices = NULL;
        inject_arm(n);
        status_t status = fdt_devices_create(blob, &devices);
        has_failed = inject_disarm();
        forget_tree();
        // The heap itself survives some failures.
        EXPECT(status == OK || (has_failed && status == ERR_NOMEM));
    }
    EXPECT(!has_failed);
}

TEST(what_is_not_a_device_tree_is_refused)
{
    struct tree *t = make_busy_tree();
    struct span blob = tree_finish(t);
    EXPECT_STATUS(fdt_devices_create(span_of(blob.data, 39), &devices), ERR_INVAL);
    tree_put(t, 0, 0xfeedd00d);
    EXPECT_STATUS(fdt_devices_create(blob, &devices), ERR_INVAL);
}

// Whatever single word is broken, nothing outside the blob is read and it ends.
TEST(devices_of_a_tree_with_any_word_broken_do_no_harm)
{
    static const uint32_t junk[] = {0, 1, 2, 4, 9, 0x7fffffff, UINT32_MAX};
    struct tree *t = make_busy_tree();
    struct span blob = tree_finish(t);
    for (uint32_t at = 0; at + 4 <= blob.size; at += 4) {
        uint32_t kept = read_be32(blob.data + at);
        for (unsigned i = 0; i < ARRAY_SIZE(junk); i++) {
            tree_put(t, at, junk[i]);
            seen_count = 0;
            if (fdt_devices_create(blob, &devices) != OK) {
                continue;
            }
            fdt_devices_probe(devices);
            for (unsigned k = 0; k < seen_count; k++) {
                paddr_t base;
                uint64_t size;
                irq_t irq;
                enum irq_trigger trigger;
                (void)device_reg(seen[k].device, 0, &base, &size);
                (void)device_irq(seen[k].device, 0, &irq, &trigger);
            }
            forget_tree();
        }
        tree_put(t, at, kept);
    }
    EXPECT_OK(fdt_devices_create(blob, &devices));
    forget_tree();
}

// ---- PCI hosts ----

// A host with one I/O and one memory range, whose slots 0 and 1 have interrupts.
static const struct device *probe_host(uint32_t address_cells)
{
    struct tree *t = tree_start();
    add_chip(t, "pic", 7);
    start_bus(t, "bus", 0x40000000, 0x20000000);
    start_device(t, "pcie", "test,plain");
    tree_cells(t, "#address-cells", 1, address_cells);
    tree_cells(t, "#size-cells", 1, 2);
    tree_cells(t, "#interrupt-cells", 1, 1);
    tree_cells(t, "ranges", 12, 0x01000000, 0, 0, 0x100000, 0, 0x10000, 0x02000000, 0, 0x10000000,
               0x10000000, 0, 0x1000000);
    tree_cells(t, "interrupt-map-mask", 4, 0xf800, 0, 0, 7);
    tree_cells(t, "interrupt-map", 14, 0, 0, 0, 1, 7, 3, 0, 0x800, 0, 0, 1, 7, 4, 1);
    tree_end(t);
    tree_end(t);
    probe_tree(t);
    return find_seen("pcie");
}

TEST(the_addresses_behind_a_pci_host_are_translated)
{
    struct device_range r;
    const struct device *d = probe_host(3);
    EXPECT_OK(device_range(d, 1, &r));
    EXPECT_EQ(r.space, 0x02000000);
    EXPECT_EQ(r.child, 0x10000000);
    EXPECT_EQ(r.base.raw, 0x50000000);
    EXPECT_EQ(r.size, 0x1000000);
    EXPECT_STATUS(device_range(d, 2, &r), ERR_NOENT);
    forget_tree();
    EXPECT_STATUS(device_range(probe_host(2), 1, &r), ERR_INVAL);
    forget_tree();
}

TEST(the_interrupt_of_a_pci_function_stands_in_its_hosts_map)
{
    irq_t irq;
    enum irq_trigger trigger;
    const struct device *d = probe_host(3);
    EXPECT_OK(device_child_irq(d, (uint32_t[]){0x900, 0, 0, 1}, &irq, &trigger)); // function 1
    EXPECT_EQ(irq, 104);
    EXPECT_EQ(trigger, IRQ_EDGE);
    EXPECT_STATUS(device_child_irq(d, (uint32_t[]){0x800, 0, 0, 2}, &irq, &trigger), ERR_NOENT);
    forget_tree();
}

TEST(an_interrupt_map_that_is_cut_short_or_names_no_controller_is_refused)
{
    irq_t irq;
    enum irq_trigger trigger;
    const uint32_t child[] = {0x1000, 0, 0, 1};
    for (uint32_t phandle = 7; phandle < 9; phandle++) {
        struct tree *t = tree_start();
        add_chip(t, "pic", 7);
        start_device(t, "pcie", "test,plain");
        tree_cells(t, "#address-cells", 1, 3);
        tree_cells(t, "#size-cells", 1, 2);
        tree_cells(t, "interrupt-map", 12, 0, 0, 0, 1, phandle, 3, 0, 0x1000, 0, 0, 1, 7);
        tree_end(t);
        probe_tree(t);
        EXPECT_STATUS(device_child_irq(find_seen("pcie"), child, &irq, &trigger),
                      phandle == 7 ? ERR_INVAL : ERR_NODEV);
        forget_tree();
    }
}
