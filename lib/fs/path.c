// SPDX-License-Identifier: Apache-2.0
#include "lib/fs/path.h"

static size_t slashes(struct span s)
{
    size_t n = 0;
    while (n < s.size && s.data[n] == '/') {
        n++;
    }
    return n;
}

bool path_next(struct span *rest, struct span *name)
{
    size_t start = slashes(*rest);
    size_t end = start;
    while (end < rest->size && rest->data[end] != '/') {
        end++;
    }
    *name = span_of(rest->data + start, end - start);
    *rest = span_of(rest->data + end, rest->size - end);
    return name->size != 0;
}

bool path_has_name(struct span rest)
{
    return slashes(rest) != rest.size;
}
