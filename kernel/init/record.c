// SPDX-License-Identifier: Apache-2.0
/* What the loader left: command line, RAM, ramdisk, device tree. */
#include <limits.h>

#include "abi/bootinfo.h"
#include "kernel/arch/arch.h"
#include "kernel/core/bootarg.h"
#include "kernel/core/random.h"
#include "kernel/dev/fdt_platform.h"
#include "kernel/init/init.h"
#include "kernel/init/record_priv.h"
#include "kernel/mm/memmap.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/cmdline/cmdline.h"

enum {
    FDT_HEADER_SIZE = 40,
    CPU_NUMBERS = 8, // of 64 bits: twice what a seed takes
};

struct boot_record boot_record;

static const void *early(paddr_t pa, uint64_t size)
{
    const void *va;
    return arch_early_map(pa, size, &va) == OK ? va : NULL;
}

// The tree's size stands in its header, so it is mapped twice.
static bool open_fdt(struct fdt *fdt)
{
    struct fdt probe;
    const void *header = early(arch_boot.fdt, FDT_HEADER_SIZE);
    if (arch_boot.fdt.raw == 0 || header == NULL || fdt_open_address(header, &probe) != OK) {
        return false;
    }
    const void *tree = early(arch_boot.fdt, probe.blob.size);
    return tree != NULL && fdt_open_address(tree, fdt) == OK;
}

// As fdt_platform_memory calls it; a reservation cannot fail.
static status_t reserve_ram(paddr_t base, uint64_t size)
{
    memory_reserve(base, size);
    return OK;
}

static void add_entropy(const void *bytes, size_t size)
{
    random_add(bytes, size, (unsigned)u64_min(size * 8, UINT_MAX));
}

// The seed of address randomisation is spent: who learns an address knows some of it.
static void read_seeds(const struct fdt_chosen *chosen)
{
    random_add(chosen->kaslr_seed.data, chosen->kaslr_seed.size, 0);
    add_entropy(chosen->rng_seed.data, chosen->rng_seed.size);
}

// Of the CPU's own generator, as much as seeds ours.
static void read_cpu_entropy(void)
{
    uint64_t number;
    for (unsigned i = 0; i < CPU_NUMBERS && arch_random(&number); i++) {
        add_entropy(&number, sizeof(number));
    }
}

static void read_fdt(const struct fdt *fdt)
{
    struct fdt_chosen chosen;
    fdt_platform_chosen(fdt, &chosen);
    read_seeds(&chosen);
    bootarg_init(chosen.bootargs);
    boot_record.ramdisk = chosen.initrd;
    boot_record.ramdisk_size = chosen.initrd_size;
    memory_reserve(chosen.initrd, chosen.initrd_size);
}

static void add_bootinfo_range(const struct bootinfo_memory *m)
{
    switch (m->kind) {
    case BOOTINFO_MEMORY_RAM:
        boot_record.has_lost_ram |= memory_add(paddr(m->base), m->size_bytes) != OK;
        break;
    case BOOTINFO_MEMORY_LOADER:
    case BOOTINFO_MEMORY_ACPI:
        boot_record.has_lost_ram |= memory_add(paddr(m->base), m->size_bytes) != OK;
        memory_reserve(paddr(m->base), m->size_bytes);
        break;
    case BOOTINFO_MEMORY_FIRMWARE:
    case BOOTINFO_MEMORY_RESERVED: memory_exclude(paddr(m->base), m->size_bytes); break;
    }
}

// The firmware's memory map decides alone: the device tree knows nothing of what firmware kept.
static bool read_bootinfo(void)
{
    const struct bootinfo *info = early(arch_boot.bootinfo, sizeof(*info));
    if (arch_boot.bootinfo.raw == 0 || info == NULL) {
        return false;
    }
    const struct bootinfo_memory *map =
        early(paddr(info->memory), info->memory_count * sizeof(*map));
    if (map == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < info->memory_count; i++) {
        add_bootinfo_range(&map[i]);
    }
    const char *line = info->cmdline == 0 ? NULL : early(paddr(info->cmdline), CMDLINE_SIZE_MAX);
    if (line != NULL) {
        bootarg_init(span_of(line, strnlen(line, CMDLINE_SIZE_MAX)));
    }
    add_entropy(info->entropy, u64_min(info->entropy_size_bytes, sizeof(info->entropy)));
    boot_record.ramdisk = paddr(info->ramdisk);
    boot_record.ramdisk_size = info->ramdisk_size_bytes;
    return true;
}

void init_boot_record(void)
{
    struct fdt fdt;
    bool has_fdt = open_fdt(&fdt);
    if (has_fdt) {
        boot_record.fdt_size = fdt.blob.size;
        read_fdt(&fdt);
        memory_reserve(arch_boot.fdt, fdt.blob.size);
    }
    read_cpu_entropy();
    if (!read_bootinfo() && has_fdt) {
        boot_record.has_lost_ram = fdt_platform_memory(&fdt, memory_add, reserve_ram) != OK;
    }
}

void record_after_memory(struct init_record *out)
{
    *out = (struct init_record){};
    if (boot_record.fdt_size != 0) {
        out->fdt = span_of(phys_to_virt(arch_boot.fdt), boot_record.fdt_size);
    }
    if (boot_record.ramdisk_size != 0) {
        out->ramdisk = span_of(phys_to_virt(boot_record.ramdisk), boot_record.ramdisk_size);
    }
}
