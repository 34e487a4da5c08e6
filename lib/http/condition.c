// SPDX-License-Identifier: Apache-2.0
#include "lib/http/condition.h"

#include "lib/base/string.h"
#include "lib/http/date.h"

// Whether the list of entity tags, or `*`, has this one.  Compared weakly, `W/` does not matter.
static bool list_has(struct span list, struct span etag, bool is_weakly)
{
    const uint8_t *p = list.data;
    const uint8_t *end = p + list.size;
    while (p < end) {
        if (*p == ' ' || *p == '\t' || *p == ',') {
            p++;
            continue;
        }
        if (*p == '*') {
            return true;
        }
        bool is_weak = end - p >= 2 && p[0] == 'W' && p[1] == '/';
        const uint8_t *tag = is_weak ? p + 2 : p;
        if (tag == end || *tag != '"') {
            return false;
        }
        const uint8_t *close = memchr(tag + 1, '"', (size_t)(end - tag - 1));
        if (close == NULL) {
            return false;
        }
        p = close + 1;
        if ((is_weakly || !is_weak) && (size_t)(p - tag) == etag.size &&
            memcmp(tag, etag.data, etag.size) == 0) {
            return true;
        }
    }
    return false;
}

static bool has(struct span field)
{
    return field.data != NULL;
}

enum http_verdict http_conditions_evaluate(const struct http_conditions *c,
                                           const struct http_representation *r)
{
    int64_t date;
    if (has(c->if_match)) {
        if (!list_has(c->if_match, r->etag, false)) {
            return HTTP_FAILED;
        }
    } else if (has(c->if_unmodified_since) &&
               http_date_parse(c->if_unmodified_since, r->now, &date) && r->modified > date) {
        return HTTP_FAILED;
    }
    if (has(c->if_none_match)) {
        return list_has(c->if_none_match, r->etag, true) ? HTTP_NOT_MODIFIED : HTTP_PROCEED;
    }
    if (has(c->if_modified_since) && http_date_parse(c->if_modified_since, r->now, &date) &&
        r->modified <= date) {
        return HTTP_NOT_MODIFIED;
    }
    return HTTP_PROCEED;
}

bool http_if_range_holds(const struct http_conditions *c, const struct http_representation *r)
{
    int64_t date;
    if (!has(c->if_range)) {
        return true;
    }
    if (http_date_parse(c->if_range, r->now, &date)) {
        return date == r->modified;
    }
    return c->if_range.size > 0 && c->if_range.data[0] == '"' &&
           list_has(c->if_range, r->etag, false);
}
