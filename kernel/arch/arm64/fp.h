// SPDX-License-Identifier: Apache-2.0
/*
 * FP and SIMD state of user threads.  A thread that has not used FP traps at its first use and
 * starts with zeroed registers; from then on its state is saved and loaded at thread switches.
 * Kernel code never uses FP, so system calls and interrupts leave the registers alone.
 */
#pragma once

#include "kernel/arch/arch.h"

// The current thread touched FP while it was off: switches it on.  False for threads without state.
bool fp_first_use(void);

// Moves the FP unit from one thread to the other.  Interrupts masked.
void fp_switch(struct arch_thread *from, struct arch_thread *to);

// Copies the current thread's state to a new one (fork).
void fp_fork(struct arch_thread *child);

// The current thread's state: false, and nothing read, if it has not used FP.
bool fp_read(struct arch_fp_state *out);

// Gives the current thread, a user thread, another state.
void fp_write(const struct arch_fp_state *state);

// The current thread starts as if it had never used FP (exec).
void fp_reset(void);
