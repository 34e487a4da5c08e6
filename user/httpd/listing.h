// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

// A page that lists the folder, whose handle it takes; to be freed.  NULL: no memory, or it cannot be read.
char *listing_create(int folder, const char *path, size_t *size);

// The path with what a URL may not hold as escapes, without NUL; gives its size, 0: it does not fit.
size_t listing_escape(const char *path, char *out, size_t size);
