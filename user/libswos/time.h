// SPDX-License-Identifier: Apache-2.0
/* Time for programs without a C library: nanoseconds of the monotonic clock. */
#pragma once

#include "abi/gen/syscall_stubs.h"
#include "abi/wait.h"
#include "lib/base/types.h"

enum { TIME_ABSOLUTE = 1 }; // of clock_nanosleep

static inline nsec_t monotonic_time(void)
{
    struct abi_timespec t = {};
    (void)sys_clock_gettime(ABI_CLOCK_MONOTONIC, &t); // of this clock and place it cannot fail
    return (nsec_t)t.seconds * NSEC_PER_SEC + (nsec_t)t.nanoseconds;
}

// OK, or ERR_INTR when a signal came first.
static inline int64_t sleep_until(nsec_t deadline)
{
    struct abi_timespec t = {.seconds = (int64_t)(deadline / NSEC_PER_SEC),
                             .nanoseconds = (int64_t)(deadline % NSEC_PER_SEC)};
    return sys_clock_nanosleep(ABI_CLOCK_MONOTONIC, TIME_ABSOLUTE, &t, NULL);
}
