// SPDX-License-Identifier: Apache-2.0
/*
 * Copies between kernel and user memory that survive any pointer, and whole-page primitives.
 *
 * Every instruction that touches user memory has an entry in .extable: when it faults and the fault
 * cannot be resolved, execution goes on at the entry's second address.  The block loops go on in
 * the byte loops, so that the count of bytes not copied is exact.
 */

.macro may_fault target, instruction:vararg
8888: \instruction
    .pushsection .extable, "a"
    .balign 8
    .long 8888b - .
    .long \target - .
    .popsection
.endm

to      .req x0
from    .req x1
left    .req x2

// size_t user_copy_in(void *to, const void *from_user, size_t size): bytes left.
    .text
    .globl user_copy_in
user_copy_in:
    hint #34                            // BTI c
    cmp left, #64
    b.lo 2f
1:  may_fault 3f, ldp x4, x5, [from]
    may_fault 3f, ldp x6, x7, [from, #16]
    may_fault 3f, ldp x8, x9, [from, #32]
    may_fault 3f, ldp x10, x11, [from, #48]
    stp x4, x5, [to]
    stp x6, x7, [to, #16]
    stp x8, x9, [to, #32]
    stp x10, x11, [to, #48]
    add from, from, #64
    add to, to, #64
    sub left, left, #64
    cmp left, #64
    b.hs 1b
2:  cmp left, #8
    b.lo 3f
    may_fault 3f, ldr x4, [from]
    str x4, [to], #8
    add from, from, #8
    sub left, left, #8
    b   2b
3:  cbz left, 5f
4:  may_fault 5f, ldrb w4, [from]
    strb w4, [to], #1
    add from, from, #1
    subs left, left, #1
    b.ne 4b
5:  mov x0, left
    ret

// size_t user_copy_out(void *to_user, const void *from, size_t size): bytes left.
    .globl user_copy_out
user_copy_out:
    hint #34                            // BTI c
    cmp left, #64
    b.lo 2f
1:  ldp x4, x5, [from]
    ldp x6, x7, [from, #16]
    ldp x8, x9, [from, #32]
    ldp x10, x11, [from, #48]
    may_fault 3f, stp x4, x5, [to]
    may_fault 3f, stp x6, x7, [to, #16]
    may_fault 3f, stp x8, x9, [to, #32]
    may_fault 3f, stp x10, x11, [to, #48]
    add from, from, #64
    add to, to, #64
    sub left, left, #64
    cmp left, #64
    b.hs 1b
2:  cmp left, #8
    b.lo 3f
    ldr x4, [from]
    may_fault 3f, str x4, [to]
    add from, from, #8
    add to, to, #8
    sub left, left, #8
    b   2b
3:  cbz left, 5f
4:  ldrb w4, [from], #1
    may_fault 5f, strb w4, [to]
    add to, to, #1
    subs left, left, #1
    b.ne 4b
5:  mov x0, left
    ret

// size_t user_zero(void *to_user, size_t size): bytes left.
    .globl user_zero
user_zero:
    hint #34                            // BTI c
    mov left, x1
1:  cmp left, #16
    b.lo 2f
    may_fault 2f, stp xzr, xzr, [to]
    add to, to, #16
    sub left, left, #16
    b   1b
2:  cbz left, 4f
3:  may_fault 4f, strb wzr, [to]
    add to, to, #1
    subs left, left, #1
    b.ne 3b
4:  mov x0, left
    ret

// int64_t user_string_in(char *to, const char *from_user, size_t max): length, -1: fault, -2: no NUL.
    .globl user_string_in
user_string_in:
    hint #34                            // BTI c
    mov x3, #0
1:  cmp x3, left
    b.hs 3f
    may_fault 4f, ldrb w4, [from, x3]
    strb w4, [to, x3]
    cbz w4, 2f
    add x3, x3, #1
    b   1b
2:  mov x0, x3
    ret
3:  mov x0, #-2
    ret
4:  mov x0, #-1
    ret

// bool arch_probe_read(vaddr_t va, uint64_t *out)
    .globl arch_probe_read
arch_probe_read:
    hint #34                            // BTI c
    may_fault 1f, ldr x2, [x0]
    str x2, [x1]
    mov w0, #1
    ret
1:  mov w0, #0
    ret

// void arch_page_zero(void *page): with DC ZVA where it is allowed and clears up to 512 bytes.  The
// page-fault path ends here, so the usual block of 64 bytes (log2 of its words is 4) has no loop.
    .globl arch_page_zero
arch_page_zero:
    hint #34                            // BTI c
    mrs x3, dczid_el0
    cmp x3, #4
    b.ne 1f
    .rept 63
    dc  zva, x0
    add x0, x0, #64
    .endr
    dc  zva, x0
    ret
1:  cmp x3, #7                          // bit 4: prohibited
    b.hi 3f
    mov w4, #4
    lsl x3, x4, x3
    add x1, x0, #4096
2:
    .rept 8
    dc  zva, x0
    add x0, x0, x3
    .endr
    cmp x0, x1
    b.ne 2b
    ret
3:  add x1, x0, #4096
4:  stp xzr, xzr, [x0], #16
    stp xzr, xzr, [x0], #16
    stp xzr, xzr, [x0], #16
    stp xzr, xzr, [x0], #16
    cmp x0, x1
    b.ne 4b
    ret

// void arch_page_copy(void *to, const void *from)
    .globl arch_page_copy
arch_page_copy:
    hint #34                            // BTI c
    add x2, x0, #4096
1:  ldp x4, x5, [x1]
    ldp x6, x7, [x1, #16]
    ldp x8, x9, [x1, #32]
    ldp x10, x11, [x1, #48]
    stp x4, x5, [x0]
    stp x6, x7, [x0, #16]
    stp x8, x9, [x0, #32]
    stp x10, x11, [x0, #48]
    add x1, x1, #64
    add x0, x0, #64
    cmp x0, x2
    b.ne 1b
    ret

// int64_t user_swap(uint32_t *user, uint32_t expected, uint32_t new, uint32_t *seen): replaces the word
// if it is `expected`; stores what it was.  0, or -1 when it faults.
    .globl user_swap
user_swap:
    hint #34                            // BTI c
1:  may_fault 3f, ldaxr w4, [x0]
    cmp w4, w1
    b.ne 2f
    may_fault 3f, stlxr w5, w2, [x0]
    cbnz w5, 1b
2:  str w4, [x3]
    mov x0, #0
    ret
3:  mov x0, #-1
    ret
