// SPDX-License-Identifier: Apache-2.0
/* The parts of a path: names between slashes. */
#pragma once

#include "lib/base/span.h"

// Takes the next name off the front of *rest, with the slashes before it.  False: only slashes were
// left, or nothing.
bool path_next(struct span *rest, struct span *name);

// Whether another name follows.
bool path_has_name(struct span rest);

static inline bool path_name_is_dot(struct span name)
{
    return name.size == 1 && name.data[0] == '.';
}

static inline bool path_name_is_dot_dot(struct span name)
{
    return name.size == 2 && name.data[0] == '.' && name.data[1] == '.';
}
