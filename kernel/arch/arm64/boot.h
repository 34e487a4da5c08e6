// SPDX-License-Identifier: Apache-2.0
/*
 * Between the entry code and the MMU code: the tables that boot_prepare made, and what the entry
 * found.  Only for kernel/arch/arm64.
 */
#pragma once

#include "kernel/arch/arch.h"

enum { TABLE_ENTRIES = 512, EARLY_SLOTS = 64 };

// Linker symbols; their addresses count.
extern char __image_start[], __text_end[], __rodata_end[], __image_end[];
extern char __boot_stack_guard[], __boot_stack[], __boot_stack_top[];
extern char __relr_start[], __relr_end[];

extern uint64_t kernel_root[TABLE_ENTRIES]; // TTBR1
extern uint64_t empty_root[TABLE_ENTRIES];  // TTBR0 when there is no user address space
extern uint64_t early_l2[TABLE_ENTRIES];    // 2 MiB windows at EARLY_BASE
extern uint64_t window_l3[TABLE_ENTRIES];   // 4 KiB windows at WINDOW_BASE

// Temporary mappings share the last GiB of the image's 512 GiB.
constexpr vaddr_t EARLY_BASE = 0xffffa07fc0000000;
constexpr vaddr_t WINDOW_BASE = EARLY_BASE + ((vaddr_t)EARLY_SLOTS << 21);

// Physical address of something in the image, by its virtual one.
static inline paddr_t image_to_phys(const void *p)
{
    return paddr_add(arch_boot.image_pa, (vaddr_t)p - arch_boot.image_va);
}

// From asm, MMU off.  Builds the tables, relocates the image, and gives virtual minus physical.
uint64_t boot_prepare(uint64_t image_pa, uint64_t fdt_pa, uint64_t bootinfo_pa, uint64_t counter,
                      bool was_el2);
