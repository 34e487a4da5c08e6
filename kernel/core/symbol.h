// SPDX-License-Identifier: Apache-2.0
/* The kernel's own function names, for backtraces.  The table is linked in by the build. */
#pragma once

#include "lib/base/types.h"

// Name of the function that contains `pc` and the offset into it; false if none does.  Needs no
// memory, takes no lock.
bool symbol_find(vaddr_t pc, char *name, size_t size, size_t *offset);
