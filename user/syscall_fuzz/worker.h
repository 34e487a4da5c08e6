// SPDX-License-Identifier: Apache-2.0
/*
 * A process that makes calls until somebody kills it: a few threads, each of which picks a call of
 * abi/syscalls.tbl, arguments for it, and makes it.  Its seed decides how much it may do, too.
 */
#pragma once

#include "abi/gen/syscall_numbers.h"
#include "lib/base/types.h"

// How often each call was made and how often it succeeded, by all workers.
struct worker_counts {
    struct {
        _Atomic uint32_t made;
        _Atomic uint32_t succeeded;
    } calls[SYSCALL_COUNT];
    _Atomic uint32_t wrong; // the number of a call that gave what no call may give; 0: none
};

_Noreturn void worker_run(uint64_t seed, struct worker_counts *counts);
