// SPDX-License-Identifier: Apache-2.0
/*
 * Reader of "newc" cpio archives (magic 070701; the format of initial ramdisks), over borrowed
 * bytes.  A corrupt archive gives ERR_INVAL and never an access outside.  Of a file with several
 * names only the last entry has the data, as the format stores it.
 */
#pragma once

#include "lib/base/span.h"

struct cpio_entry {
    const char *name; // terminated, without a leading "/" or "./"
    uint32_t mode;    // POSIX type and permission bits
    struct span data;
    uint64_t next; // where the next entry starts
};

// Iterates: start with *e zeroed; ERR_NOENT at the end.
status_t cpio_next(struct span archive, struct cpio_entry *e);

// The regular file at `path` (a leading "/" or "./" does not count).  ERR_NOENT, ERR_INVAL.
status_t cpio_find(struct span archive, const char *path, struct span *data);
