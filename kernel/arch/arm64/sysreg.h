// SPDX-License-Identifier: Apache-2.0
/* System register values and translation table bits (Arm ARM DDI 0487, D17 and D8). */
#pragma once

// SCTLR_EL1 with the MMU off: the bits that are one by architecture.
#define SCTLR_EL1_OFF 0x30d00800
// MMU, caches, stack alignment, WXN, user cache maintenance, DC ZVA, WFI and WFE.  Bit 23 (SPAN)
// stays set where the CPU has no PAN and is cleared by boot.c where it has.
#define SCTLR_EL1_ON  0x34ddd81d

// RW: EL1 is AArch64.  API, APK: pointer authentication does not trap.
#define HCR_EL2_VALUE 0x0000030080000000

// Attribute 0: device nGnRE, 1: normal write-back, 2: normal not cached.
#define MAIR_VALUE 0x44ff04

#define PTE_VALID      (1ull << 0)
#define PTE_TABLE      (1ull << 1) // at levels 0 to 2; "page" at level 3
#define PTE_ATTR(i)    ((unsigned long long)(i) << 2)
#define PTE_USER       (1ull << 6)
#define PTE_RDONLY     (1ull << 7)
#define PTE_INNER      (3ull << 8)
#define PTE_ACCESSED   (1ull << 10)
#define PTE_NOT_GLOBAL (1ull << 11)
#define PTE_GUARDED    (1ull << 50) // branch target identification
#define PTE_PXN        (1ull << 53)
#define PTE_UXN        (1ull << 54)
#define PTE_ADDR       0x0000fffffffff000ull

#ifdef __ASSEMBLER__
#define ICC_SRE_EL2 S3_4_C12_C9_5
#define ICH_HCR_EL2 S3_4_C12_C11_0

// Loads a 64-bit constant without a literal pool (data beside code is not readable everywhere).
// clang-format off
.macro mov_imm reg, value
    movz    \reg, #((\value) & 0xffff)
    movk    \reg, #(((\value) >> 16) & 0xffff), lsl #16
    .if ((\value) >> 32) & 0xffff
    movk    \reg, #(((\value) >> 32) & 0xffff), lsl #32
    .endif
    .if ((\value) >> 48) & 0xffff
    movk    \reg, #(((\value) >> 48) & 0xffff), lsl #48
    .endif
.endm
// clang-format on
#endif
