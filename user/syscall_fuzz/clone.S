// SPDX-License-Identifier: Apache-2.0
/* What cannot be said in C: calls that return on another stack, or with a stack that others use. */
#include "abi/gen/syscall_numbers.h"

    .text

/*
 * int64_t clone_thread(uint64_t flags, uint64_t stack_top, void (*start)(void *), void *argument)
 * The new thread calls start(argument) on its stack (16-byte aligned) and ends when that returns.
 */
    .globl clone_thread
clone_thread:
    bti c
    stp x2, x3, [x1, #-16]!
    mov x2, xzr
    mov x3, xzr
    mov x4, xzr
    mov x8, #SYS_clone
    svc #0
    cbnz x0, 1f
    ldp x1, x0, [sp], #16
    mov x29, xzr
    mov x30, xzr
    blr x1
    mov x0, xzr
    mov x8, #SYS_exit
    svc #0
1:  ret

/*
 * int64_t clone_and_leave(const uint64_t arguments[5])
 * Whatever the arguments made, thread or process, ends at once and touches no stack.
 */
    .globl clone_and_leave
clone_and_leave:
    bti c
    mov x9, x0
    ldp x0, x1, [x9]
    ldp x2, x3, [x9, #16]
    ldr x4, [x9, #32]
    mov x8, #SYS_clone
    svc #0
    cbnz x0, 1f
    mov x8, #SYS_exit
    svc #0
1:  ret

/* The end of a signal handler. */
    .globl signal_return
signal_return:
    bti c
    mov x8, #SYS_rt_sigreturn
    svc #0
