// SPDX-License-Identifier: Apache-2.0
/* Between the page-table code, the TLB code and the ASID allocator. */
#pragma once

#include "kernel/arch/arch.h"
#include "kernel/arch/arm64/sysreg.h"

// Invalidates the entries of [va, va + size) on all CPUs and waits for it.  Last-level entries only,
// unless tables were removed too.
void tlb_flush_range(struct arch_aspace *as, vaddr_t va, size_t size, bool tables_too);

// One page of the running address space, on this CPU only.
void tlb_flush_page_local(struct arch_aspace *as, vaddr_t va);

// Everything on this CPU, and on all CPUs.
void tlb_flush_all_local(void);
void tlb_flush_all(void);

// The hardware's part of an ASID word.
uint16_t asid_number(const struct arch_aspace *as);

// Adds this CPU to those that the allocator looks after.
void asid_cpu_init(void);

// Boot CPU: the kernel's address space is what boot.c made.
void mmu_init(void);
