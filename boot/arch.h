// SPDX-License-Identifier: Apache-2.0
/* What the loader needs of the CPU; boot/arch/ARCH/ gives it. */
#pragma once

#include "lib/base/types.h"

// The system counter, as everybody after us reads it (CNTVCT).
uint64_t arch_ticks(void);

/*
 * Writes the range's lines back from the data cache to where the CPU finds them with the cache off,
 * and drops them, so that nothing old comes back over what is written there uncached.
 */
void arch_clean(uint64_t base, uint64_t size_bytes);

/*
 * Masks interrupts, turns the MMU and the caches off and enters the kernel with the two addresses
 * in its first two arguments.  The firmware must have given up the machine and mapped us at our
 * physical address; all that the kernel reads must have been cleaned.
 */
_Noreturn void arch_enter_kernel(uint64_t entry, uint64_t fdt, uint64_t bootinfo);
