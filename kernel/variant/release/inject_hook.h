// SPDX-License-Identifier: Apache-2.0
/* Fault injection is not in this variant: nothing fails on purpose. */
#pragma once

static inline bool inject_fails(void)
{
    return false;
}

static inline bool inject_is_active(void)
{
    return false;
}
