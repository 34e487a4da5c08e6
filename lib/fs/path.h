// SPDX-License-Identifier: Apache-2.0
/* The parts of a path: names between slashes. */
#pragma once

#include "lib/base/words.h"

// Takes the next name off the front of *rest, with the slashes before it.  False: only slashes were
// left, or nothing.
static inline bool path_next(struct span *rest, struct span *name)
{
    const uint8_t *at = rest->data;
    const uint8_t *end = at + rest->size;
    while (at != end && *at == '/') {
        at++;
    }
    name->data = at;
    name->size = words_find(at, (size_t)(end - at), '/');
    at += name->size;
    rest->size = (size_t)(end - at);
    rest->data = at;
    return name->size != 0;
}

// Whether another name follows.
static inline bool path_has_name(struct span rest)
{
    size_t n = 0;
    while (n < rest.size && rest.data[n] == '/') {
        n++;
    }
    return n != rest.size;
}

static inline bool path_name_is_dot(struct span name)
{
    return name.size == 1 && name.data[0] == '.';
}

static inline bool path_name_is_dot_dot(struct span name)
{
    return name.size == 2 && name.data[0] == '.' && name.data[1] == '.';
}

// "." or "..".
static inline bool path_name_is_dots(struct span name)
{
    return name.data[0] == '.' && (name.size == 1 || path_name_is_dot_dot(name));
}
