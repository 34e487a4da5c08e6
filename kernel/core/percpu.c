// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/percpu.h"

// The bounds of the section, from the linker script.
extern char __percpu_start[], __percpu_end[];

size_t percpu_size(void)
{
    return (size_t)((uintptr_t)__percpu_end - (uintptr_t)__percpu_start);
}

uintptr_t percpu_offset(void *area)
{
    return (uintptr_t)area - (uintptr_t)__percpu_start;
}
