// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's own function names, for backtraces: the table of lib/ksym that the build links in
 * (empty in its first pass).
 */
#pragma once

#include "lib/base/types.h"

enum { SYMBOL_TEXT_MAX = 80 };

// Name of the function that contains `pc` and the offset into it; false if none does.  A name that
// does not fit is cut.  Needs no memory, takes no lock, works at any time.
bool symbol_find(vaddr_t pc, char *name, size_t size, size_t *offset);

// "name+0x1c", or the bare address where there is no name.  Gives the length.
size_t symbol_print(vaddr_t pc, char text[static SYMBOL_TEXT_MAX]);
