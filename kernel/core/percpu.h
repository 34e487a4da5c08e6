// SPDX-License-Identifier: Apache-2.0
/*
 * Variables that exist once per CPU.  They start out zero on every CPU.  The kernel does not
 * preempt itself, so a pointer from this_cpu stays this CPU's until the code blocks; data shared
 * with interrupt handlers is touched with interrupts masked.
 */
#pragma once

#include "kernel/arch/arch.h"

#define PERCPU(type, name) __attribute__((section(".percpu"))) type name

#define this_cpu(name)        percpu_pointer(name, arch_percpu())
#define cpu_var(cpu, name)    percpu_pointer(name, (cpu)->percpu)
#define percpu_pointer(name, offset) ((typeof(name) *)(void *)((char *)&(name) + (offset)))
