// SPDX-License-Identifier: Apache-2.0
/*
 * What has to happen before the MMU is on: choose where the kernel lives, build its first page
 * tables with final permissions, and relocate it.
 *
 * This code runs at physical addresses with all memory behaving like device memory: no unaligned
 * access (-mstrict-align), no pointer from initialised data before relocate() has run, and none
 * after it, since those are virtual.
 */
#include "kernel/arch/arm64/boot.h"

#include "abi/bootinfo.h"
#include "kernel/arch/arm64/sysreg.h"
#include "kernel/mm/layout.h"
#include "lib/base/bits.h"
#include "lib/cmdline/cmdline.h"
#include "lib/fdt/fdt.h"

#define TABLE __attribute__((section(".bss.tables"), aligned(4096)))

enum { IMAGE_TABLES = 4 }; // level 3 tables for the image: 8 MiB at most

TABLE uint64_t kernel_root[TABLE_ENTRIES];
TABLE uint64_t empty_root[TABLE_ENTRIES];
TABLE uint64_t early_l2[TABLE_ENTRIES];
TABLE uint64_t window_l3[TABLE_ENTRIES];
TABLE uint64_t identity_root[TABLE_ENTRIES];
TABLE static uint64_t identity_l1[TABLE_ENTRIES];
TABLE static uint64_t identity_l2[TABLE_ENTRIES];
TABLE static uint64_t image_l1[TABLE_ENTRIES];
TABLE static uint64_t image_l2[TABLE_ENTRIES];
TABLE static uint64_t image_l3[IMAGE_TABLES * TABLE_ENTRIES];

uint64_t boot_offset, boot_tcr, boot_sctlr; // read by start.S, MMU off
struct arch_boot arch_boot;

static unsigned table_index(vaddr_t va, unsigned level)
{
    return (va >> (39 - 9 * level)) & (TABLE_ENTRIES - 1);
}

static uint64_t table_entry(const uint64_t *table)
{
    return (uint64_t)table | PTE_VALID | PTE_TABLE;
}

/* ---- Where to live ---- */

static uint64_t mix(uint64_t x)
{
    // SplitMix64's finaliser: every input bit reaches every output bit.
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9;
    x ^= x >> 27;
    x *= 0x94d049bb133111eb;
    return x ^ x >> 31;
}

static uint64_t fold(uint64_t seed, const uint8_t *p, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        seed = mix(seed ^ p[i]);
    }
    return seed;
}

// Entropy for the image's place: the firmware's seeds, RNDR, and the counter.
static uint64_t collect_seed(struct span fdt_seed, const struct bootinfo *info, uint64_t counter)
{
    uint64_t seed = mix(counter);
    seed = fold(seed, fdt_seed.data, fdt_seed.size);
    if (info != NULL) {
        seed = fold(seed, info->entropy, u64_min(info->entropy_size_bytes, sizeof(info->entropy)));
    }
    uint64_t isar0;
    __asm__("mrs %0, id_aa64isar0_el1" : "=r"(isar0));
    if (isar0 >> 60 != 0) {
        uint64_t random;
        __asm__ volatile("mrs %0, s3_3_c2_c4_0" : "=r"(random)::"cc");
        seed = mix(seed ^ random);
    }
    return seed;
}

// The command line and seed in /chosen; both empty when there is no usable tree.
static void read_chosen(uint64_t fdt_pa, struct span *bootargs, struct span *seed)
{
    struct fdt fdt;
    struct fdt_node chosen;
    *bootargs = *seed = (struct span){};
    if (fdt_pa == 0 || !is_aligned(fdt_pa, 8) ||
        fdt_open_address((const void *)fdt_pa, &fdt) != OK ||
        fdt_find_path(&fdt, "/chosen", &chosen) != OK) {
        return;
    }
    if (fdt_property(&fdt, &chosen, "bootargs", bootargs) != OK) {
        *bootargs = (struct span){};
    }
    if (fdt_property(&fdt, &chosen, "kaslr-seed", seed) != OK) {
        *seed = (struct span){};
    }
}

static const struct bootinfo *bootinfo_at(uint64_t pa)
{
    const struct bootinfo *info = (const struct bootinfo *)pa;
    if (pa == 0 || !is_aligned(pa, 8) || info->magic != BOOTINFO_MAGIC) {
        return NULL;
    }
    return info;
}

// A random multiple of 2 MiB in the image range, clear of the temporary windows in its last GiB and
// of a GiB boundary (one level 2 table holds the image).
static vaddr_t choose_place(uint64_t fdt_pa, uint64_t bootinfo_pa, uint64_t counter, size_t size)
{
    struct span bootargs;
    struct span fdt_seed;
    const struct bootinfo *info = bootinfo_at(bootinfo_pa);
    read_chosen(fdt_pa, &bootargs, &fdt_seed);
    if (info != NULL && info->cmdline != 0) {
        bootargs = span_of((const void *)info->cmdline, CMDLINE_SIZE_MAX);
    }
    arch_boot.is_randomised = !cmdline_has((const char *)bootargs.data, bootargs.size, "nokaslr");
    if (!arch_boot.is_randomised) {
        return IMAGE_BASE;
    }
    uint64_t seed = collect_seed(fdt_seed, info, counter);
    uint64_t slots_per_gib = (1u << 9) - (align_up(size, 1u << 21) >> 21) + 1;
    uint64_t gib = (seed >> 32) % (IMAGE_RANGE >> 30);
    uint64_t slot = (uint32_t)seed % slots_per_gib;
    return IMAGE_BASE + (gib << 30) + (slot << 21);
}

/* ---- Tables ---- */

static uint64_t image_permissions(uint64_t offset)
{
    uint64_t common = PTE_VALID | PTE_TABLE | PTE_ATTR(1) | PTE_INNER | PTE_ACCESSED | PTE_UXN;
    uint64_t image = (uint64_t)__image_start;
    if (offset < (uint64_t)__text_end - image) {
        return common | PTE_RDONLY | PTE_GUARDED;
    }
    if (offset < (uint64_t)__rodata_end - image) {
        return common | PTE_RDONLY | PTE_PXN;
    }
    return common | PTE_PXN;
}

static void map_image(vaddr_t va, uint64_t pa, size_t size)
{
    kernel_root[table_index(va, 0)] = table_entry(image_l1);
    image_l1[table_index(va, 1)] = table_entry(image_l2);
    uint64_t guard = (uint64_t)__boot_stack_guard - (uint64_t)__image_start;
    for (uint64_t offset = 0; offset < size; offset += PAGE_SIZE) {
        if (is_aligned(offset, 1u << 21)) {
            image_l2[table_index(va + offset, 2)] =
                table_entry(&image_l3[(offset >> 21) * TABLE_ENTRIES]);
        }
        if (offset != guard) {
            image_l3[offset >> PAGE_SHIFT] = (pa + offset) | image_permissions(offset);
        }
    }
}

static void map_windows(void)
{
    image_l1[table_index(EARLY_BASE, 1)] = table_entry(early_l2);
    early_l2[table_index(WINDOW_BASE, 2)] = table_entry(window_l3);
}

// The 2 MiB block of the entry code at its physical address, for the moment the MMU goes on.
static void map_identity(uint64_t pa)
{
    identity_root[table_index(pa, 0)] = table_entry(identity_l1);
    identity_l1[table_index(pa, 1)] = table_entry(identity_l2);
    identity_l2[table_index(pa, 2)] = align_down(pa, 1u << 21) | PTE_VALID | PTE_ATTR(1) |
                                      PTE_INNER | PTE_ACCESSED | PTE_RDONLY | PTE_UXN;
}

/* ---- Relocation ---- */

// RELR: an even word is the address of a pointer; an odd word is a bitmap of the 63 words after it.
static void relocate(uint64_t image_pa, uint64_t va)
{
    const uint64_t *end = (const uint64_t *)__relr_end;
    uint64_t *where = (uint64_t *)image_pa; // the first entry is an address
    for (const uint64_t *r = (const uint64_t *)__relr_start; r < end; r++) {
        if ((*r & 1) == 0) {
            where = (uint64_t *)(image_pa + *r);
            *where++ += va;
            continue;
        }
        for (uint64_t bits = *r >> 1, *p = where; bits != 0; bits >>= 1, p++) {
            if ((bits & 1) != 0) {
                *p += va;
            }
        }
        where += 63;
    }
}

static void choose_registers(void)
{
    uint64_t mmfr0;
    uint64_t mmfr1;
    __asm__("mrs %0, id_aa64mmfr0_el1" : "=r"(mmfr0));
    __asm__("mrs %0, id_aa64mmfr1_el1" : "=r"(mmfr1));
    uint64_t pa_range = u64_min(mmfr0 & 0xf, 5); // 48 bits at most
    bool has_asid16 = (mmfr0 >> 4 & 0xf) == 2;
    bool has_pan = (mmfr1 >> 20 & 0xf) != 0;
    boot_tcr = 16ull | 16ull << 16                    // 48-bit addresses in both halves
               | 1ull << 8 | 1ull << 10 | 3ull << 12  // TTBR0 walks: cached, inner shareable
               | 1ull << 24 | 1ull << 26 | 3ull << 28 // TTBR1 walks likewise
               | 2ull << 30                           // TTBR1: 4 KiB pages
               | pa_range << 32 | (has_asid16 ? 1ull << 36 : 0);
    boot_sctlr = SCTLR_EL1_ON & ~(has_pan ? 1ull << 23 : 0);
}

uint64_t boot_prepare(uint64_t image_pa, uint64_t fdt_pa, uint64_t bootinfo_pa, uint64_t counter,
                      bool was_el2)
{
    size_t size = (uint64_t)__image_end - (uint64_t)__image_start;
    vaddr_t va = choose_place(fdt_pa, bootinfo_pa, counter, size);
    choose_registers();
    map_image(va, image_pa, size);
    map_windows();
    map_identity(image_pa);
    relocate(image_pa, va);
    arch_boot.fdt = paddr(fdt_pa);
    arch_boot.bootinfo = paddr(bootinfo_at(bootinfo_pa) == NULL ? 0 : bootinfo_pa);
    arch_boot.counter_at_entry = counter;
    arch_boot.was_el2 = was_el2;
    arch_boot.image_pa = paddr(image_pa);
    arch_boot.image_va = va;
    arch_boot.image_size = size;
    arch_boot.readonly_size = (uint64_t)__rodata_end - (uint64_t)__image_start;
    arch_boot.text_size = (uint64_t)__text_end - (uint64_t)__image_start;
    boot_offset = va - image_pa;
    return boot_offset;
}
