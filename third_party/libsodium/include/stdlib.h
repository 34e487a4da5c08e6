// SPDX-License-Identifier: Apache-2.0
/* What libsodium takes from this header of the C library. */
#pragma once
#include <stddef.h>

// Called when the library finds itself misused, which is our mistake.
static inline _Noreturn void abort(void)
{
    __builtin_trap();
}
