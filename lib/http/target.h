// SPDX-License-Identifier: Apache-2.0
/* What a request asks for: the target of its first line (RFC 9112, 3.2) as a path below a root. */
#pragma once

#include "lib/base/span.h"

enum http_target {
    HTTP_TARGET_PATH,     // the path is in `out`
    HTTP_TARGET_BAD,      // no target, or escapes that are none
    HTTP_TARGET_OUTSIDE,  // it climbs above the root
    HTTP_TARGET_TOO_LONG, // for the room
};

/*
 * The path of an origin-form or absolute-form target, with its escapes decoded, without query: it begins
 * with a slash, has no empty, `.` or `..` components, holds no NUL, and ends with a slash if it was written
 * so or ended with a dot component.  A slash that was escaped is refused: no name holds one.
 */
enum http_target http_target_decode(struct span target, char *out, size_t size, size_t *length);
