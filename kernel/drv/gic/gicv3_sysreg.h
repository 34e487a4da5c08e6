// SPDX-License-Identifier: Apache-2.0
/* The GICv3 CPU interface: system registers (Arm IHI 0069H 12.2). */
#pragma once

#include "lib/base/types.h"

static inline uint32_t icc_read_iar1(void)
{
    uint64_t value;
    __asm__ volatile("mrs %0, icc_iar1_el1" : "=r"(value)::"memory");
    return (uint32_t)value;
}

static inline void icc_write_eoir1(uint32_t intid)
{
    __asm__ volatile("msr icc_eoir1_el1, %0" ::"r"((uint64_t)intid) : "memory");
}

static inline void icc_write_sgi1r(uint64_t value)
{
    __asm__ volatile("msr icc_sgi1r_el1, %0\n\tisb" ::"r"(value) : "memory");
}

// Makes the interface use system registers; false: a higher exception level forbids it.
static inline bool icc_enable_sre(void)
{
    uint64_t value;
    __asm__ volatile("mrs %0, icc_sre_el1\n\t"
                     "orr %0, %0, #1\n\t"
                     "msr icc_sre_el1, %0\n\t"
                     "isb\n\t"
                     "mrs %0, icc_sre_el1"
                     : "=&r"(value)::"memory");
    return (value & 1) != 0;
}

static inline uint64_t icc_read_ctlr(void)
{
    uint64_t value;
    __asm__ volatile("mrs %0, icc_ctlr_el1" : "=r"(value)::"memory");
    return value;
}

// One write of EOIR both drops the priority and deactivates; all groups open above `mask`.
static inline void icc_enable(uint32_t mask)
{
    __asm__ volatile("msr icc_ctlr_el1, xzr\n\t"
                     "msr icc_bpr1_el1, xzr\n\t"
                     "msr icc_pmr_el1, %0\n\t"
                     "msr icc_igrpen1_el1, %1\n\t"
                     "isb" ::"r"((uint64_t)mask),
                     "r"(1ull)
                     : "memory");
}
