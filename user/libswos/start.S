// SPDX-License-Identifier: Apache-2.0
/*
 * Where a program begins.  On entry: sp points at argc, then argv and its NULL, the environment and
 * its NULL, and the auxiliary vector, as the ELF psABI lays them out.  Other registers are zero.
 */
    .section .text.start, "ax"
    .globl _start
_start:
    mov x29, xzr
    mov x30, xzr
    mov x0, sp
    adrp x1, _DYNAMIC
    add x1, x1, :lo12:_DYNAMIC
    adrp x2, __ehdr_start
    add x2, x2, :lo12:__ehdr_start
    bl  swos_start
