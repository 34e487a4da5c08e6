// SPDX-License-Identifier: Apache-2.0
/* Ways to break the kernel, for the tests of what stops it and what it reports then. */
#pragma once

#include "lib/base/span.h"

// Breaks it as `cause` (a name in crash.c) says.  Returns only if nothing stopped it, or the name is
// not known: the exit status for that.
int crash_now(struct span cause);
