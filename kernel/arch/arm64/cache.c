// SPDX-License-Identifier: Apache-2.0
/*
 * Cache maintenance by address (Arm ARM D7.5): for code written as data, and for memory that is read
 * past the caches.
 */
#include "kernel/arch/arch.h"

#include "lib/base/bits.h"

// The smallest data cache line of any level, in bytes (CTR_EL0.DminLine is in words).
static uint64_t line_size(void)
{
    uint64_t ctr;
    __asm__("mrs %0, ctr_el0" : "=r"(ctr));
    return 4ull << (ctr >> 16 & 0xf);
}

void arch_sync_icache(const void *va, size_t size)
{
    uint64_t line = line_size();
    for (vaddr_t at = align_down((vaddr_t)va, line); at < (vaddr_t)va + size; at += line) {
        __asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
    }
    // Other aliases of the code exist, so the whole instruction cache goes.
    __asm__ volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" ::: "memory");
}

void arch_clean_dcache(const void *va, size_t size)
{
    uint64_t line = line_size();
    for (vaddr_t at = align_down((vaddr_t)va, line); at < (vaddr_t)va + size; at += line) {
        __asm__ volatile("dc cvac, %0" ::"r"(at) : "memory");
    }
    __asm__ volatile("dsb sy" ::: "memory");
}
