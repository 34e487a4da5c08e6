// SPDX-License-Identifier: Apache-2.0
/* Values that mean something, for arguments whose kind and name do not tell them. */
#pragma once

#include "user/syscall_fuzz/random.h"

// One that the call knows, or several of them together where they are flags.  False: nothing is known
// of this argument.
bool hint_value(struct random *r, uint32_t call, unsigned argument, uint64_t *out);
