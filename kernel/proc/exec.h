// SPDX-License-Identifier: Apache-2.0
/* Programs: from the bytes of an ELF file to an address space that is ready to run. */
#pragma once

#include "kernel/mm/aspace.h"
#include "lib/base/span.h"

enum { EXEC_ARGS_MAX_BYTES = 65536 };

// Builds a new address space with the program's segments and a stack that holds the `argc` strings
// of `args` as the ELF psABI lays them out, and the registers to start with.  The caller has the
// only reference on *out.  `path` is for the log line that names what is wrong with a refused file.
// ERR_NOEXEC, ERR_NOMEM, ERR_2BIG.
status_t exec_load(const char *path, struct span file, struct span args, size_t argc,
                   struct aspace **out, struct arch_frame *frame);
