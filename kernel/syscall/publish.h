// SPDX-License-Identifier: Apache-2.0
/* Handles for files that calls make. */
#pragma once

#include "abi/rights.h"
#include "kernel/object/file.h"

// A handle for `f`, close-on-exec if `flags` has O_CLOEXEC; takes the reference also when it fails.
// Gives the handle or an error.
int64_t publish_file(struct file *f, rights_t rights, uint32_t flags);

// Two handles, stored at `pair` as two ints; takes both references also when it fails.
int64_t publish_pair(struct file *first, struct file *second, rights_t more_rights, uint32_t flags,
                     vaddr_t pair);
