// SPDX-License-Identifier: Apache-2.0
/* The system call table that entry.S indexes; made from abi/syscalls.tbl. */
#pragma once

#include "abi/gen/syscall_numbers.h"
#include "lib/base/types.h"

// Arguments in registers; a handler takes as many as it names.
typedef int64_t (*syscall_t)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

extern const syscall_t syscall_table[SYSCALL_COUNT];
