// SPDX-License-Identifier: Apache-2.0
/*
 * Base64 with the standard alphabet (RFC 4648, section 4).  Padding is right or left out altogether,
 * and nothing else is between the letters.
 */
#pragma once

#include "lib/base/span.h"

// Decodes `text` into `out`; gives the bytes written.  ERR_INVAL: not Base64.  ERR_RANGE: too long.
status_t base64_decode(struct span text, void *out, size_t size, size_t *written);
