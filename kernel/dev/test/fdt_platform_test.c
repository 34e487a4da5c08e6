// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/fdt_platform.h"

#include "kernel/dev/test/tree.h"
#include "tests/harness/test.h"

struct range {
    uint64_t base;
    uint64_t size;
};

// What the functions under test reported.
static struct {
    struct range ram[8];
    unsigned ram_count;
    struct range reserved[8];
    unsigned reserved_count;
    uint64_t cpus[200];
    unsigned cpu_count;
    status_t answer; // of every report
} seen;

static struct fdt fdt;

static bool open_tree(struct tree *t)
{
    memset(&seen, 0, sizeof(seen));
    return fdt_open(tree_finish(t), &fdt) == OK;
}

static status_t see_ram(paddr_t base, uint64_t size)
{
    seen.ram[seen.ram_count++] = (struct range){base.raw, size};
    return seen.answer;
}

static status_t see_reserved(paddr_t base, uint64_t size)
{
    seen.reserved[seen.reserved_count++] = (struct range){base.raw, size};
    return seen.answer;
}

static status_t see_cpu(uint64_t hwid)
{
    seen.cpus[seen.cpu_count++] = hwid;
    return seen.answer;
}

static void add_memory(struct tree *t, const char *name, uint32_t base, uint32_t size)
{
    tree_node(t, name);
    tree_string(t, "device_type", "memory");
    tree_cells(t, "reg", 4, 1, base, 0, size);
    tree_end(t);
}

static void start_cpus(struct tree *t, uint32_t address_cells)
{
    tree_node(t, "cpus");
    tree_cells(t, "#address-cells", 1, address_cells);
    tree_cells(t, "#size-cells", 1, 0);
}

static void start_cpu(struct tree *t, uint32_t hwid)
{
    tree_node(t, "cpu");
    tree_string(t, "device_type", "cpu");
    tree_string(t, "enable-method", "psci");
    tree_cells(t, "reg", 1, hwid);
}

static void add_cpu(struct tree *t, uint32_t hwid)
{
    start_cpu(t, hwid);
    tree_end(t);
}

// ---- Memory ----

TEST(ram_of_all_banks_is_reported)
{
    struct tree *t = tree_start();
    add_memory(t, "memory@140000000", 0x40000000, 0x10000000);
    add_memory(t, "memory@180000000", 0x80000000, 0x20000000);
    EXPECT(open_tree(t));
    EXPECT_OK(fdt_platform_memory(&fdt, see_ram, see_reserved));
    EXPECT_EQ(seen.ram_count, 2);
    EXPECT_EQ(seen.ram[0].base, 0x140000000);
    EXPECT_EQ(seen.ram[0].size, 0x10000000);
    EXPECT_EQ(seen.ram[1].base, 0x180000000);
    EXPECT_EQ(seen.reserved_count, 0);
}

TEST(one_memory_node_may_list_several_ranges)
{
    struct tree *t = tree_start();
    tree_node(t, "memory");
    tree_string(t, "device_type", "memory");
    tree_cells(t, "reg", 8, 0, 0x1000, 0, 0x2000, 2, 0, 1, 0);
    tree_end(t);
    EXPECT(open_tree(t));
    EXPECT_OK(fdt_platform_memory(&fdt, see_ram, see_reserved));
    EXPECT_EQ(seen.ram_count, 2);
    EXPECT_EQ(seen.ram[1].base, 0x200000000);
    EXPECT_EQ(seen.ram[1].size, 0x100000000);
}

TEST(disabled_memory_and_other_nodes_are_not_ram)
{
    struct tree *t = tree_start();
    tree_node(t, "memory@0"); // secure memory, as QEMU describes it
    tree_string(t, "device_type", "memory");
    tree_string(t, "status", "disabled");
    tree_cells(t, "reg", 4, 0, 0, 0, 0x1000);
    tree_end(t);
    tree_node(t, "flash@0");
    tree_cells(t, "reg", 4, 0, 0, 0, 0x4000000);
    tree_end(t);
    EXPECT(open_tree(t));
    EXPECT_STATUS(fdt_platform_memory(&fdt, see_ram, see_reserved), ERR_NODATA);
    EXPECT_EQ(seen.ram_count, 0);
}

TEST(both_kinds_of_reservations_are_reported)
{
    struct tree *t = tree_start();
    tree_reserve(t, 0x48000000, 0x10000);
    add_memory(t, "memory", 0x40000000, 0x10000000);
    tree_node(t, "reserved-memory");
    tree_cells(t, "#address-cells", 1, 1);
    tree_cells(t, "#size-cells", 1, 1);
    tree_data(t, "ranges", "", 0);
    tree_node(t, "optee@42000000");
    tree_cells(t, "reg", 2, 0x42000000, 0x200000);
    tree_end(t);
    tree_node(t, "linux,cma"); // a wish for memory anywhere, not a place
    tree_cells(t, "size", 1, 0x1000000);
    tree_end(t);
    tree_end(t);
    EXPECT(open_tree(t));
    EXPECT_OK(fdt_platform_memory(&fdt, see_ram, see_reserved));
    EXPECT_EQ(seen.reserved_count, 2);
    EXPECT_EQ(seen.reserved[0].base, 0x48000000);
    EXPECT_EQ(seen.reserved[1].base, 0x42000000);
    EXPECT_EQ(seen.reserved[1].size, 0x200000);
}

TEST(a_refused_range_does_not_hide_the_others)
{
    struct tree *t = tree_start();
    add_memory(t, "memory@1", 0x40000000, 0x1000);
    add_memory(t, "memory@2", 0x50000000, 0x1000);
    EXPECT(open_tree(t));
    seen.answer = ERR_NOSPC;
    EXPECT_STATUS(fdt_platform_memory(&fdt, see_ram, see_reserved), ERR_NOSPC);
    EXPECT_EQ(seen.ram_count, 2);
}

TEST(a_truncated_range_is_left_out)
{
    struct tree *t = tree_start();
    tree_node(t, "memory");
    tree_string(t, "device_type", "memory");
    tree_cells(t, "reg", 7, 0, 0x1000, 0, 0x2000, 2, 0, 1);
    tree_end(t);
    EXPECT(open_tree(t));
    EXPECT_OK(fdt_platform_memory(&fdt, see_ram, see_reserved));
    EXPECT_EQ(seen.ram_count, 1);
}

TEST(absurd_cell_counts_give_no_ram)
{
    struct tree *t = tree_start();
    add_memory(t, "memory", 0x40000000, 0x1000);
    struct span blob = tree_finish(t);
    // The value of the root's #address-cells: behind its BEGIN_NODE, name and property header.
    static const uint32_t values[] = {0, 3, 0x40000000, UINT32_MAX};
    for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
        memset(&seen, 0, sizeof(seen));
        tree_put(t, TREE_STRUCTURE + 8 + 12, values[i]);
        EXPECT_OK(fdt_open(blob, &fdt));
        EXPECT_STATUS(fdt_platform_memory(&fdt, see_ram, see_reserved), ERR_NODATA);
    }
}

// ---- /chosen ----

TEST(a_tree_without_chosen_says_nothing)
{
    struct fdt_chosen chosen;
    EXPECT(open_tree(tree_start()));
    fdt_platform_chosen(&fdt, &chosen);
    EXPECT_EQ(chosen.bootargs.size, 0);
    EXPECT_EQ(chosen.initrd_size, 0);
    EXPECT_EQ(chosen.rng_seed.size, 0);
}

TEST(bootargs_ramdisk_and_seeds_are_found_in_chosen)
{
    struct tree *t = tree_start();
    struct fdt_chosen chosen;
    tree_node(t, "chosen");
    tree_string(t, "bootargs", "quiet log=debug");
    tree_cells(t, "linux,initrd-start", 1, 0x48000000);
    tree_cells(t, "linux,initrd-end", 2, 0, 0x48001234);
    tree_cells(t, "kaslr-seed", 2, 0x01020304, 0x05060708);
    tree_cells(t, "rng-seed", 8, 1, 2, 3, 4, 5, 6, 7, 8);
    tree_end(t);
    EXPECT(open_tree(t));
    fdt_platform_chosen(&fdt, &chosen);
    EXPECT_EQ(chosen.bootargs.size, 15);
    EXPECT_MEM(chosen.bootargs.data, "quiet log=debug", 15);
    EXPECT_EQ(chosen.initrd.raw, 0x48000000);
    EXPECT_EQ(chosen.initrd_size, 0x1234);
    EXPECT_EQ(chosen.kaslr_seed.size, 8);
    EXPECT_EQ(chosen.rng_seed.size, 32);
}

TEST(a_ramdisk_that_ends_before_it_starts_is_none)
{
    struct tree *t = tree_start();
    struct fdt_chosen chosen;
    tree_node(t, "chosen");
    tree_cells(t, "linux,initrd-start", 1, 0x48001000);
    tree_cells(t, "linux,initrd-end", 1, 0x48000000);
    tree_end(t);
    EXPECT(open_tree(t));
    fdt_platform_chosen(&fdt, &chosen);
    EXPECT_EQ(chosen.initrd_size, 0);
}

static void check_stdout(const char *path, const char *want)
{
    struct tree *t = tree_start();
    struct fdt_node node;
    tree_node(t, "pl011@9000000");
    tree_end(t);
    tree_node(t, "pl011@9040000");
    tree_end(t);
    tree_node(t, "aliases");
    tree_string(t, "serial1", "/pl011@9040000");
    tree_end(t);
    tree_node(t, "chosen");
    tree_string(t, "stdout-path", path);
    tree_end(t);
    EXPECT(open_tree(t));
    status_t status = fdt_platform_stdout(&fdt, &node);
    EXPECT_STATUS(status, want != NULL ? OK : ERR_NOENT);
    if (want != NULL) {
        EXPECT_STR(fdt_node_name(&fdt, &node), want);
    }
}

TEST(stdout_is_named_by_path_or_alias_with_or_without_settings)
{
    check_stdout("/pl011@9000000", "pl011@9000000");
    check_stdout("/pl011@9040000:115200n8", "pl011@9040000");
    check_stdout("serial1", "pl011@9040000");
    check_stdout("serial1:9600", "pl011@9040000");
}

TEST(a_stdout_that_does_not_exist_is_none)
{
    check_stdout("/pl011@1", NULL);
    check_stdout("serial", NULL);
    check_stdout("serial11", NULL);
    check_stdout("", NULL);
}

// ---- CPUs ----

TEST(every_cpu_but_the_boot_cpu_is_added_in_order)
{
    struct tree *t = tree_start();
    start_cpus(t, 1);
    add_cpu(t, 0);
    add_cpu(t, 1);
    add_cpu(t, 0x100);
    tree_end(t);
    EXPECT(open_tree(t));
    EXPECT_OK(fdt_platform_cpus(&fdt, 1, UINT64_MAX, see_cpu));
    EXPECT_EQ(seen.cpu_count, 2);
    EXPECT_EQ(seen.cpus[0], 0);
    EXPECT_EQ(seen.cpus[1], 0x100);
}

TEST(an_affinity_of_two_cells_keeps_its_upper_part)
{
    struct tree *t = tree_start();
    start_cpus(t, 2);
    tree_node(t, "cpu");
    tree_string(t, "device_type", "cpu");
    tree_string(t, "enable-method", "psci");
    tree_cells(t, "reg", 2, 0x12, 0x00030201);
    tree_end(t);
    tree_end(t);
    EXPECT(open_tree(t));
    EXPECT_OK(fdt_platform_cpus(&fdt, 0, UINT64_MAX, see_cpu));
    EXPECT_EQ(seen.cpu_count, 1);
    EXPECT_EQ(seen.cpus[0], 0x1200030201);
}

TEST(cpus_that_cannot_be_used_are_skipped)
{
    struct tree *t = tree_start();
    start_cpus(t, 1);
    start_cpu(t, 1);
    tree_string(t, "status", "fail");
    tree_end(t);
    start_cpu(t, 2);
    tree_string(t, "status", "disabled");
    tree_end(t);
    tree_node(t, "cpu@3"); // another way to start it
    tree_string(t, "device_type", "cpu");
    tree_string(t, "enable-method", "spin-table");
    tree_cells(t, "reg", 1, 3);
    tree_end(t);
    tree_node(t, "cpu-map");
    tree_end(t);
    add_cpu(t, 0x01000000); // no affinity bit
    add_cpu(t, 5);
    tree_end(t);
    EXPECT(open_tree(t));
    EXPECT_OK(fdt_platform_cpus(&fdt, 0, UINT64_MAX, see_cpu));
    EXPECT_EQ(seen.cpu_count, 1);
    EXPECT_EQ(seen.cpus[0], 5);
}

TEST(the_limit_counts_the_cpus_that_are_added)
{
    struct tree *t = tree_start();
    start_cpus(t, 1);
    for (uint32_t i = 0; i < 8; i++) {
        add_cpu(t, i);
    }
    tree_end(t);
    EXPECT(open_tree(t));
    EXPECT_OK(fdt_platform_cpus(&fdt, 0, 3, see_cpu));
    EXPECT_EQ(seen.cpu_count, 3);
    seen.cpu_count = 0;
    EXPECT_OK(fdt_platform_cpus(&fdt, 0, 0, see_cpu));
    EXPECT_EQ(seen.cpu_count, 0);
}

TEST(adding_cpus_stops_at_the_first_error)
{
    struct tree *t = tree_start();
    start_cpus(t, 1);
    add_cpu(t, 1);
    add_cpu(t, 2);
    tree_end(t);
    EXPECT(open_tree(t));
    seen.answer = ERR_NOMEM;
    EXPECT_STATUS(fdt_platform_cpus(&fdt, 0, UINT64_MAX, see_cpu), ERR_NOMEM);
    EXPECT_EQ(seen.cpu_count, 1);
}

// ---- Damage ----

// Whatever single word is broken, everything stays inside the blob (the sanitizers look) and ends.
TEST(a_tree_with_any_word_broken_is_read_without_harm)
{
    struct tree *t = tree_start();
    tree_reserve(t, 0x48000000, 0x10000);
    add_memory(t, "memory", 0x40000000, 0x1000);
    start_cpus(t, 1);
    add_cpu(t, 1);
    tree_end(t);
    tree_node(t, "chosen");
    tree_string(t, "bootargs", "quiet");
    tree_string(t, "stdout-path", "serial0");
    tree_end(t);
    struct span blob = tree_finish(t);
    static const uint32_t junk[] = {0, 1, 2, 3, 9, 0x7fffffff, UINT32_MAX};
    for (uint32_t at = 0; at + 4 <= blob.size; at += 4) {
        uint32_t kept = read_be32(blob.data + at);
        for (unsigned i = 0; i < ARRAY_SIZE(junk); i++) {
            struct fdt_chosen chosen;
            struct fdt_node node;
            memset(&seen, 0, sizeof(seen));
            tree_put(t, at, junk[i]);
            if (fdt_open(blob, &fdt) == OK) {
                (void)fdt_platform_memory(&fdt, see_ram, see_reserved);
                fdt_platform_chosen(&fdt, &chosen);
                (void)fdt_platform_stdout(&fdt, &node);
                (void)fdt_platform_cpus(&fdt, 0, UINT64_MAX, see_cpu);
            }
        }
        tree_put(t, at, kept);
    }
    EXPECT_OK(fdt_open(blob, &fdt));
}
