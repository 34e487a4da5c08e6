// SPDX-License-Identifier: Apache-2.0
/* The memory of the simulated machine: several banks, some of it taken, nothing aligned. */
#include "kernel/arch/host/mmu.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "kernel/mm/memmap.h"
#include "kernel/test/host/machine.h"

constexpr uint64_t MIB = 1ull << 20;
constexpr uint64_t GIB = 1ull << 30;

void machine_memory(void)
{
    host_ram_create(4 * GIB);
    bool is_added = memory_add(paddr(GIB + 100), 20 * MIB) == OK &&
                    memory_add(paddr(GIB + 10 * MIB), 23 * MIB + 5) == OK &&
                    memory_add(paddr(3 * GIB - 8 * MIB), 40 * MIB) == OK;
    memory_reserve(paddr(GIB + 3 * MIB + 17), MIB);
    memory_exclude(paddr(GIB + 6 * MIB), 64);
    memory_reserve(paddr(3 * GIB + 9 * MIB), 3 * MIB);
    if (!is_added || memory_init() != OK) {
        panic("no memory");
    }
    heap_init();
    kmap_init();
    memory_release(paddr(3 * GIB + 9 * MIB), 3 * MIB);
    sched_set_aspace_switch(arch_aspace_activate);
}

bool kernel_copy_fault(const struct fault *fault)
{
    struct aspace *as = aspace_current();
    return as != NULL && aspace_fault(as, fault) == OK;
}
