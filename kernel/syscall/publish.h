// SPDX-License-Identifier: Apache-2.0
/* Handles for files that calls make. */
#pragma once

#include "abi/rights.h"
#include "kernel/object/file.h"

enum {
    PUBLISH_RIGHTS = SWIFTOS_RIGHT_DUPLICATE | SWIFTOS_RIGHT_TRANSFER | SWIFTOS_RIGHT_GETATTR |
                     SWIFTOS_RIGHT_SETATTR | SWIFTOS_RIGHT_WAIT,
};

// The rights that a new file's flags (FILE_READ, FILE_WRITE) give.
rights_t publish_rights(const struct file *f);

// A handle for `f`, close-on-exec if `flags` has O_CLOEXEC; takes the reference also when it fails.
// Gives the handle or an error.
int64_t publish_file(struct file *f, rights_t rights, uint32_t flags);

// Two handles, stored at `pair` as two ints; takes both references also when it fails.
int64_t publish_pair(struct file *first, struct file *second, rights_t more_rights, uint32_t flags,
                     vaddr_t pair);
