// SPDX-License-Identifier: Apache-2.0
/*
 * Fault injection: makes one allocation of pages or heap memory fail, to prove that running out of
 * memory is survived everywhere.
 *
 *     for (size_t n = 0; inject_arm(n), ...the operation...; n++) {
 *         if (!inject_disarm()) { break; }  // it needed fewer allocations: every one has failed once
 *     }
 *
 * Only allocations of the thread that armed it count.  Compiled into the checked variant and the
 * host tests (<inject_hook.h>); elsewhere arming has no effect, see inject_is_available.
 */
#pragma once

#include "lib/base/types.h"

// Whether this variant has fault injection.
bool inject_is_available(void);

// Lets the current thread's next `after` allocations pass and fails the one behind them.
void inject_arm(size_t after);

// Stops it.  True: an allocation has failed since inject_arm.
bool inject_disarm(void);

// What the hook asks: whether anything is armed, and whether this allocation's turn has come.
extern _Atomic bool inject_is_armed; // [a] relaxed
bool inject_fails_now(void);
