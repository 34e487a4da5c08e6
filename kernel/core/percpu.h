// SPDX-License-Identifier: Apache-2.0
/*
 * Variables that exist once per CPU.  They start out zero on every CPU.  The kernel does not
 * preempt itself, so a pointer from this_cpu stays this CPU's until the code blocks; data shared
 * with interrupt handlers is touched with interrupts masked.
 *
 * CPU 0 uses the linked section in place; every other CPU has an area of percpu_size() bytes, and
 * its offset is the distance between the two.
 */
#pragma once

#include "kernel/arch/arch.h"

#define PERCPU(type, name) __attribute__((section(".bss.percpu"))) type name

#define this_cpu(name)     percpu_pointer(name, arch_percpu())
#define cpu_var(cpu, name) percpu_pointer(name, (cpu)->percpu)
#define percpu_pointer(name, offset)                                                               \
    ((typeof(name) *)(void *)((uintptr_t)&(name) + (uintptr_t)(offset)))

// Bytes of one CPU's area; they need the alignment PERCPU_ALIGN.
enum { PERCPU_ALIGN = 64 };
size_t percpu_size(void);

// The offset that makes `area` (zeroed, aligned) a CPU's per-CPU variables.
uintptr_t percpu_offset(void *area);
