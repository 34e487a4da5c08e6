// SPDX-License-Identifier: Apache-2.0
/* Memory for programs without a C library. */
#pragma once

#include "abi/gen/syscall_stubs.h"
#include "abi/mman.h"
#include "lib/base/types.h"

// Zeroed memory; gives its address, or a negative error.
static inline int64_t map_memory(uint64_t size)
{
    return sys_mmap(NULL, size, ABI_PROT_READ | ABI_PROT_WRITE, ABI_MAP_PRIVATE | ABI_MAP_ANONYMOUS,
                    -1, 0);
}
