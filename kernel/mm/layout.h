// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's half of the address space and the user's half.  On AArch64 (TTBR1 and TTBR0, 48 bits
 * each; <arch_layout.h> has the kernel's constants):
 *
 *   0xffff_0000_0000_0000  linear map: physical address + LINEAR_BASE, RW-NX (kernel text's alias RO)
 *   0xffff_8000_0000_0000  page array: struct page of each page frame that is on line
 *   0xffff_9000_0000_0000  kernel mappings: stacks with guard pages, device windows
 *   0xffff_a000_0000_0000  kernel image, at a random multiple of 2 MiB
 *   0x0000_0000_0000_0000  user: [USER_BASE, USER_END)
 */
#pragma once

#include <arch_layout.h>

#include "lib/base/types.h"

constexpr size_t IMAGE_RANGE = 1ull << 38; // KASLR places the image inside this much

constexpr vaddr_t USER_BASE = 0x10000; // the first 64 KiB never map: a NULL pointer faults
constexpr vaddr_t USER_END = 0x0001000000000000;

enum {
    KERNEL_STACK_SIZE = 16384,
    SECTION_SHIFT = 24, // RAM comes on line in sections of 16 MiB
};

// RAM above this is left alone: page frame numbers have 32 bits.
constexpr uint64_t RAM_END = 1ull << 44;
