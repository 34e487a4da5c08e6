// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/kmap.h"

#include "kernel/arch/arch.h"
#include "kernel/mm/inject.h"
#include "kernel/mm/layout.h"
#include "kernel/mm/memmap.h"
#include "kernel/mm/page.h"
#include "tests/harness/test.h"

// Where no machine has RAM, and nothing is touched.
static const paddr_t nowhere = {0x7ff00000000};

static bool is_mapped(vaddr_t va)
{
    paddr_t pa;
    uint32_t prot;
    return arch_query(&arch_kernel_aspace, va, &pa, &prot) == OK;
}

TEST(a_device_window_is_device_memory_with_guards_around_it)
{
    vaddr_t va = 0;
    paddr_t pa;
    uint32_t prot = 0;
    EXPECT_OK(kmap_device(paddr_add(nowhere, 0x123), 0x2000, &va));
    EXPECT_EQ(va % PAGE_SIZE, 0x123);
    EXPECT_OK(arch_query(&arch_kernel_aspace, va + 0x1fff, &pa, &prot));
    EXPECT_EQ(pa.raw, nowhere.raw + 0x2122);
    EXPECT_EQ(prot & (ARCH_MAP_WRITE | ARCH_MAP_EXEC), ARCH_MAP_WRITE);
    EXPECT(!is_mapped(va - PAGE_SIZE) && !is_mapped(va + 0x3000));
    EXPECT(kmap_is_guard(va - PAGE_SIZE) && !kmap_is_guard(va));
    kmap_unmap(va);
    EXPECT(!is_mapped(va));
}

TEST(windows_onto_ram_or_nothing_are_refused)
{
    struct page *p = NULL;
    vaddr_t va = 0;
    const void *memory = NULL;
    EXPECT_OK(page_alloc_one(PAGE_ANY, PAGE_KERNEL, &p));
    status_t on_ram = kmap_device(page_paddr(p), 16, &va);
    page_free(p, 0);
    EXPECT_STATUS(on_ram, ERR_INVAL);
    EXPECT_STATUS(kmap_device(nowhere, 0, &va), ERR_INVAL);
    EXPECT_STATUS(kmap_memory(paddr(UINT64_MAX - 10), 100, &memory), ERR_INVAL);
    EXPECT_STATUS(kmap_memory(nowhere, SIZE_MAX - nowhere.raw, &memory), ERR_INVAL);
    EXPECT_STATUS(kmap_memory(paddr(0), 1ull << 60, &memory), ERR_NOMEM);
}

TEST(firmware_memory_is_mapped_for_reading_only)
{
    struct page *p = NULL;
    const void *memory = NULL;
    paddr_t pa;
    uint32_t prot = 0;
    EXPECT_OK(page_alloc_one(PAGE_ANY, PAGE_KERNEL, &p));
    memcpy(page_virt(p), "RSD PTR ", 8);
    EXPECT_OK(kmap_memory(page_paddr(p), 8, &memory));
    bool is_same = memcmp(memory, "RSD PTR ", 8) == 0;
    status_t status = arch_query(&arch_kernel_aspace, (vaddr_t)memory, &pa, &prot);
    kmap_unmap((vaddr_t)memory);
    page_free(p, 0);
    EXPECT(is_same);
    EXPECT_OK(status);
    EXPECT_EQ(prot & (ARCH_MAP_READ | ARCH_MAP_WRITE), ARCH_MAP_READ);
}

TEST(below_a_stack_every_address_has_the_bit_of_its_size)
{
    void *stack = NULL;
    EXPECT_OK(kmap_stack_alloc(&stack));
    vaddr_t va = (vaddr_t)stack;
    memset(stack, 0x5a, KERNEL_STACK_SIZE);
    bool is_guarded = !is_mapped(va - 1) && !is_mapped(va - KERNEL_STACK_SIZE) &&
                      !is_mapped(va + KERNEL_STACK_SIZE) && kmap_is_guard(va - 1) &&
                      kmap_is_guard(va - KERNEL_STACK_SIZE);
    kmap_stack_free(stack);
    EXPECT_EQ(va % (2ul * KERNEL_STACK_SIZE), 0);
    EXPECT(is_guarded);
}

enum { STACKS = 40 };

TEST(stacks_do_not_overlap_and_their_addresses_are_used_again)
{
    void *stacks[STACKS];
    vaddr_t highest[2] = {};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < STACKS; i++) {
            EXPECT_OK(kmap_stack_alloc(&stacks[i]));
            memset(stacks[i], (int)i, KERNEL_STACK_SIZE);
            vaddr_t va = (vaddr_t)stacks[i];
            highest[round] = va > highest[round] ? va : highest[round];
        }
        unsigned damaged = 0;
        for (unsigned i = 0; i < STACKS; i++) {
            const char *bytes = stacks[i];
            damaged += bytes[0] != (char)i || bytes[KERNEL_STACK_SIZE - 1] != (char)i;
            kmap_stack_free(stacks[i]);
        }
        EXPECT_EQ(damaged, 0);
    }
    EXPECT_EQ(highest[1], highest[0]);
}

TEST(memory_shortage_takes_kept_stacks_back)
{
    void *stack = NULL;
    page_reclaim();
    size_t before = page_free_count();
    EXPECT_OK(kmap_stack_alloc(&stack));
    kmap_stack_free(stack);
    EXPECT(page_free_count() < before);
    page_reclaim();
    EXPECT_EQ(page_free_count(), before);
    EXPECT(!is_mapped((vaddr_t)stack));
}

TEST(a_stack_or_window_without_memory_leaves_nothing)
{
    bool has_failed = inject_is_available();
    for (size_t n = 0; has_failed; n++) {
        void *stack = NULL;
        vaddr_t va = 0;
        page_reclaim(); // no kept stack
        inject_arm(n);
        status_t first = kmap_stack_alloc(&stack);
        status_t second = kmap_device(nowhere, PAGE_SIZE, &va);
        has_failed = inject_disarm();
        if (first == OK) {
            kmap_stack_free(stack);
        }
        if (second == OK) {
            kmap_unmap(va);
        }
        EXPECT(has_failed || (first == OK && second == OK));
    }
}
