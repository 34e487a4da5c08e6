// SPDX-License-Identifier: Apache-2.0
// A kernel that only tells what the loader handed to it: lines "NAME=HEXADECIMAL BYTES" on the
// PL011 of QEMU's virt, then it leaves QEMU by semihosting.
// On entry: EL1 or EL2, MMU off, x0 = device tree, x1 = struct bootinfo.  Uses no stack.

    .globl _start
_start:
image_start:
    b       start
    .word   0
    .quad   0, ROOM, FLAGS, 0, 0, 0     // memory from the first byte on; flags
    .ascii  MAGIC
    .word   0

    // Prints \length bytes at \from, both in registers, under a name.
    .macro  dump name, from, length
    mov     x24, \from
    mov     x25, \length
    adr     x22, 1f
    adr     x23, 2f
    b       print
1:  .asciz  "\name="
    .balign 4
2:
    .endm

start:
    mrs     x10, CurrentEL
    mrs     x11, sctlr_el1
    cmp     x10, #8
    b.ne    1f
    mrs     x11, sctlr_el2
1:  mrs     x12, daif
    adr     x13, image_start
    adr     x20, registers
    stp     x10, x11, [x20]
    stp     x12, x13, [x20, #16]
    stp     x0, x1, [x20, #32]
    stp     x2, x3, [x20, #48]
    mov     x19, x0
    mov     x20, x1
    adr     x2, registers
    mov     x3, #64
    dump    registers, x2, x3
    ldr     w3, [x20, #12]              // size_bytes
    dump    info, x20, x3
    ldr     x2, [x20, #32]              // memory, memory_count
    ldr     x3, [x20, #40]
    mov     x4, #24
    mul     x3, x3, x4
    dump    memory, x2, x3
    ldr     x2, [x20, #48]              // cmdline
    cbz     x2, 3f
    mov     x3, #64
    dump    cmdline, x2, x3
3:  ldr     x2, [x20, #56]              // ramdisk, ramdisk_size_bytes
    ldr     x3, [x20, #64]
    dump    ramdisk, x2, x3
    adr     x2, image_start
    mov     x3, #(image_end - image_start)
    dump    image, x2, x3
    cbz     x19, leave
    mov     x3, #40
    dump    fdt, x19, x3

leave:
    adr     x1, registers
    movz    x2, #0x0002, lsl #16
    movk    x2, #0x0026                 // ADP_Stopped_ApplicationExit
    stp     x2, xzr, [x1]
    mov     w0, #0x20                   // SYS_EXIT_EXTENDED
    hlt     #0xf000
    b       .

// On entry: x22 = text, x24 = bytes, x25 = their number, x23 = where to go on.
// Clobbers: x22, x24-x28.
print:
    mov     x26, #0x09000000
1:  ldrb    w27, [x22], #1
    cbz     w27, 2f
    strb    w27, [x26]
    b       1b
2:  adr     x22, digits
3:  cbz     x25, 4f
    ldrb    w27, [x24], #1
    lsr     w28, w27, #4
    ldrb    w28, [x22, x28]
    strb    w28, [x26]
    and     w28, w27, #15
    ldrb    w28, [x22, x28]
    strb    w28, [x26]
    sub     x25, x25, #1
    b       3b
4:  mov     w27, #10
    strb    w27, [x26]
    br      x23

digits:
    .ascii  "0123456789abcdef"
    .balign 16
registers:
    .quad   0, 0, 0, 0, 0, 0, 0, 0
image_end:
