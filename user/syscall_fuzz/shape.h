// SPDX-License-Identifier: Apache-2.0
/* What lies behind a pointer, by the name that the argument has in abi/syscalls.tbl. */
#pragma once

#include "user/syscall_fuzz/random.h"

enum { SHAPE_BYTES = 512 }; // the most that is written, but for a path

// Fills memory at `at`, of which `room` bytes may be written.
void shape_fill(struct random *r, uint32_t call, const char *name, uint64_t at, uint64_t room);
