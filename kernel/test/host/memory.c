// SPDX-License-Identifier: Apache-2.0
/* The memory of the simulated machine: several banks, some of it taken, nothing aligned. */
#include "kernel/arch/host/mmu.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "kernel/mm/memmap.h"
#include "kernel/mm/page.h"
#include "kernel/test/host/machine.h"
#include "kernel/vfs/lock.h"
#include "kernel/vfs/mount.h"
#include "kernel/vfs/names.h"
#include "lib/base/bits.h"
#include "tests/harness/test.h"

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
    names_init();
    mount_table_init();
    vnode_locks_init();
    memory_release(paddr(3 * GIB + 9 * MIB), 3 * MIB);
    sched_set_aspace_switch(arch_aspace_activate);
}

// What the machine said above must not be given out.
static bool is_taken(uint64_t pa)
{
    static const struct {
        uint64_t start;
        uint64_t end;
    } taken[] = {
        {0, GIB + PAGE_SIZE},
        {GIB + 3 * MIB, GIB + 4 * MIB + PAGE_SIZE},
        {GIB + 6 * MIB, GIB + 6 * MIB + PAGE_SIZE},
        {GIB + 33 * MIB, 3 * GIB - 8 * MIB},
        {3 * GIB + 32 * MIB, UINT64_MAX},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(taken); i++) {
        if (pa >= taken[i].start && pa < taken[i].end) {
            return true;
        }
    }
    return false;
}

TEST(only_free_ram_is_given_out_and_released_ram_too)
{
    struct page *list = NULL;
    struct page *p = NULL;
    size_t wrong = 0;
    size_t released = 0;
    while (page_alloc_one(PAGE_URGENT, PAGE_KERNEL, &p) == OK) {
        uint64_t pa = page_paddr(p).raw;
        wrong += is_taken(pa);
        released += pa >= 3 * GIB + 9 * MIB && pa < 3 * GIB + 12 * MIB;
        p->next = list == NULL ? 0 : page_frame(list);
        list = p;
    }
    while (list != NULL) {
        p = list;
        list = p->next == 0 ? NULL : page_of_frame(p->next);
        page_free(p, 0);
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(released, 3 * MIB / PAGE_SIZE);
}

TEST(memory_of_the_firmware_is_not_mapped)
{
    paddr_t pa;
    uint32_t prot;
    vaddr_t va = LINEAR_BASE + GIB + 6 * MIB;
    EXPECT_STATUS(arch_query(&arch_kernel_aspace, va, &pa, &prot), ERR_NOENT);
    EXPECT_OK(arch_query(&arch_kernel_aspace, va - PAGE_SIZE, &pa, &prot));
    EXPECT_OK(arch_query(&arch_kernel_aspace, LINEAR_BASE + GIB + 3 * MIB, &pa, &prot));
    EXPECT_STATUS(arch_query(&arch_kernel_aspace, LINEAR_BASE + GIB, &pa, &prot), ERR_NOENT);
}

bool kernel_copy_fault(const struct fault *fault)
{
    struct aspace *as = aspace_current();
    return as != NULL && aspace_fault(as, fault) == OK;
}
