// SPDX-License-Identifier: Apache-2.0
/* Answers with a part of a file, or several (RFC 9110, 15.3.7). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/http/range.h"

enum { PARTS_MAX = 16 };

struct connection;
struct entry;
struct worker;

// Gives the bytes of the body.  False: no memory, and nothing was put out.
bool parts_answer(struct worker *w, const struct connection *c, struct entry *e,
                  const struct http_range *ranges, size_t count, uint64_t *bytes);
