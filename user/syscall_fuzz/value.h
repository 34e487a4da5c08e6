// SPDX-License-Identifier: Apache-2.0
/* Values of arguments, by the kind and name that they have in abi/syscalls.tbl. */
#pragma once

#include "abi/gen/syscall_grammar.h"
#include "user/syscall_fuzz/random.h"

// One for argument `index` of the call.  What a pointer points to is filled.
uint64_t value_of(struct random *r, const struct call_grammar *call, unsigned index);

// Parts of it that structs are filled with as well.
uint64_t value_handle(struct random *r);
uint64_t value_pid(struct random *r);
uint64_t value_signal(struct random *r);
uint64_t value_size(struct random *r);
uint64_t value_number(struct random *r);
