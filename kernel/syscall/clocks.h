// SPDX-License-Identifier: Apache-2.0
/* The clocks of clock_gettime, for all who take one. */
#pragma once

#include "lib/base/types.h"

enum clock { // CLOCK_* of musl's <time.h>
    CLOCK_WALL,
    CLOCK_MONOTONIC,
    CLOCK_PROCESS,
    CLOCK_THREAD,
    CLOCK_MONOTONIC_RAW,
    CLOCK_WALL_COARSE,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_BOOT,
};

// What the clock shows.  ERR_INVAL: there is no such clock.
status_t clock_read(int32_t clock, nsec_t *out);

// The monotonic time at which the clock shows `at`, or has gone on by it.  ERR_INVAL; ERR_NOTSUP: it
// cannot be waited for.
status_t clock_deadline(int32_t clock, bool is_absolute, nsec_t at, nsec_t *out);
