// SPDX-License-Identifier: Apache-2.0
/* Text of an answer's head, put together in the output's room. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct worker;
struct connection;

struct head {
    struct worker *worker;
    char *begin;
    char *at; // there is room for OUTPUT_ANSWER bytes from `begin`
};

static inline void head_put(struct head *h, const char *text, size_t size)
{
    memcpy(h->at, text, size);
    h->at += size;
}

static inline void head_text(struct head *h, const char *text)
{
    head_put(h, text, strlen(text));
}

void head_number(struct head *h, uint64_t value);

// The status line and what every answer has.
void head_begin(struct head *h, struct worker *w, unsigned status);

// What the client has to know of the connection, the empty line, and the head is in the output.
void head_end(struct head *h, const struct connection *c, bool is_old);

void head_field(struct head *h, const char *name, const char *value);
void head_length(struct head *h, uint64_t length);
