// SPDX-License-Identifier: Apache-2.0
/* What a leaf entry of a translation table says of its page, for the page-table code only. */
#pragma once

#include "kernel/arch/arch.h"
#include "kernel/arch/arm64/sysreg.h"

// User pages of normal memory, by ARCH_MAP_READ, WRITE and EXEC: the page-fault path looks here.
#define USER_PAGE                                                                                  \
    (PTE_VALID | PTE_ACCESSED | PTE_INNER | PTE_ATTR(1) | PTE_USER | PTE_NOT_GLOBAL | PTE_PXN)
static const uint64_t user_bits[8] = {
    // writable and executable: nothing, never used
    [0] = (USER_PAGE & ~PTE_VALID) | PTE_RDONLY | PTE_UXN,
    [ARCH_MAP_READ] = USER_PAGE | PTE_RDONLY | PTE_UXN,
    [ARCH_MAP_WRITE] = USER_PAGE | PTE_UXN,
    [ARCH_MAP_READ | ARCH_MAP_WRITE] = USER_PAGE | PTE_UXN,
    [ARCH_MAP_EXEC] = USER_PAGE | PTE_RDONLY | PTE_GUARDED,
    [ARCH_MAP_READ | ARCH_MAP_EXEC] = USER_PAGE | PTE_RDONLY | PTE_GUARDED,
};

static inline uint64_t kernel_bits(uint32_t prot)
{
    uint64_t bits = PTE_VALID | PTE_ACCESSED | PTE_INNER | PTE_ATTR(1) | PTE_UXN;
    bits |= (prot & ARCH_MAP_WRITE) == 0 ? PTE_RDONLY : 0;
    return bits | ((prot & ARCH_MAP_EXEC) != 0 ? PTE_GUARDED : PTE_PXN);
}

static inline uint64_t leaf_bits(uint32_t prot)
{
    uint64_t bits = (prot & ARCH_MAP_USER) != 0
                        ? user_bits[prot & (ARCH_MAP_READ | ARCH_MAP_WRITE | ARCH_MAP_EXEC)]
                        : kernel_bits(prot);
    if (UNLIKELY((prot & (ARCH_MAP_DEVICE | ARCH_MAP_UNCACHED)) != 0)) {
        bits &= ~PTE_ATTR(1);
        bits |= (prot & ARCH_MAP_DEVICE) != 0 ? PTE_ATTR(0) : PTE_ATTR(2);
    }
    return bits;
}

static inline uint32_t prot_of(uint64_t entry)
{
    if ((entry & PTE_VALID) == 0) {
        return 0;
    }
    bool is_user = (entry & PTE_USER) != 0;
    uint32_t prot = ARCH_MAP_READ | (is_user ? ARCH_MAP_USER : 0);
    if ((entry & PTE_RDONLY) == 0) {
        prot |= ARCH_MAP_WRITE;
    }
    if ((entry & (is_user ? PTE_UXN : PTE_PXN)) == 0) {
        prot |= ARCH_MAP_EXEC;
    }
    return prot;
}

static inline bool is_write_exec(uint32_t prot)
{
    return (prot & ARCH_MAP_WRITE) != 0 && (prot & ARCH_MAP_EXEC) != 0;
}
