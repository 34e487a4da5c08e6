// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/httpd/connection.h"
#include "user/httpd/head.h"

enum { PART_HEAD_MAX = 256 };

// What stands between parts; random, for it must not occur in them.
struct boundary {
    char text[33];
};

static bool boundary_make(struct boundary *b)
{
    unsigned char random[16];
    if (getentropy(random, sizeof(random)) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(random); i++) {
        (void)sprintf(b->text + 2 * i, "%02x", random[i]);
    }
    return true;
}

static uint64_t size_of(const struct http_range *r)
{
    return r->last - r->first + 1;
}

static void answer_one(struct worker *w, const struct connection *c, struct entry *e,
                       const struct http_range *r)
{
    struct head h;
    char range[80];
    (void)snprintf(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)r->first,
                   (unsigned long long)r->last, (unsigned long long)e->size);
    head_begin(&h, w, 206);
    head_put(&h, e->head, e->head_size);
    head_field(&h, "Content-Type", e->type);
    head_field(&h, "Content-Range", range);
    head_length(&h, size_of(r));
    head_end(&h, c, false);
    output_add_file(&w->output, e, r->first, size_of(r));
}

// The head of a part in memory of its own; NULL: there is none.
static char *part_head(const struct boundary *b, const struct entry *e, const struct http_range *r,
                       bool is_first)
{
    char *text;
    int size =
        asprintf(&text, "%s--%s\r\nContent-Type: %s\r\nContent-Range: bytes %llu-%llu/%llu\r\n\r\n",
                 is_first ? "" : "\r\n", b->text, e->type, (unsigned long long)r->first,
                 (unsigned long long)r->last, (unsigned long long)e->size);
    return size < 0 ? NULL : text;
}

static bool make_heads(char **heads, const struct boundary *b, const struct entry *e,
                       const struct http_range *ranges, size_t count)
{
    for (size_t i = 0; i <= count; i++) {
        if (i < count) {
            heads[i] = part_head(b, e, &ranges[i], i == 0);
        } else if (asprintf(&heads[i], "\r\n--%s--\r\n", b->text) < 0) {
            heads[i] = NULL;
        }
        if (heads[i] == NULL) {
            while (i-- > 0) {
                free(heads[i]);
            }
            return false;
        }
    }
    return true;
}

bool parts_answer(struct worker *w, const struct connection *c, struct entry *e,
                  const struct http_range *ranges, size_t count, uint64_t *bytes)
{
    char *heads[PARTS_MAX + 1];
    struct boundary b;
    struct head h;
    uint64_t total = 0;
    static_assert(2 * PARTS_MAX + 2 <= OUTPUT_PER_ANSWER);
    if (count == 1) {
        *bytes = size_of(&ranges[0]);
        answer_one(w, c, e, &ranges[0]);
        return true;
    }
    if (!boundary_make(&b) || !make_heads(heads, &b, e, ranges, count)) {
        return false;
    }
    for (size_t i = 0; i <= count; i++) {
        total += strlen(heads[i]) + (i < count ? size_of(&ranges[i]) : 0);
    }
    head_begin(&h, w, 206);
    head_put(&h, e->head, e->head_size);
    head_text(&h, "Content-Type: multipart/byteranges; boundary=");
    head_text(&h, b.text);
    head_text(&h, "\r\n");
    head_length(&h, total);
    head_end(&h, c, false);
    for (size_t i = 0; i <= count; i++) {
        output_add_owned(&w->output, heads[i], strlen(heads[i]));
        if (i < count) {
            output_add_file(&w->output, e, ranges[i].first, size_of(&ranges[i]));
        }
    }
    *bytes = total;
    return true;
}
