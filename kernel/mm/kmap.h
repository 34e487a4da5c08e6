// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel mappings outside the linear map: device windows, firmware tables, and stacks.
 *
 * Every area has unmapped guard pages on both sides.  Stacks that are given back stay mapped, a few
 * at a time, so that making a thread needs neither page tables nor TLB maintenance; memory shortage
 * frees them.
 *
 * Locking: one spinlock (RANK_KMAP) for the tree of areas and the kept stacks; never held while
 * memory is allocated or mapped.  Thread context or boot, except where it says otherwise.
 */
#pragma once

#include "lib/base/types.h"

// Maps device registers; `pa` and `size` need not be aligned.  ERR_NOMEM; ERR_INVAL: the range is
// empty, wraps, or has RAM in it.
status_t kmap_device(paddr_t pa, size_t size, vaddr_t *out);

// Maps firmware tables or other non-device memory read-only.  ERR_NOMEM; ERR_INVAL: the range is
// empty or wraps.
status_t kmap_memory(paddr_t pa, size_t size, const void **out);

// Unmaps what kmap_device or kmap_memory gave.
void kmap_unmap(vaddr_t va);

// A kernel stack of KERNEL_STACK_SIZE bytes with undefined content, contiguous virtually and aligned
// to twice its size: addresses in the guard area below it, and only those, have the bit of the size
// set, which the trap entry tests.  `*out` is its lowest byte.  ERR_NOMEM.
status_t kmap_stack_alloc(void **out);

// By any thread but the one that runs on it.
void kmap_stack_free(void *stack);

// For fault reports, any context: whether `va` is in the guard area of a kernel mapping.
bool kmap_is_guard(vaddr_t va);

// Boot, after memory_init.
void kmap_init(void);
