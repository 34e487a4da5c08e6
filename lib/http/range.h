// SPDX-License-Identifier: Apache-2.0
/* The Range field of a request (RFC 9110, 14.2), in bytes. */
#pragma once

#include "lib/base/span.h"

struct http_range {
    uint64_t first;
    uint64_t last; // included
};

enum http_ranges {
    HTTP_RANGES_SOME, // those that can be satisfied are in `out`
    HTTP_RANGES_IGNORE, // no ranges of bytes, more than there is room for, or they overlap: the whole is sent
    HTTP_RANGES_NONE, // none can be satisfied
};

// `size` is that of the representation.
enum http_ranges http_ranges_parse(struct span value, uint64_t size, struct http_range *out,
                                   size_t max, size_t *count);
