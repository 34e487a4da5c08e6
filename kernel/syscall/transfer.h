// SPDX-License-Identifier: Apache-2.0
/* What calls that move bytes share. */
#pragma once

#include "kernel/object/uio.h"

// Bytes that were moved since `left` of the uio was `before`, or the status if there are none; then
// ERR_PIPE raises SIGPIPE.
int64_t transfer_result(const struct uio *u, size_t before, status_t status);
