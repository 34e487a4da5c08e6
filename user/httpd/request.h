// SPDX-License-Identifier: Apache-2.0
/* The head of a request (RFC 9112, 2 to 5), by picohttpparser, and what its fields mean to us. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/http/condition.h"

enum method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_OTHER,   // one of RFC 9110 that files do not have
    METHOD_UNKNOWN, // of nobody
};

// Spans lie in the data that was parsed; those of fields that are not there have no data.
struct request {
    enum method method;
    struct span line; // the first one, for the log
    struct span target;
    struct http_conditions conditions;
    struct span range;
    struct span referer;
    struct span agent;
    uint64_t body;    // bytes that follow the head
    bool is_chunked;  // how many follow is not known
    bool keeps_alive; // the client wants to send another
    bool is_old;      // HTTP/1.0
};

// Gives the bytes of the head; 0: it is not complete; a status of HTTP, negative: it is refused.
// `seen` bytes of the same data were there when it was incomplete the last time.
int request_parse(const char *data, size_t size, size_t seen, struct request *out);
