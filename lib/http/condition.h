// SPDX-License-Identifier: Apache-2.0
/* Conditional requests (RFC 9110, 13), evaluated in the order of 13.2.2. */
#pragma once

#include "lib/base/span.h"

// Values of the fields; data NULL: the request has none.
struct http_conditions {
    struct span if_match;
    struct span if_none_match;
    struct span if_modified_since;
    struct span if_unmodified_since;
    struct span if_range;
};

// What is to be sent.
struct http_representation {
    struct span etag; // strong, with its quotes
    int64_t modified; // seconds since 1970
    int64_t now;
};

enum http_verdict {
    HTTP_PROCEED,
    HTTP_NOT_MODIFIED, // 304
    HTTP_FAILED,       // 412
};

// For GET and HEAD.
enum http_verdict http_conditions_evaluate(const struct http_conditions *c,
                                           const struct http_representation *r);

// Whether a Range counts: no If-Range, or one that this representation meets.
bool http_if_range_holds(const struct http_conditions *c, const struct http_representation *r);
