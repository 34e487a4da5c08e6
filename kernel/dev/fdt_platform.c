// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/fdt_platform.h"

#include "kernel/dev/fdt_node.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

// Affinity fields of MPIDR; a CPU's `reg` has nothing else in it.
static constexpr uint64_t HWID_MASK = 0xff00ffffff;

struct report {
    status_t (*call)(paddr_t base, uint64_t size);
    status_t first_error;
    bool any;
};

static void report(struct report *r, uint64_t base, uint64_t size)
{
    status_t status = r->call(paddr(base), size);
    r->any = true;
    if (r->first_error == OK) {
        r->first_error = status;
    }
}

// Reports each (address, size) pair of the node's `reg`.
static void report_reg(const struct fdt *fdt, const struct fdt_node *parent,
                       const struct fdt_node *node, struct report *r)
{
    uint32_t address_cells = fdt_u32_or(fdt, parent, "#address-cells", FDT_ADDRESS_CELLS);
    uint32_t size_cells = fdt_u32_or(fdt, parent, "#size-cells", FDT_SIZE_CELLS);
    struct span reg;
    if (address_cells == 0 || size_cells == 0 || fdt_property(fdt, node, "reg", &reg) != OK) {
        return;
    }
    size_t offset = 0;
    uint64_t base;
    uint64_t size;
    while (fdt_cells(reg, offset, address_cells, &base) == OK &&
           fdt_cells(reg, offset + (size_t)address_cells * FDT_CELL_SIZE, size_cells, &size) ==
               OK) {
        report(r, base, size);
        offset += (size_t)(address_cells + size_cells) * FDT_CELL_SIZE;
    }
}

static bool string_is(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                      const char *want)
{
    const char *value;
    return fdt_property_string(fdt, node, name, &value) == OK && strcmp(value, want) == 0;
}

static void report_ram(const struct fdt *fdt, struct report *r)
{
    struct fdt_node root;
    struct fdt_node node;
    if (fdt_root(fdt, &root) != OK) {
        return;
    }
    for (status_t s = fdt_first_child(fdt, &root, &node); s == OK;
         s = fdt_next_sibling(fdt, &node, &node)) {
        if (string_is(fdt, &node, "device_type", "memory") && fdt_is_enabled(fdt, &node)) {
            report_reg(fdt, &root, &node, r);
        }
    }
}

static void report_reserved(const struct fdt *fdt, struct report *r)
{
    uint64_t base;
    uint64_t size;
    for (unsigned i = 0; fdt_reservation(fdt, i, &base, &size) == OK; i++) {
        report(r, base, size);
    }
    struct fdt_node parent;
    struct fdt_node node;
    if (fdt_find_path(fdt, "/reserved-memory", &parent) != OK) {
        return;
    }
    for (status_t s = fdt_first_child(fdt, &parent, &node); s == OK;
         s = fdt_next_sibling(fdt, &node, &node)) {
        if (fdt_is_enabled(fdt, &node)) {
            report_reg(fdt, &parent, &node, r);
        }
    }
}

status_t fdt_platform_memory(const struct fdt *fdt, status_t (*add)(paddr_t base, uint64_t size),
                             status_t (*reserve)(paddr_t base, uint64_t size))
{
    struct report ram = {.call = add, .first_error = OK};
    struct report reserved = {.call = reserve, .first_error = OK};
    report_ram(fdt, &ram);
    report_reserved(fdt, &reserved);
    if (!ram.any) {
        return ERR_NODATA;
    }
    return ram.first_error != OK ? ram.first_error : reserved.first_error;
}

// A number of one or two cells, as loaders write addresses in /chosen.
static bool read_address(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                         uint64_t *out)
{
    struct span value;
    return fdt_property(fdt, node, name, &value) == OK &&
           (value.size == FDT_CELL_SIZE || value.size == 2ul * FDT_CELL_SIZE) &&
           fdt_cells(value, 0, (uint32_t)value.size / FDT_CELL_SIZE, out) == OK;
}

void fdt_platform_chosen(const struct fdt *fdt, struct fdt_chosen *out)
{
    *out = (struct fdt_chosen){};
    struct fdt_node chosen;
    if (fdt_find_path(fdt, "/chosen", &chosen) != OK) {
        return;
    }
    const char *bootargs;
    if (fdt_property_string(fdt, &chosen, "bootargs", &bootargs) == OK) {
        out->bootargs = span_of(bootargs, strlen(bootargs));
    }
    struct span value;
    if (fdt_property(fdt, &chosen, "kaslr-seed", &value) == OK) {
        out->kaslr_seed = value;
    }
    if (fdt_property(fdt, &chosen, "rng-seed", &value) == OK) {
        out->rng_seed = value;
    }
    uint64_t start;
    uint64_t end;
    if (read_address(fdt, &chosen, "linux,initrd-start", &start) &&
        read_address(fdt, &chosen, "linux,initrd-end", &end) && start < end) {
        out->initrd = paddr(start);
        out->initrd_size = end - start;
    }
}

// The path behind the alias that `name` starts with.
static status_t find_alias(const struct fdt *fdt, const char *name, size_t len,
                           struct fdt_node *out)
{
    struct fdt_node aliases;
    status_t status = fdt_find_path(fdt, "/aliases", &aliases);
    if (status != OK) {
        return status;
    }
    struct fdt_property p = fdt_properties(&aliases);
    for (status = fdt_next_property(fdt, &p); status == OK; status = fdt_next_property(fdt, &p)) {
        if (strncmp(p.name, name, len) == 0 && p.name[len] == '\0') {
            return fdt_find_path_n(fdt, (const char *)p.value.data,
                                   strnlen((const char *)p.value.data, p.value.size), out);
        }
    }
    return status;
}

status_t fdt_platform_stdout(const struct fdt *fdt, struct fdt_node *out)
{
    struct fdt_node chosen;
    const char *path;
    status_t status = fdt_find_path(fdt, "/chosen", &chosen);
    if (status != OK) {
        return status;
    }
    status = fdt_property_string(fdt, &chosen, "stdout-path", &path);
    if (status != OK) {
        return status;
    }
    // The UART's own settings may follow behind a colon.
    const char *colon = strchr(path, ':');
    size_t len = colon != NULL ? (size_t)(colon - path) : strlen(path);
    return path[0] == '/' ? fdt_find_path_n(fdt, path, len, out) : find_alias(fdt, path, len, out);
}

// The affinity of a CPU that PSCI can start.
static bool read_cpu(const struct fdt *fdt, const struct fdt_node *node, uint32_t address_cells,
                     uint64_t *hwid)
{
    struct span reg;
    return string_is(fdt, node, "device_type", "cpu") && fdt_is_enabled(fdt, node) &&
           string_is(fdt, node, "enable-method", "psci") &&
           fdt_property(fdt, node, "reg", &reg) == OK && address_cells != 0 &&
           fdt_cells(reg, 0, address_cells, hwid) == OK && (*hwid & ~HWID_MASK) == 0;
}

status_t fdt_platform_cpus(const struct fdt *fdt, uint64_t boot_hwid, uint64_t limit,
                           status_t (*add)(uint64_t hwid))
{
    struct fdt_node cpus;
    struct fdt_node node;
    if (fdt_find_path(fdt, "/cpus", &cpus) != OK) {
        return OK;
    }
    uint32_t address_cells = fdt_u32_or(fdt, &cpus, "#address-cells", FDT_ADDRESS_CELLS);
    uint64_t added = 0;
    for (status_t s = fdt_first_child(fdt, &cpus, &node); s == OK && added < limit;
         s = fdt_next_sibling(fdt, &node, &node)) {
        uint64_t hwid;
        if (!read_cpu(fdt, &node, address_cells, &hwid) || hwid == boot_hwid) {
            continue;
        }
        status_t status = add(hwid);
        if (status != OK) {
            return status;
        }
        added++;
    }
    return OK;
}
