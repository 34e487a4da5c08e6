// SPDX-License-Identifier: Apache-2.0
/* What entry.S calls: each takes the frame it stored, on the current kernel stack. */
#pragma once

#include "kernel/arch/arch.h"

// A synchronous exception from user mode that is no system call.  Interrupts enabled.
void trap_user_irq(void);
void trap_user(struct arch_frame *frame, uint64_t esr, uint64_t far);

// A synchronous exception in kernel code.  Interrupts masked; returns when a user copy was fixed up.
void trap_kernel(struct arch_frame *frame, uint64_t esr, uint64_t far);

NORETURN void trap_stack_overflow(struct arch_frame *frame, uint64_t esr, uint64_t far);
NORETURN void trap_serror(struct arch_frame *frame, uint64_t esr);
NORETURN void trap_unexpected(struct arch_frame *frame, uint64_t vector, uint64_t esr);

// On a secondary CPU's idle thread, from start.S.
NORETURN void secondary_main(void);
