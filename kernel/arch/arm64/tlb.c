// SPDX-License-Identifier: Apache-2.0
/* TLB maintenance by broadcast instructions (Arm ARM D8.14): no CPU interrupts another for it. */
#include "kernel/arch/arm64/mmu.h"

#include "kernel/arch/arm64/boot.h"
#include <stdatomic.h>

// Beyond this many pages one flush of the whole address space is cheaper than one per page.
enum { FLUSH_PAGES_MAX = 256 };

#define TLBI(op, arg) __asm__ volatile("tlbi " #op ", %0" ::"r"(arg) : "memory")

static void finish(void)
{
    __asm__ volatile("dsb ish\n\tisb" ::: "memory");
}

void tlb_flush_all_local(void)
{
    __asm__ volatile("dsb nshst\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
}

void tlb_flush_all(void)
{
    __asm__ volatile("dsb ishst\n\ttlbi vmalle1is" ::: "memory");
    finish();
}

static void flush_pages(uint64_t first, size_t pages, bool tables_too)
{
    for (size_t i = 0; i < pages; i++) {
        if (tables_too) {
            TLBI(vae1is, first + i);
        } else {
            TLBI(vale1is, first + i);
        }
    }
}

void tlb_flush_range(struct arch_aspace *as, vaddr_t va, size_t size, bool tables_too)
{
    bool is_kernel = as == &arch_kernel_aspace;
    if (!is_kernel && atomic_load_explicit(&as->asid, memory_order_relaxed) == 0) {
        return; // it never ran, so no TLB knows it
    }
    uint64_t tag = is_kernel ? 0 : (uint64_t)asid_number(as) << 48;
    uint64_t first = (va >> PAGE_SHIFT & 0xfffffffffff) | tag;
    size_t pages = size >> PAGE_SHIFT;
    __asm__ volatile("dsb ishst" ::: "memory"); // the table writes before the invalidation
    if (pages <= FLUSH_PAGES_MAX) {
        flush_pages(first, pages, tables_too);
    } else if (is_kernel) {
        __asm__ volatile("tlbi vmalle1is" ::: "memory");
    } else {
        TLBI(aside1is, tag);
    }
    finish();
}

void tlb_flush_page_local(struct arch_aspace *as, vaddr_t va)
{
    uint64_t arg = (va >> PAGE_SHIFT & 0xfffffffffff) | (uint64_t)asid_number(as) << 48;
    __asm__ volatile("dsb nshst" ::: "memory");
    TLBI(vale1, arg);
    __asm__ volatile("dsb nsh\n\tisb" ::: "memory");
}
