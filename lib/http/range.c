// SPDX-License-Identifier: Apache-2.0
#include "lib/http/range.h"

struct cursor {
    struct span text;
    size_t at;
};

static uint8_t peek(const struct cursor *c)
{
    return c->at < c->text.size ? c->text.data[c->at] : 0;
}

static void skip_blanks(struct cursor *c)
{
    while (peek(c) == ' ' || peek(c) == '\t') {
        c->at++;
    }
}

// A decimal number, which stays at the greatest value where it is more; false: no digit.
static bool read_number(struct cursor *c, uint64_t *out)
{
    uint64_t value = 0;
    size_t start = c->at;
    for (uint8_t digit; (digit = peek(c)) >= '0' && digit <= '9'; c->at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digit - '0'), &value)) {
            value = UINT64_MAX;
        }
    }
    *out = value;
    return c->at > start;
}

// One of the set.  `is_met`: it has bytes of a representation of that size.  False: it is no range.
static bool read_range(struct cursor *c, uint64_t size, struct http_range *out, bool *is_met)
{
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    bool has_first = read_number(c, &first);
    if (peek(c) != '-') {
        return false;
    }
    c->at++;
    bool has_last = read_number(c, &last);
    if (!has_first && !has_last) {
        return false;
    }
    if (!has_first) { // the last bytes
        *is_met = last > 0 && size > 0;
        first = last < size ? size - last : 0;
        last = UINT64_MAX;
    } else if (!has_last) {
        last = UINT64_MAX;
        *is_met = first < size;
    } else if (last < first) {
        return false;
    } else {
        *is_met = first < size;
    }
    *out = (struct http_range){.first = first, .last = last < size ? last : size - 1};
    return true;
}

// Whether `r` has bytes of any of the others.
static bool overlaps(const struct http_range *r, const struct http_range *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (r->first <= others[i].last && others[i].first <= r->last) {
            return true;
        }
    }
    return false;
}

static bool read_unit(struct cursor *c)
{
    static const char unit[] = "bytes=";
    for (size_t i = 0; i < sizeof(unit) - 1; i++, c->at++) {
        uint8_t letter = peek(c);
        if ((letter >= 'A' && letter <= 'Z' ? letter | 0x20 : letter) != (uint8_t)unit[i]) {
            return false;
        }
    }
    return true;
}

enum http_ranges http_ranges_parse(struct span value, uint64_t size, struct http_range *out,
                                   size_t max, size_t *count)
{
    struct cursor c = {.text = value};
    size_t found = 0;
    size_t given = 0;
    if (!read_unit(&c)) {
        return HTTP_RANGES_IGNORE;
    }
    for (;;) {
        struct http_range r;
        bool is_met;
        skip_blanks(&c);
        if (peek(&c) == ',') { // empty elements are allowed (RFC 9110, 5.6.1.2)
            c.at++;
            continue;
        }
        if (c.at == value.size) {
            break;
        }
        if (++given > max || !read_range(&c, size, &r, &is_met)) {
            return HTTP_RANGES_IGNORE;
        }
        if (is_met) {
            if (overlaps(&r, out, found)) {
                return HTTP_RANGES_IGNORE;
            }
            out[found++] = r;
        }
        skip_blanks(&c);
        if (c.at < value.size && peek(&c) != ',') {
            return HTTP_RANGES_IGNORE;
        }
    }
    *count = found;
    return given == 0 ? HTTP_RANGES_IGNORE : found > 0 ? HTTP_RANGES_SOME : HTTP_RANGES_NONE;
}
