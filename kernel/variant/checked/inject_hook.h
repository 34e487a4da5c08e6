// SPDX-License-Identifier: Apache-2.0
/* Fault injection: whether this allocation is the one that has to fail; see kernel/mm/inject.h. */
#pragma once

#include <stdatomic.h>

#include "kernel/mm/inject.h"

static inline bool inject_is_active(void)
{
    return atomic_load_explicit(&inject_is_armed, memory_order_relaxed);
}

static inline bool inject_fails(void)
{
    return inject_is_active() && inject_fails_now();
}
