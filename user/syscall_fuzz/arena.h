// SPDX-License-Identifier: Apache-2.0
/*
 * The memory that arguments point to: a few pages that all threads of a worker, and perhaps other
 * workers, fill and read at the same time; behind them a page that may only be read, and a hole.
 * Mapping calls are aimed at a range of their own (the zone), so that a worker keeps its program.
 */
#pragma once

#include "user/syscall_fuzz/random.h"

// Maps the arena of this process.  False: no memory.
bool arena_map(struct random *r);

// Room for `size` bytes, at most a page, aligned to 8; now and then the last bytes before the end of
// what may be written.
uint64_t arena_place(struct random *r, uint64_t size);

// The end of what may be written.
uint64_t arena_end(void);

// An address that a program should not pass: misaligned, across the end, nowhere, the kernel's.
uint64_t arena_wild(struct random *r);

// For calls that map and unmap: mostly a page of the zone.
uint64_t arena_zone(struct random *r);
