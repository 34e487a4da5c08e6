// SPDX-License-Identifier: Apache-2.0
/*
 * Copies between kernel and user memory that survive any pointer, and whole-page primitives.
 *
 * Every instruction that touches user memory stands in a run of such instructions that has an entry
 * in .extable: when one faults and the fault cannot be resolved, execution goes on at the entry's
 * third address.  Copies advance `to` last, and only by what was copied, so there the rest follows
 * from it and is copied byte by byte: the count of bytes not copied is exact.
 */
#include "kernel/arch/arm64/inc/arch_offsets.h"

.macro user_access_begin
8888:
.endm

// Closes the run that begins at user_access_begin.
.macro user_access_end target
8889:
    .pushsection .extable, "a"
    .balign 4
    .long 8888b - .
    .long 8889b - .
    .long \target - .
    .popsection
.endm

.macro may_fault target, instruction:vararg
    user_access_begin
    \instruction
    user_access_end \target
.endm

to      .req x0
from    .req x1
left    .req x2
end     .req x3                         // of `to`
ahead   .req x15                        // how far `from` is ahead of `to`
has_pan .req w14

// Goes to `refused` unless [address, address + left) lies within user memory.
.macro check_user_range address, refused
    mov x9, #1 << USER_BITS
    subs x9, x9, \address
    ccmp left, x9, #2, hs               // below the end: compare; else the flags of "higher"
    b.hi \refused
.endm

// Lifts privileged-access-never for what comes before user_access_forbid.
.macro user_access_allow
    adrp x14, arch_features + FEATURES_HAS_PAN
    ldrb has_pan, [x14, :lo12:arch_features + FEATURES_HAS_PAN]
    cbz has_pan, 7777f
    .inst 0xd500409f                    // msr pan, #0
7777:
.endm

.macro user_access_forbid
    cbz has_pan, 7777f
    .inst 0xd500419f                    // msr pan, #1
7777:
.endm

// Loads or stores up to four pairs in a row, at `at` and behind; the variants for user memory are runs.
.macro pairs operation, base, at, count
    \operation x4, x5, [\base, #\at]
    .if \count > 1
    \operation x6, x7, [\base, #\at + 16]
    .endif
    .if \count > 2
    \operation x8, x9, [\base, #\at + 32]
    .endif
    .if \count > 3
    \operation x10, x11, [\base, #\at + 48]
    .endif
.endm

// The same, then one more pair at 0, which advances the base by `size`.
.macro last_pairs operation, base, at, count, size
    .if \count > 0
    pairs \operation, \base, \at, \count
    .endif
    \operation x12, x13, [\base], #\size
.endm

.macro load_pairs user, at, count
    .ifc \user, from
    user_access_begin
    .endif
    pairs ldp, from, \at, \count
    .ifc \user, from
    user_access_end 8f
    .endif
.endm

.macro store_pairs user, at, count
    .ifc \user, to
    user_access_begin
    .endif
    pairs stp, to, \at, \count
    .ifc \user, to
    user_access_end 8f
    .endif
.endm

.macro copy_pairs user, at, count
    load_pairs \user, \at, \count
    store_pairs \user, \at, \count
.endm

// Up to five pairs, of which the last advances.
.macro copy_last_pairs user, at, count, size
    .ifc \user, from
    user_access_begin
    .endif
    last_pairs ldp, from, \at, \count, \size
    .ifc \user, from
    user_access_end 8f
    .else
    user_access_begin
    .endif
    last_pairs stp, to, \at, \count, \size
    .ifc \user, to
    user_access_end 8f
    .endif
.endm

// One register, or a part of one.
.macro copy_part user, load, store, register, size
    .ifc \user, from
    may_fault 8f, \load \register, [from], #\size
    \store \register, [to], #\size
    .else
    \load \register, [from], #\size
    may_fault 8f, \store \register, [to], #\size
    .endif
.endm

/*
 * The body of both copies; `user` is the side that is user memory.  256 bytes at a time, then what the
 * bits of the size say.  Clobbers x3-x15; leaves with the bytes not copied in x0.
 */
.macro copy_bytes user
    user_access_allow
    add end, to, left
    sub ahead, from, to
    subs left, left, #256
    b.lo 2f
1:  copy_pairs \user, 16, 4
    copy_pairs \user, 80, 4
    copy_pairs \user, 144, 4
    copy_last_pairs \user, 208, 3, 256
    subs left, left, #256
    b.hs 1b
2:  tst left, #0xf0                     // the low bits are those of the size
    b.eq 4f
    tbz left, #7, 3f
    copy_pairs \user, 16, 4
    copy_last_pairs \user, 80, 3, 128
3:  tbz left, #6, 3f
    copy_last_pairs \user, 16, 3, 64
3:  tbz left, #5, 3f
    copy_last_pairs \user, 16, 1, 32
3:  tbz left, #4, 3f
    copy_last_pairs \user, 16, 0, 16
4:
3:  tbz left, #3, 3f
    copy_part \user, ldr, str, x4, 8
3:  tbz left, #2, 3f
    copy_part \user, ldr, str, w4, 4
3:  tbz left, #1, 3f
    copy_part \user, ldrh, strh, w4, 2
3:  tbz left, #0, 3f
    copy_part \user, ldrb, strb, w4, 1
3:  user_access_forbid
    mov x0, #0
    ret
8:  add from, to, ahead                 // a fault: byte by byte up to where it was
    .ifc \user, from
8:  may_fault 9f, ldrb w4, [from], #1
    strb w4, [to], #1
    .else
8:  ldrb w4, [from], #1
    may_fault 9f, strb w4, [to], #1
    .endif
    cmp to, end
    b.ne 8b
9:  user_access_forbid
    sub x0, end, to
    ret
.endm

// size_t arch_copy_from_user(void *to, vaddr_t from, size_t size)
    .text
    .globl arch_copy_from_user
arch_copy_from_user:
    hint #34                            // BTI c
    check_user_range from, refused
    copy_bytes from

// size_t arch_copy_to_user(vaddr_t to, const void *from, size_t size)
    .globl arch_copy_to_user
arch_copy_to_user:
    hint #34                            // BTI c
    check_user_range to, refused
    copy_bytes to

refused:
    mov x0, left
    ret

// size_t arch_zero_user(vaddr_t to, size_t size)
    .globl arch_zero_user
arch_zero_user:
    hint #34                            // BTI c
    mov left, x1
    check_user_range to, refused
    user_access_allow
    add end, to, left
1:  subs left, left, #64
    b.lo 2f
    user_access_begin
    stp xzr, xzr, [to, #16]
    stp xzr, xzr, [to, #32]
    stp xzr, xzr, [to, #48]
    stp xzr, xzr, [to], #64
    user_access_end 2f
    b   1b
2:  cmp to, end
    b.eq 3f
    may_fault 3f, strb wzr, [to], #1
    b   2b
3:  user_access_forbid
    sub x0, end, to
    ret

/*
 * int64_t user_string_in(char *to, const char *from_user, size_t max): length, -1: fault, -2: no NUL.
 * A word at a time, each aligned, so that none reaches into another page than its bytes; the first
 * one has fewer of them.  What is behind the NUL in its word comes along, within `max`.
 */
ones    .req x8
highs   .req x9                         // the top bit of each byte
    .globl user_string_in
user_string_in:
    hint #34                            // BTI c
    user_access_allow
    mov ones, #0x0101010101010101
    lsl highs, ones, #7
    mov x3, to
    ands x5, from, #7
    b.eq 2f
    cmp left, #8
    b.lo 4f
    bic from, from, #7
    may_fault 7f, ldr x4, [from], #8
    lsl x6, x5, #3
    lsr x4, x4, x6                      // its first byte is the string's
    mov x7, #8
    sub x5, x7, x5                      // bytes of it
    neg x6, x6
    lsl x7, ones, x6                    // no NUL above them
    orr x7, x7, x4
    sub x6, x7, ones
    bic x6, x6, x7
    ands x6, x6, highs
    b.ne 3f
    str x4, [to]
    add to, to, x5
    sub left, left, x5
2:  subs left, left, #8
    b.lo 4f
    may_fault 7f, ldr x4, [from], #8
    sub x6, x4, ones
    bic x6, x6, x4
    ands x6, x6, highs
    b.ne 3f
    str x4, [to], #8
    b   2b
3:  str x4, [to]                        // the lowest bit that is set is in the first NUL
    rbit x6, x6
    clz x6, x6
    sub x0, to, x3
    add x0, x0, x6, lsr #3
    b   9f
4:  and left, left, #7                  // the last bytes of the room
5:  cbz left, 6f
    may_fault 7f, ldrb w4, [from], #1
    strb w4, [to]
    cbz w4, 8f
    add to, to, #1
    sub left, left, #1
    b   5b
6:  mov x0, #-2
    b   9f
7:  mov x0, #-1
    b   9f
8:  sub x0, to, x3
9:  user_access_forbid
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
    add end, to, #4096
1:  pairs ldp, from, 16, 4
    pairs stp, to, 16, 4
    pairs ldp, from, 80, 4
    pairs stp, to, 80, 4
    pairs ldp, from, 144, 4
    pairs stp, to, 144, 4
    last_pairs ldp, from, 208, 3, 256
    last_pairs stp, to, 208, 3, 256
    cmp to, end
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
