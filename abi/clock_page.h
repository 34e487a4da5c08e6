// SPDX-License-Identifier: Apache-2.0
/*
 * The clock page: one page of the kernel that every process has mapped read-only, so that reading a
 * clock needs no system call.  Its address is in the auxiliary vector under AT_SWOS_CLOCK; a program
 * that finds no such entry asks the kernel.
 *
 *     ns = ticks * whole + ticks * fraction / 2^64      (the second product by its high half)
 *     monotonic = ns of CNTVCT_EL0;  wall = monotonic + wall_offset_ns
 *
 * The kernel makes `sequence` odd, changes the rest, and makes it even again, each with release order;
 * a reader takes it with acquire order before and checks it after, and reads again if it was odd or has
 * changed.  Only setting the wall clock changes anything.
 */
#pragma once

#include <stdint.h>

#define AT_SWOS_CLOCK 64 // auxiliary vector

struct swos_clock_page {
    uint32_t sequence;
    uint32_t reserved;
    uint64_t whole; // as in struct time_scale of kernel/core/time.h
    uint64_t fraction;
    uint64_t wall_offset_ns; // modulo 2^64
};
