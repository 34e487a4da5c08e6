// SPDX-License-Identifier: Apache-2.0
/*
 * The first instructions: the arm64 boot header, the way down from EL2, and the way up to virtual
 * addresses, for the boot CPU and for the others.
 *
 * On entry (Linux arm64 boot protocol): EL2 or EL1, MMU and data cache off, interrupts masked,
 * x0 = physical address of the device tree, x1 = 0 or of struct bootinfo, image at a 2 MiB multiple.
 * On exit: kernel_main at its virtual address, on the boot stack, interrupts masked.
 */
#include "kernel/arch/arm64/inc/arch_offsets.h"
#include "kernel/arch/arm64/sysreg.h"

    .section .head, "ax"
    .globl _start
_start:
    b   entry                           // code0
    .long 0                             // code1
    .quad 0                             // text_offset
    .quad __image_end - _start          // image_size
    .quad 0xa                           // flags: little endian, 4 KiB pages, anywhere
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .long 0

fdt         .req x19
bootinfo    .req x20
counter     .req x21
was_el2     .req x22

entry:
    mrs counter, cntvct_el0
    mov fdt, x0
    mov bootinfo, x1
    bl  drop_to_el1
    mov was_el2, x0

    adrp x0, __bss_start
    adrp x1, __bss_end
1:  stp xzr, xzr, [x0], #16
    stp xzr, xzr, [x0], #16
    cmp x0, x1
    b.lo 1b

    adrp x0, __boot_stack_top
    mov sp, x0
    mov x29, xzr
    mov x30, xzr
    adrp x0, _start
    mov x1, fdt
    mov x2, bootinfo
    mov x3, counter
    mov x4, was_el2
    bl  boot_prepare                    // x0 = virtual minus physical
    mov x19, x0
    bl  mmu_on
    adrp x1, __boot_stack_top
    add x1, x1, x19
    mov sp, x1
    adr x1, 1f
    add x1, x1, x19
    br  x1
1:  hint #36                            // BTI j
    // TTBR0 keeps the identity map until the boot code has moved on.
    msr tpidr_el1, xzr
    bl  kernel_main

/*
 * A secondary CPU, from firmware.  On entry: EL2 or EL1, MMU off, x0 = physical address of struct
 * secondary (cpu.c), cleaned to the point of coherency.
 */
    .globl secondary_start
secondary_start:
    ldp x20, x21, [x0]                  // thread, stack top: virtual addresses
    bl  drop_to_el1
    bl  mmu_on
    adrp x0, boot_offset
    ldr x0, [x0, :lo12:boot_offset]
    adr x1, 1f
    add x1, x1, x0
    br  x1
1:  hint #36                            // BTI j
    mov sp, x21
    msr tpidr_el1, x20
    mov x29, xzr
    mov x30, xzr
    bl  secondary_main

/*
 * Leaves EL2 for EL1 with a sane EL1 state; EL1 stays where it is.  Gives x0 = 1 when it was EL2.
 * Clobbers x0-x2.  Returns to its caller at EL1.
 */
drop_to_el1:
    mov_imm x1, SCTLR_EL1_OFF
    mrs x0, CurrentEL
    cmp x0, #(2 << 2)
    b.eq 1f
    msr sctlr_el1, x1
    isb
    mov x0, #0
    ret
1:  msr sctlr_el1, x1
    mov_imm x0, HCR_EL2_VALUE
    msr hcr_el2, x0
    mov x0, #3                          // EL1 reads the counters and arms the timers
    msr cnthctl_el2, x0
    msr cntvoff_el2, xzr
    mov x0, #0x33ff                     // no traps of FP
    msr cptr_el2, x0
    msr hstr_el2, xzr
    msr vttbr_el2, xzr
    mrs x0, midr_el1
    msr vpidr_el2, x0
    mrs x0, mpidr_el1
    msr vmpidr_el2, x0
    mrs x0, id_aa64dfr0_el1             // debug and performance counters are EL1's
    ubfx x0, x0, #8, #4
    cbz x0, 2f
    mrs x0, pmcr_el0
    ubfx x0, x0, #11, #5
2:  msr mdcr_el2, x0
    mrs x0, id_aa64pfr0_el1             // GIC system registers, if it has them
    ubfx x0, x0, #24, #4
    cbz x0, 3f
    mrs x0, ICC_SRE_EL2
    orr x0, x0, #1                      // SRE
    orr x0, x0, #8                      // Enable
    msr ICC_SRE_EL2, x0
    isb
    msr ICH_HCR_EL2, xzr
3:  mov x0, #0x3c5                      // EL1h, everything masked
    msr spsr_el2, x0
    msr elr_el2, x30
    mov x0, #1
    eret

/*
 * Turns the MMU on with the identity map in TTBR0 and the kernel's tables in TTBR1.
 * On entry: physical addresses, tables made by boot_prepare.  Clobbers x0-x2.
 */
mmu_on:
    adrp x0, identity_root
    msr ttbr0_el1, x0
    adrp x0, kernel_root
    msr ttbr1_el1, x0
    mov_imm x0, MAIR_VALUE
    msr mair_el1, x0
    adrp x0, boot_tcr
    ldr x0, [x0, :lo12:boot_tcr]
    msr tcr_el1, x0
    tlbi vmalle1
    ic  iallu
    dsb nsh
    isb
    adrp x0, boot_sctlr
    ldr x0, [x0, :lo12:boot_sctlr]
    msr sctlr_el1, x0
    isb
    ret
