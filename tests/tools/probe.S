// SPDX-License-Identifier: Apache-2.0
// A guest of a few instructions for the tests of tools/guest.  BEHAVIOUR chooses what it does after
// it has said "out" on the standard output, "err" on the standard error and "log" on the serial
// port: EXIT_n ends with status n, HANG, RESET and POWER_OFF do what they say.
// On entry: EL1, MMU off, x0 = device tree.  Position independent, uses no stack.

    .macro semihost op
    mov     w0, #\op
    hlt     #0xf000
    .endm

    // Opens the file named at \name for appending and writes the four bytes at \text.
    .macro say name, text
    adr     x1, block
    adr     x2, \name
    mov     x3, #8
    mov     x4, #11             // length of both names
    stp     x2, x3, [x1]
    str     x4, [x1, #16]
    semihost 0x01               // SYS_OPEN
    adr     x1, block
    adr     x2, \text
    mov     x3, #4
    stp     x0, x2, [x1]
    str     x3, [x1, #16]
    semihost 0x05               // SYS_WRITE
    .endm

    .globl _start
_start:
    b       start
    .word   0
    .quad   0, image_end - _start, 0xa, 0, 0, 0
    .ascii  "ARM\x64"
    .word   0
start:
    mov     x10, #0x09000000    // PL011 of QEMU's virt
    adr     x11, log
1:  ldrb    w12, [x11], #1
    cbz     w12, 2f
    strb    w12, [x10]
    b       1b
2:  say     out_name, out
    say     err_name, err
#if defined(HANG)
    b       .
#elif defined(RESET)
    movz    w0, #0x8400, lsl #16
    movk    w0, #9              // PSCI SYSTEM_RESET
    hvc     #0
#elif defined(POWER_OFF)
    movz    w0, #0x8400, lsl #16
    movk    w0, #8              // PSCI SYSTEM_OFF
    hvc     #0
#else
    adr     x1, block
    movz    x2, #0x0002, lsl #16
    movk    x2, #0x0026         // ADP_Stopped_ApplicationExit
    mov     x3, #EXIT
    stp     x2, x3, [x1]
    semihost 0x20               // SYS_EXIT_EXTENDED
#endif
    b       .

log:      .asciz "log\n"
out:      .ascii "out\n"
err:      .ascii "err\n"
out_name: .asciz "/dev/stdout"
err_name: .asciz "/dev/stderr"
    .p2align 3
block:    .quad 0, 0, 0
image_end:
