// SPDX-License-Identifier: Apache-2.0
/*
 * memcpy, memmove, memset: the freestanding C versions' faster twins.  They use no alignment-
 * sensitive trick beyond element size, so aligned use works with the MMU off too.
 */

    .text
    .globl memcpy
memcpy:
    hint #34                            // BTI c
    mov x3, x0
    cmp x2, #64
    b.lo 2f
1:  ldp x4, x5, [x1]
    ldp x6, x7, [x1, #16]
    ldp x8, x9, [x1, #32]
    ldp x10, x11, [x1, #48]
    add x1, x1, #64
    sub x2, x2, #64
    stp x4, x5, [x3]
    stp x6, x7, [x3, #16]
    stp x8, x9, [x3, #32]
    stp x10, x11, [x3, #48]
    add x3, x3, #64
    cmp x2, #64
    b.hs 1b
2:  cmp x2, #8
    b.lo 3f
    ldr x4, [x1], #8
    str x4, [x3], #8
    sub x2, x2, #8
    b   2b
3:  cbz x2, 5f
4:  ldrb w4, [x1], #1
    strb w4, [x3], #1
    subs x2, x2, #1
    b.ne 4b
5:  ret

    .globl memmove
memmove:
    hint #34                            // BTI c
    sub x3, x0, x1
    cmp x3, x2
    b.hs memcpy                         // no overlap ahead of the reader: forward is safe
    add x1, x1, x2
    add x3, x0, x2
1:  cmp x2, #16
    b.lo 2f
    ldp x4, x5, [x1, #-16]!
    stp x4, x5, [x3, #-16]!
    sub x2, x2, #16
    b   1b
2:  cbz x2, 4f
3:  ldrb w4, [x1, #-1]!
    strb w4, [x3, #-1]!
    subs x2, x2, #1
    b.ne 3b
4:  ret

    .globl memset
memset:
    hint #34                            // BTI c
    mov x3, x0
    and w1, w1, #255
    mov x4, #0x0101010101010101
    mul x4, x4, x1
    cmp x2, #64
    b.lo 2f
1:  stp x4, x4, [x3]
    stp x4, x4, [x3, #16]
    stp x4, x4, [x3, #32]
    stp x4, x4, [x3, #48]
    add x3, x3, #64
    sub x2, x2, #64
    cmp x2, #64
    b.hs 1b
2:  cmp x2, #8
    b.lo 3f
    str x4, [x3], #8
    sub x2, x2, #8
    b   2b
3:  cbz x2, 5f
4:  strb w4, [x3], #1
    subs x2, x2, #1
    b.ne 4b
5:  ret
