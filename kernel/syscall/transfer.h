// SPDX-License-Identifier: Apache-2.0
/* What calls that move bytes share. */
#pragma once

#include "abi/status.h"
#include "kernel/object/uio.h"

// Bytes that were moved since `left` of the uio was `before`, or the status if there are none; then
// ERR_PIPE raises SIGPIPE, and ERR_FBIG what file_limit_result says.
int64_t transfer_result(const struct uio *u, size_t before, status_t status);

// The status; ERR_FBIG raises SIGXFSZ if the caller has a limit for files (RLIMIT_FSIZE).
int64_t file_limit_result(status_t status);

enum {
    TRANSFER_MAX = 0x7ffff000,    // most bytes of one call
    TRANSFER_SEGMENTS_SMALL = 8,  // on the stack
    TRANSFER_SEGMENTS_MAX = 1024, // IOV_MAX
};

// A caller's struct iovec as a cursor.
struct transfer_vector {
    struct uio uio;
    struct uio_segment small[TRANSFER_SEGMENTS_SMALL];
    void *memory; // of more than those; NULL: none
};

// ERR_INVAL: too many, or too much.  ERR_FAULT, ERR_NOMEM.  On failure there is nothing to end.
status_t transfer_vector_begin(struct transfer_vector *v, vaddr_t address, int32_t count);
void transfer_vector_end(struct transfer_vector *v);
