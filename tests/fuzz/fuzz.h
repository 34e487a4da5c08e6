// SPDX-License-Identifier: Apache-2.0
/*
 * What libFuzzer calls with each input.  A target returns 0; a broken property is a trap, which the
 * fuzzer reports with the input that caused it.
 */
#pragma once

#include "lib/base/types.h"

// NOLINTNEXTLINE(readability-identifier-naming)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What must hold for every input.
static inline void require(bool condition)
{
    if (!condition) {
        __builtin_trap();
    }
}
