// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/fdt_platform.h"

#include "kernel/dev/fdt_node.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    DEFAULT_ADDRESS_CELLS = 2, // where a parent says nothing (2.3.5)
    DEFAULT_SIZE_CELLS = 1,
    PATH_MAX_LEN = 128,
};

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
    uint32_t address_cells = fdt_node_u32(fdt, parent, "#address-cells", DEFAULT_ADDRESS_CELLS);
    uint32_t size_cells = fdt_node_u32(fdt, parent, "#size-cells", DEFAULT_SIZE_CELLS);
    struct span reg;
    if (fdt_property(fdt, node, "reg", &reg) != OK) {
        return;
    }
    size_t offset = 0;
    uint64_t base;
    uint64_t size;
    while (fdt_read_cells(reg, &offset, address_cells, &base) == OK &&
           fdt_read_cells(reg, &offset, size_cells, &size) == OK) {
        report(r, base, size);
    }
}

static bool has_device_type(const struct fdt *fdt, const struct fdt_node *node, const char *type)
{
    struct span value;
    return fdt_property(fdt, node, "device_type", &value) == OK && fdt_value_is(value, type);
}

static void report_ram(const struct fdt *fdt, struct report *r)
{
    struct fdt_node root = fdt_root(fdt);
    struct fdt_node node;
    for (bool more = fdt_first_child(fdt, &root, &node); more;
         more = fdt_next_sibling(fdt, &node, &node)) {
        if (has_device_type(fdt, &node, "memory") && fdt_node_is_okay(fdt, &node)) {
            report_reg(fdt, &root, &node, r);
        }
    }
}

static void report_reserved(const struct fdt *fdt, struct report *r)
{
    uint64_t base;
    uint64_t size;
    for (size_t i = 0; fdt_reservation(fdt, i, &base, &size) == OK; i++) {
        report(r, base, size);
    }
    struct fdt_node parent;
    if (fdt_find_path(fdt, "/reserved-memory", &parent) != OK) {
        return;
    }
    struct fdt_node node;
    for (bool more = fdt_first_child(fdt, &parent, &node); more;
         more = fdt_next_sibling(fdt, &node, &node)) {
        if (fdt_node_is_okay(fdt, &node)) {
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
    size_t offset = 0;
    return fdt_property(fdt, node, name, &value) == OK &&
           fdt_read_cells(value, &offset, (uint32_t)value.size / 4, out) == OK &&
           offset == value.size;
}

void fdt_platform_chosen(const struct fdt *fdt, struct fdt_chosen *out)
{
    *out = (struct fdt_chosen){};
    struct fdt_node chosen;
    if (fdt_find_path(fdt, "/chosen", &chosen) != OK) {
        return;
    }
    struct span value;
    if (fdt_property(fdt, &chosen, "bootargs", &value) == OK) {
        out->bootargs = span_of(value.data, strnlen((const char *)value.data, value.size));
    }
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

static status_t find_alias(const struct fdt *fdt, const char *name, struct fdt_node *out)
{
    struct fdt_node aliases;
    struct span path;
    status_t status = fdt_find_path(fdt, "/aliases", &aliases);
    if (status != OK) {
        return status;
    }
    status = fdt_property(fdt, &aliases, name, &path);
    if (status != OK) {
        return status;
    }
    size_t offset = 0;
    const char *text;
    return fdt_value_next(path, &offset, &text) ? fdt_find_path(fdt, text, out) : ERR_NOENT;
}

status_t fdt_platform_stdout(const struct fdt *fdt, struct fdt_node *out)
{
    struct fdt_node chosen;
    struct span value;
    status_t status = fdt_find_path(fdt, "/chosen", &chosen);
    if (status != OK) {
        return status;
    }
    status = fdt_property(fdt, &chosen, "stdout-path", &value);
    if (status != OK) {
        return status;
    }
    // The UART's own settings may follow after a colon.
    char path[PATH_MAX_LEN];
    size_t len = 0;
    while (len < value.size && value.data[len] != '\0' && value.data[len] != ':') {
        if (len == sizeof(path) - 1) {
            return ERR_NOENT;
        }
        path[len] = (char)value.data[len];
        len++;
    }
    path[len] = '\0';
    return path[0] == '/' ? fdt_find_path(fdt, path, out) : find_alias(fdt, path, out);
}

// The affinity of a CPU that PSCI can start.
static bool read_cpu(const struct fdt *fdt, const struct fdt_node *node, uint32_t address_cells,
                     uint64_t *hwid)
{
    struct span value;
    size_t offset = 0;
    if (!has_device_type(fdt, node, "cpu") || !fdt_node_is_okay(fdt, node) ||
        fdt_property(fdt, node, "enable-method", &value) != OK || !fdt_value_has(value, "psci")) {
        return false;
    }
    return fdt_property(fdt, node, "reg", &value) == OK &&
           fdt_read_cells(value, &offset, address_cells, hwid) == OK && (*hwid & ~HWID_MASK) == 0;
}

status_t fdt_platform_cpus(const struct fdt *fdt, uint64_t boot_hwid, uint64_t limit,
                           status_t (*add)(uint64_t hwid))
{
    struct fdt_node cpus;
    if (fdt_find_path(fdt, "/cpus", &cpus) != OK) {
        return OK;
    }
    uint32_t address_cells = fdt_node_u32(fdt, &cpus, "#address-cells", DEFAULT_ADDRESS_CELLS);
    struct fdt_node node;
    uint64_t added = 0;
    for (bool more = fdt_first_child(fdt, &cpus, &node); more && added < limit;
         more = fdt_next_sibling(fdt, &node, &node)) {
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
