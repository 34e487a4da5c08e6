// SPDX-License-Identifier: Apache-2.0
/* The inline half of kernel/arch/arch.h for AArch64 (Arm ARM DDI 0487). */
#pragma once

#include "kernel/arch/arm64/inc/arch_offsets.h"
#include "lib/base/types.h"

typedef uint64_t irqflags_t;

struct thread;

/* What an exception from EL0 (or EL1) saves, in the order that entry.S stores it. */
struct arch_frame {
    uint64_t x[31];
    uint64_t sp;  // SP_EL0 for entries from user mode, the stack before the trap otherwise
    uint64_t pc;  // ELR_EL1
    uint64_t psr; // SPSR_EL1
};
static_assert(sizeof(struct arch_frame) == FRAME_SIZE);
static_assert(offsetof(struct arch_frame, sp) == FRAME_SP);
static_assert(offsetof(struct arch_frame, pc) == FRAME_PC);

/* FP and SIMD state of a user thread; only threads that used FP have one that counts. */
struct arch_fp_state {
    __uint128_t v[32];
    uint32_t fpsr;
    uint32_t fpcr;
};

/* First member of struct thread: what the entry and switch code touches. */
struct arch_thread {
    uint32_t flags;      // [a] THREAD_* work bits of core/thread.h; not 0: slow way to user mode
    uint32_t fp_in_use;  // [c] FP state is live in the registers or in fp
    uintptr_t percpu;    // [c] per-CPU offset of the CPU that runs the thread
    uint64_t callee[10]; // [c] x19..x28 while switched out
    uint64_t fp_reg;     // [c] x29
    uint64_t sp;         // [c] kernel stack pointer
    uint64_t pc;         // [c] where to go on
    uint64_t tpidr;      // [c] TPIDR_EL0 of the user thread
    struct arch_fp_state *fp; // [I] NULL: a kernel thread, which never uses FP
    uintptr_t stack_top;      // [I] end of the kernel stack
    uint64_t call_argument;   // [c] first argument of the system call that is returning
    uint32_t is_call;         // [c] it is one: 0 on the way back from faults and interrupts
    uint64_t run_base;        // [run queue lock] see thread.h, "CPU time"
    uint64_t system;          // [c] likewise
};
static_assert(offsetof(struct arch_thread, run_base) == THREAD_RUN_BASE);
static_assert(offsetof(struct arch_thread, system) == THREAD_RUN_BASE + 8);
static_assert(offsetof(struct arch_thread, call_argument) == THREAD_CALL_ARGUMENT);
static_assert(offsetof(struct arch_thread, is_call) == THREAD_IS_CALL);
static_assert(offsetof(struct arch_thread, flags) == THREAD_FLAGS);
static_assert(offsetof(struct arch_thread, percpu) == THREAD_PERCPU);
static_assert(offsetof(struct arch_thread, callee) == THREAD_CALLEE);
static_assert(offsetof(struct arch_thread, sp) == THREAD_SP);

/* Page tables of one address space. */
struct arch_aspace {
    paddr_t root;          // [I] level 0 table
    _Atomic uint64_t asid; // [a] generation and ASID; 0: none yet
    uint64_t *last_leaf;   // [caller's lock] level 3 table of the last page mapped; NULL: none
    uint64_t last_block;   // [caller's lock] which 2 MiB that table covers: address >> 21
    uint16_t *last_count;  // [caller's lock] its entries in use
    size_t pages;          // [caller's lock] pages mapped
    size_t peak_pages;     // [caller's lock] most there were when some were unmapped
};

static inline irqflags_t arch_irq_save(void)
{
    irqflags_t flags;
    __asm__ volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(flags)::"memory");
    return flags;
}

static inline void arch_irq_restore(irqflags_t flags)
{
    __asm__ volatile("msr daif, %0" ::"r"(flags) : "memory");
}

static inline void arch_irq_enable(void)
{
    __asm__ volatile("msr daifclr, #2" ::: "memory");
}

static inline void arch_irq_disable(void)
{
    __asm__ volatile("msr daifset, #2" ::: "memory");
}

static inline bool arch_irq_is_enabled(void)
{
    uint64_t flags;
    __asm__ volatile("mrs %0, daif" : "=r"(flags));
    return (flags & 0x80) == 0;
}

// Not volatile: the compiler may reuse the value, since a thread stays itself across a switch.
static inline struct thread *arch_current(void)
{
    struct thread *t;
    __asm__("mrs %0, tpidr_el1" : "=r"(t));
    return t;
}

// Volatile: a thread may wake up on another CPU.
static inline uintptr_t arch_percpu(void)
{
    uintptr_t offset;
    __asm__ volatile("mrs %0, tpidr_el1\n\tldr %0, [%0, %1]"
                     : "=r"(offset)
                     : "i"(THREAD_PERCPU)
                     : "memory");
    return offset;
}

static inline void arch_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}

// WFE with the exclusive monitor armed on the word: a store by another CPU wakes us (B2.9).
static inline void arch_spin_wait(const uint32_t *word, uint32_t seen)
{
    uint32_t now;
    __asm__ volatile("sevl\n\t"
                     "wfe\n\t"
                     "ldaxr %w0, %1\n\t"
                     "cmp %w0, %w2\n\t"
                     "b.ne 1f\n\t"
                     "wfe\n"
                     "1:"
                     : "=&r"(now)
                     : "Q"(*word), "r"(seen)
                     : "cc", "memory");
}

static inline uint64_t arch_counter(void)
{
    uint64_t ticks;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

// The current thread's CPU time in ticks, by a counter that may be read a few instructions early.
static inline uint64_t arch_run_ticks(const struct arch_thread *t)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return t->run_base + ticks;
}

static inline void arch_time_system(void)
{
    struct arch_thread *t = (struct arch_thread *)(void *)arch_current();
    t->system -= 2 * arch_run_ticks(t) - 1;
}

static inline void arch_time_user(void)
{
    struct arch_thread *t = (struct arch_thread *)(void *)arch_current();
    t->system += 2 * arch_run_ticks(t) - 1;
}

static inline void arch_barrier_io(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

static inline uint8_t arch_mmio_read8(vaddr_t va)
{
    uint8_t v;
    __asm__ volatile("ldrb %w0, [%1]" : "=r"(v) : "r"(va) : "memory");
    return v;
}

static inline uint16_t arch_mmio_read16(vaddr_t va)
{
    uint16_t v;
    __asm__ volatile("ldrh %w0, [%1]" : "=r"(v) : "r"(va) : "memory");
    return v;
}

static inline uint32_t arch_mmio_read32(vaddr_t va)
{
    uint32_t v;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(v) : "r"(va) : "memory");
    return v;
}

static inline uint64_t arch_mmio_read64(vaddr_t va)
{
    uint64_t v;
    __asm__ volatile("ldr %0, [%1]" : "=r"(v) : "r"(va) : "memory");
    return v;
}

static inline void arch_mmio_write8(vaddr_t va, uint8_t v)
{
    __asm__ volatile("strb %w0, [%1]" ::"r"(v), "r"(va) : "memory");
}

static inline void arch_mmio_write16(vaddr_t va, uint16_t v)
{
    __asm__ volatile("strh %w0, [%1]" ::"r"(v), "r"(va) : "memory");
}

static inline void arch_mmio_write32(vaddr_t va, uint32_t v)
{
    __asm__ volatile("str %w0, [%1]" ::"r"(v), "r"(va) : "memory");
}

static inline void arch_mmio_write64(vaddr_t va, uint64_t v)
{
    __asm__ volatile("str %0, [%1]" ::"r"(v), "r"(va) : "memory");
}
