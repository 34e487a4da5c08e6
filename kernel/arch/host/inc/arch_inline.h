// SPDX-License-Identifier: Apache-2.0
/*
 * The inline half of kernel/arch/arch.h for the simulated machine in a host process (host.h).  Every
 * operation that other CPUs could notice is a point at which the simulation may let another CPU go
 * on, take an interrupt, or let time pass.
 */
#pragma once

#include "lib/base/types.h"

typedef uint64_t irqflags_t; // 1: interrupts were enabled

struct thread;

// Every thread's stack on this machine: sanitizers make frames large.
enum { HOST_STACK_SIZE = 256 * 1024 };

struct arch_frame {
    uint64_t pc;
    uint64_t sp;
    uint64_t argument;
    int64_t result;
    bool is_user;
};

/* First member of struct thread. */
struct arch_thread {
    uint32_t flags;        // [a] THREAD_* work bits
    void *stack_pointer;   // while it does not run
    void *stack_top;       // the sanitizer is told
    void *fake_stack;      // the sanitizer's own, while it does not run
    void (*entry)(void *); // until it runs first
    void *argument;        //
    uint64_t run_base;     // see thread.h, "CPU time"
    uint64_t system;
};

struct arch_aspace {
    paddr_t root;
    _Atomic uint64_t asid;
    void *tables;      // whatever the simulated MMU keeps
    size_t pages;      // [caller's lock] mapped
    size_t peak_pages; // [caller's lock] most there were when some were unmapped
};

irqflags_t arch_irq_save(void);
void arch_irq_restore(irqflags_t flags);
void arch_irq_enable(void);
void arch_irq_disable(void);
bool arch_irq_is_enabled(void);
struct thread *arch_current(void);
uintptr_t arch_percpu(void);
void arch_relax(void);
void arch_spin_wait(const uint32_t *word, uint32_t seen);
uint64_t arch_counter(void);

static inline void arch_barrier_io(void)
{}

// A device is memory of the process.
static inline uint8_t arch_mmio_read8(vaddr_t va)
{
    return *(volatile uint8_t *)va;
}

static inline void arch_mmio_write8(vaddr_t va, uint8_t v)
{
    *(volatile uint8_t *)va = v;
}

static inline uint16_t arch_mmio_read16(vaddr_t va)
{
    return *(volatile uint16_t *)va;
}

static inline void arch_mmio_write16(vaddr_t va, uint16_t v)
{
    *(volatile uint16_t *)va = v;
}

static inline uint32_t arch_mmio_read32(vaddr_t va)
{
    return *(volatile uint32_t *)va;
}

static inline void arch_mmio_write32(vaddr_t va, uint32_t v)
{
    *(volatile uint32_t *)va = v;
}

static inline uint64_t arch_mmio_read64(vaddr_t va)
{
    return *(volatile uint64_t *)va;
}

static inline void arch_mmio_write64(vaddr_t va, uint64_t v)
{
    *(volatile uint64_t *)va = v;
}
