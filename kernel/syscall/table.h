// SPDX-License-Identifier: Apache-2.0
/* The system call table that entry.S indexes; made from abi/syscalls.tbl. */
#pragma once

#include "abi/gen/syscall_numbers.h"
#include "lib/base/types.h"

// A handler: arguments in registers, of which it takes as many as it names.  Only entry.S calls one.
typedef const void *syscall_t;

// entry.S counts the time of those whose address is odd as the system's.
#define SHORT(handler) (void *)(handler)
#define TIMED(handler) (void *)((char *)(void *)(handler) + 1)

extern const syscall_t syscall_table[SYSCALL_COUNT];
