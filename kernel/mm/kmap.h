// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel mappings outside the linear map: device windows, and stacks with a guard page on both
 * sides.  Thread context or boot.
 */
#pragma once

#include "lib/base/types.h"

// Maps device registers; `pa` and `size` need not be aligned.  ERR_NOMEM, ERR_INVAL (RAM).
status_t kmap_device(paddr_t pa, size_t size, vaddr_t *out);

// Maps firmware tables or other non-device memory read-only.
status_t kmap_memory(paddr_t pa, size_t size, const void **out);

// Unmaps what kmap_device or kmap_memory gave.
void kmap_unmap(vaddr_t va, size_t size);

// A stack of `size` bytes, contiguous virtually, guard pages around it, aligned to twice its size so
// that a stack pointer shows overflow by one bit.  `*out` is its lowest byte.  ERR_NOMEM.
status_t kmap_stack_alloc(size_t size, void **out);
void kmap_stack_free(void *stack, size_t size);

// What an address in the kernel mappings is, for fault reports: true and the stack's owner range if
// `va` is in a guard page.
bool kmap_is_guard(vaddr_t va);

void kmap_init(void);
