// SPDX-License-Identifier: Apache-2.0
/*
 * The clock page: one page of the kernel that every process has mapped read-only, so that reading a
 * clock needs no system call.  Its address is in the auxiliary vector under AT_SWOS_CLOCK; a program
 * that finds no such entry asks the kernel.
 *
 *     seconds = ticks * scale / 2^(64 + CLOCK_PAGE_SHIFT)
 *     monotonic = seconds of CNTVCT_EL0;  wall = monotonic + wall_seconds + wall_nanoseconds
 *
 * The scale is that of the counter's frequency rounded up, and does not change.  So the product is never
 * less than the exact value, and more by 2 ns a year at most (0.1 ns at 62.5 MHz); rounded down to
 * nanoseconds it is what the kernel says, or that little more.
 *
 * The kernel makes `sequence` odd, changes the wall clock's offset, and makes it even again, each with
 * release order; a reader of the offset takes it with acquire order before and checks it after, and reads
 * again if it was odd or has changed.
 */
#pragma once

#include <stdint.h>

#define AT_SWOS_CLOCK 64 // auxiliary vector

enum { CLOCK_PAGE_SHIFT = 20 };

struct swos_clock_page {
    uint64_t scale;            // 2^(64 + CLOCK_PAGE_SHIFT) / Hz; 0: the page is of no use
    uint64_t half_nanoseconds; // of a second: 2 * 10^9, to be loaded with the scale
    uint32_t sequence;         // of what follows
    uint32_t wall_nanoseconds; // below 10^9
    uint64_t wall_seconds;     // modulo 2^64
};
