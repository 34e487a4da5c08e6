// SPDX-License-Identifier: Apache-2.0
/*
 * Exception vectors, the system call path, and the ways back to user mode.
 *
 * At entry from user mode SP_EL1 is the top of the thread's kernel stack, because nothing is left
 * on it when a thread returns to user mode.  Every entry stores a whole struct arch_frame; a system
 * call that ends without pending work reloads only what C code may have changed.
 */
#include "abi/gen/syscall_numbers.h"
#include "kernel/arch/arm64/inc/arch_offsets.h"

.macro save_registers
    stp x0, x1, [sp, #0]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
.endm

// The rest of the frame; clobbers x9-x11, which are saved.
.macro save_state el
    .if \el == 0
    mrs x9, sp_el0
    .else
    add x9, sp, #FRAME_SIZE
    .endif
    stp x30, x9, [sp, #240]
    mrs x10, elr_el1
    mrs x11, spsr_el1
    stp x10, x11, [sp, #FRAME_PC]
.endm

.macro load_caller_saved
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
.endm

// All general registers but x30, and away.
.macro load_all_and_return
    load_caller_saved
    ldp x18, x19, [sp, #144]
    ldp x20, x21, [sp, #160]
    ldp x22, x23, [sp, #176]
    ldp x24, x25, [sp, #192]
    ldp x26, x27, [sp, #208]
    ldp x28, x29, [sp, #224]
    ldp x0, x1, [sp, #0]
    add sp, sp, #FRAME_SIZE
    eret
.endm

// A vector slot for entries from user mode.
.macro vector_user target
    .balign 128
    sub sp, sp, #FRAME_SIZE
    save_registers
    save_state 0
    b   \target
.endm

// A slot for entries from kernel mode.  Stacks are aligned to twice their size, so a stack pointer
// that ran off the end has bit 14 set; sp and x0 are swapped without a scratch register.
.macro vector_kernel target
    .balign 128
    sub sp, sp, #FRAME_SIZE
    add sp, sp, x0
    sub x0, sp, x0
    tbnz x0, #14, stack_overflow
    sub x0, sp, x0
    sub sp, sp, x0
    b   \target
.endm

// A slot that no correct system uses.
.macro vector_bad kind
    .balign 128
    sub sp, sp, #FRAME_SIZE
    stp x0, x1, [sp, #0]
    mov x1, #\kind
    b   bad_exception
.endm

// Named as functions, so that backtraces through traps read well.
    .type user_syscall, %function
    .type user_fault, %function
    .type user_interrupt, %function
    .type user_serror, %function
    .type kernel_interrupt, %function
    .type kernel_sync, %function
    .type kernel_serror, %function
    .type stack_overflow, %function
    .type bad_exception, %function

    .section .entry.text, "ax"
    .balign 2048
    .globl vectors
vectors:
    vector_bad 0
    vector_bad 1
    vector_bad 2
    vector_bad 3

    vector_kernel kernel_sync
    vector_kernel kernel_interrupt
    vector_bad 6
    vector_kernel kernel_serror

    // Synchronous, from user mode: the system call path starts in the slot.
    .balign 128
    sub sp, sp, #FRAME_SIZE
    save_registers
    save_state 0
    mrs x10, esr_el1
    lsr x11, x10, #26
    cmp x11, #0x15
    b.ne user_fault
    b   user_syscall
    vector_user user_interrupt
    vector_bad 10
    vector_user user_serror

    vector_bad 12
    vector_bad 13
    vector_bad 14
    vector_bad 15

/*
 * A system call: number in x8, arguments in x0-x5, result in x0, everything else preserved.
 * Number 0 is refused by the table, and so is every number past its end, also under speculation.
 */
user_syscall:
    msr daifclr, #2
    cmp x8, #SYSCALL_COUNT
    csel x9, x8, xzr, lo
    hint #20                            // CSDB
    adrp x10, syscall_table
    add x10, x10, :lo12:syscall_table
    ldr x9, [x10, x9, lsl #3]
    tbnz x9, #0, timed_syscall          // the mark of what takes time
    blr x9
    msr daifset, #2
    mrs x1, tpidr_el1
leave_syscall:
    ldr w1, [x1, #THREAD_FLAGS]
    cbnz w1, 1f
    ldp x30, x9, [sp, #240]
    ldp x10, x11, [sp, #FRAME_PC]
    msr sp_el0, x9
    msr elr_el1, x10
    msr spsr_el1, x11
    load_caller_saved
    ldr x1, [sp, #8]
    ldr x18, [sp, #144]
    add sp, sp, #FRAME_SIZE
    eret
1:  ldr x2, [sp]                        // kept, in case that a signal makes the call start again
    mrs x1, tpidr_el1
    mov w3, #1
    str x2, [x1, #THREAD_CALL_ARGUMENT]
    str w3, [x1, #THREAD_IS_CALL]
    str x0, [sp]
    b   return_with_work

/*
 * The same for a call whose time counts as the system's: as arch_time_system and arch_time_user
 * have it.
 */
timed_syscall:
    mrs x10, tpidr_el1
    mrs x11, cntvct_el0
    ldp x12, x13, [x10, #THREAD_RUN_BASE]
    add x11, x11, x12
    sub x13, x13, x11, lsl #1
    add x13, x13, #1
    str x13, [x10, #THREAD_RUN_BASE + 8]
    sub x9, x9, #1
    blr x9
    msr daifset, #2
    mrs x1, tpidr_el1
    mrs x11, cntvct_el0
    ldp x12, x13, [x1, #THREAD_RUN_BASE]
    add x11, x11, x12
    add x13, x13, x11, lsl #1
    sub x13, x13, #1
    str x13, [x1, #THREAD_RUN_BASE + 8]
    b   leave_syscall

user_fault:
    mov x0, sp
    mov x1, x10
    mrs x2, far_el1
    msr daifclr, #2
    bl  trap_user
    b   return_to_user

user_interrupt:
    bl  trap_user_irq
    b   return_to_user

user_serror:
    mov x0, sp
    mrs x1, esr_el1
    bl  trap_serror

// Interrupts may be on or off; nothing is live but the frame at sp.
return_to_user:
    msr daifset, #2
    mrs x1, tpidr_el1
    ldr w1, [x1, #THREAD_FLAGS]
    cbz w1, load_frame
return_with_work:
    msr daifclr, #2
    mov x0, sp
    bl  kernel_user_return              // returns with interrupts masked
    b   load_frame

/* void frame_enter(const struct arch_frame *frame): loads a frame and leaves for where it says. */
    .globl frame_enter
frame_enter:
    msr daifset, #2
    mov sp, x0
load_frame:
    ldp x30, x9, [sp, #240]
    ldp x10, x11, [sp, #FRAME_PC]
    msr sp_el0, x9
    msr elr_el1, x10
    msr spsr_el1, x11
    load_all_and_return

// A frame record below the trap frame makes backtraces go through traps: x29 points at
// {interrupted x29, interrupted pc}.
.macro call_from_kernel_trap target
    ldr x10, [sp, #FRAME_PC]
    stp x29, x10, [sp, #-16]!
    mov x29, sp
    bl  \target
    add sp, sp, #16
.endm

.macro enter_from_kernel
    save_registers
    save_state 1
.endm

kernel_interrupt:
    enter_from_kernel
    call_from_kernel_trap kernel_irq
    b   load_kernel_frame

kernel_sync:
    enter_from_kernel
    add x0, sp, #0
    mrs x1, esr_el1
    mrs x2, far_el1
    call_from_kernel_trap trap_kernel

load_kernel_frame:
    msr daifset, #2
    ldp x30, x9, [sp, #240]
    ldp x10, x11, [sp, #FRAME_PC]
    msr elr_el1, x10
    msr spsr_el1, x11
    load_all_and_return

kernel_serror:
    enter_from_kernel
    mov x0, sp
    mrs x1, esr_el1
    call_from_kernel_trap trap_serror

/*
 * The kernel stack ran over.  x0 = bad stack pointer, sp = x0 + the interrupted x0.  Both scratch
 * registers are user state that no longer matters.  Goes on on this CPU's emergency stack.
 */
stack_overflow:
    msr tpidr_el0, x0
    sub x0, sp, x0
    msr tpidrro_el0, x0
    mrs x0, tpidr_el1
    ldr x0, [x0, #THREAD_PERCPU]
    mov sp, x0
    adrp x0, emergency_stack + EMERGENCY_STACK_SIZE
    add x0, x0, :lo12:emergency_stack + EMERGENCY_STACK_SIZE
    add sp, sp, x0                      // per-CPU offset plus the symbol
    sub sp, sp, #FRAME_SIZE
    mrs x0, tpidrro_el0
    save_registers
    save_state 1
    mrs x9, tpidr_el0                   // the frame shows the interrupted stack pointer
    add x9, x9, #FRAME_SIZE
    str x9, [sp, #FRAME_SP]
    mov x0, sp
    mrs x1, esr_el1
    mrs x2, far_el1
    call_from_kernel_trap trap_stack_overflow

bad_exception:
    ldr x0, [sp, #0]
    mov x30, x1
    ldr x1, [sp, #8]
    enter_from_kernel
    ldr x1, [sp, #240]
    mov x0, sp
    mrs x2, esr_el1
    call_from_kernel_trap trap_unexpected

/*
 * struct thread *context_switch(struct arch_thread *from, struct arch_thread *to)
 * Interrupts masked.  Gives the thread left behind, to `to`.
 */
    .globl context_switch
context_switch:
    stp x19, x20, [x0, #THREAD_CALLEE]
    stp x21, x22, [x0, #THREAD_CALLEE + 16]
    stp x23, x24, [x0, #THREAD_CALLEE + 32]
    stp x25, x26, [x0, #THREAD_CALLEE + 48]
    stp x27, x28, [x0, #THREAD_CALLEE + 64]
    mov x9, sp
    stp x29, x9, [x0, #THREAD_FP_REG]
    str x30, [x0, #THREAD_PC]
    ldr x10, [x0, #THREAD_PERCPU]
    str x10, [x1, #THREAD_PERCPU]
    ldp x19, x20, [x1, #THREAD_CALLEE]
    ldp x21, x22, [x1, #THREAD_CALLEE + 16]
    ldp x23, x24, [x1, #THREAD_CALLEE + 32]
    ldp x25, x26, [x1, #THREAD_CALLEE + 48]
    ldp x27, x28, [x1, #THREAD_CALLEE + 64]
    ldp x29, x9, [x1, #THREAD_FP_REG]
    ldr x30, [x1, #THREAD_PC]
    mov sp, x9
    msr tpidr_el1, x1
    ret


// Where a new thread starts: x19 = entry, x20 = argument, x0 = the thread left behind.
    .globl thread_start_trampoline
thread_start_trampoline:
    bl  kernel_thread_begin
    mov x0, x20
    blr x19
    brk #1                              // entry functions do not return

// FP and SIMD registers: fp_save(struct arch_fp_state *), fp_load(const struct arch_fp_state *).
    .arch_extension fp
    .arch_extension simd
    .globl fp_save
fp_save:
    stp q0, q1, [x0, #0]
    stp q2, q3, [x0, #32]
    stp q4, q5, [x0, #64]
    stp q6, q7, [x0, #96]
    stp q8, q9, [x0, #128]
    stp q10, q11, [x0, #160]
    stp q12, q13, [x0, #192]
    stp q14, q15, [x0, #224]
    stp q16, q17, [x0, #256]
    stp q18, q19, [x0, #288]
    stp q20, q21, [x0, #320]
    stp q22, q23, [x0, #352]
    stp q24, q25, [x0, #384]
    stp q26, q27, [x0, #416]
    stp q28, q29, [x0, #448]
    stp q30, q31, [x0, #480]
    mrs x1, fpsr
    mrs x2, fpcr
    add x0, x0, #512
    stp w1, w2, [x0]
    ret

    .globl fp_load
fp_load:
    ldp q0, q1, [x0, #0]
    ldp q2, q3, [x0, #32]
    ldp q4, q5, [x0, #64]
    ldp q6, q7, [x0, #96]
    ldp q8, q9, [x0, #128]
    ldp q10, q11, [x0, #160]
    ldp q12, q13, [x0, #192]
    ldp q14, q15, [x0, #224]
    ldp q16, q17, [x0, #256]
    ldp q18, q19, [x0, #288]
    ldp q20, q21, [x0, #320]
    ldp q22, q23, [x0, #352]
    ldp q24, q25, [x0, #384]
    ldp q26, q27, [x0, #416]
    ldp q28, q29, [x0, #448]
    ldp q30, q31, [x0, #480]
    add x0, x0, #512
    ldp w1, w2, [x0]
    msr fpsr, x1
    msr fpcr, x2
    ret
