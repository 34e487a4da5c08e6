// SPDX-License-Identifier: Apache-2.0
/* What a request is answered with: put into the worker's output, counted and logged. */
#pragma once

struct connection;
struct request;
struct worker;

void answer(struct worker *w, struct connection *c, const struct request *r);

// An answer that only says what is wrong.  `r` may be NULL: it could not be read.
void answer_error(struct worker *w, struct connection *c, const struct request *r, unsigned status);

// "404 Not Found".
const char *answer_reason(unsigned status);
