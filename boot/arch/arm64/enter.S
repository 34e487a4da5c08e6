// SPDX-License-Identifier: Apache-2.0
/* See boot/arch.h. */

SCTLR_M = 1 << 0
SCTLR_C = 1 << 2
SCTLR_I = 1 << 12

    .text

/*
 * On entry: nothing.  On exit: x0 = counter.  Clobbers: nothing else.
 */
    .globl  arch_ticks
    .balign 4
arch_ticks:
    isb
    mrs     x0, cntvct_el0
    ret

/*
 * On entry: x0 = base, x1 = size in bytes.  On exit: the range is clean to the point of coherency.
 * Clobbers: x0-x3, flags.
 */
    .globl  arch_clean
    .balign 4
arch_clean:
address .req x0
end     .req x1
line    .req x2
    add     end, address, end
    mrs     x3, ctr_el0
    ubfx    x3, x3, #16, #4             // CTR_EL0.DminLine: log2 of words in the smallest line
    mov     line, #4
    lsl     line, line, x3
    sub     x3, line, #1
    bic     address, address, x3
1:  cmp     address, end
    b.hs    2f
    dc      civac, address
    add     address, address, line
    b       1b
2:  dsb     sy
    ret
    .unreq  address
    .unreq  end
    .unreq  line

/*
 * On entry: EL1 or EL2, MMU and caches on, identity map, x0 = entry, x1 = fdt, x2 = bootinfo.
 * On exit: at the entry, same EL, DAIF masked, MMU, data and instruction cache off, x0 = fdt,
 * x1 = bootinfo, x2 = x3 = 0, as the arm64 boot protocol asks.  Uses no stack once the MMU is off.
 */
    .globl  arch_enter_kernel
    .balign 4
arch_enter_kernel:
entry    .req x19
fdt      .req x20
bootinfo .req x21
    msr     daifset, #0xf
    mov     entry, x0
    mov     fdt, x1
    mov     bootinfo, x2
    // The instructions from .Loff on are fetched past the caches.
    adr     x0, .Loff
    mov     x1, #(.Loff_end - .Loff)
    bl      arch_clean
    mov     x4, #(SCTLR_M | SCTLR_C)
    orr     x4, x4, #SCTLR_I
    mrs     x5, CurrentEL
    cmp     x5, #(2 << 2)
    b.eq    .Loff_el2
.Loff:
    mrs     x6, sctlr_el1
    bic     x6, x6, x4
    msr     sctlr_el1, x6
    isb
    b       .Lenter
.Loff_el2:
    mrs     x6, sctlr_el2
    bic     x6, x6, x4
    msr     sctlr_el2, x6
    isb
.Lenter:
    ic      iallu
    dsb     nsh
    isb
    mov     x0, fdt
    mov     x1, bootinfo
    mov     x2, xzr
    mov     x3, xzr
    br      entry
.Loff_end:
