// SPDX-License-Identifier: Apache-2.0
/* What getrusage and wait4 store: the layout of musl's struct rusage. */
#pragma once

#include <stdint.h>

struct abi_timeval {
    int64_t seconds;
    int64_t microseconds;
};

struct abi_rusage {
    struct abi_timeval user;
    struct abi_timeval system;
    int64_t max_resident_kib;
    int64_t unused[13];
};
static_assert(sizeof(struct abi_rusage) == 144);
