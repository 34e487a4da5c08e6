// SPDX-License-Identifier: Apache-2.0
#include "lib/http/target.h"

#include "lib/base/string.h"

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Where the path of "http://host[:port][/path]" begins; the end if there is none.
static size_t path_of_absolute(struct span target, size_t authority)
{
    size_t at = authority;
    while (at < target.size && target.data[at] != '/' && target.data[at] != '?') {
        at++;
    }
    return at;
}

static bool has_prefix(struct span s, const char *prefix, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint8_t c = i < s.size ? s.data[i] : 0;
        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != (uint8_t)prefix[i]) {
            return false;
        }
    }
    return true;
}

// The byte at `*at`, decoded; -1: no escape, or one that is refused.
static int next_byte(struct span target, size_t *at)
{
    uint8_t c = target.data[(*at)++];
    if (c != '%') {
        return c == 0 ? -1 : c;
    }
    if (target.size - *at < 2) {
        return -1;
    }
    int high = hex_value(target.data[*at]);
    int low = hex_value(target.data[*at + 1]);
    *at += 2;
    if (high < 0 || low < 0) {
        return -1;
    }
    int value = high * 16 + low;
    return value == 0 || value == '/' ? -1 : value;
}

// `out` ends with a component that began at `start`; dots are resolved and empty ones dropped.  Gives the
// new length, which is behind a slash unless the component stays; SIZE_MAX: above the root.
static size_t end_component(const char *out, size_t start, size_t length)
{
    size_t size = length - start;
    if (size == 0 || (size == 1 && out[start] == '.')) {
        return start;
    }
    if (size != 2 || out[start] != '.' || out[start + 1] != '.') {
        return length;
    }
    if (start == 1) {
        return SIZE_MAX;
    }
    size_t back = start - 1; // of the slash behind the component before
    while (out[back - 1] != '/') {
        back--;
    }
    return back;
}

// Decodes the path that is left; `out` is "/" already.
static enum http_target decode_path(struct span path, char *out, size_t size, size_t *length)
{
    size_t used = 1;
    size_t start = 1;
    for (size_t at = 0; at <= path.size;) {
        bool is_end = at == path.size || path.data[at] == '?' || path.data[at] == '#';
        if (is_end || path.data[at] == '/') {
            size_t end = end_component(out, start, used);
            if (end == SIZE_MAX) {
                return HTTP_TARGET_OUTSIDE;
            }
            used = end;
            if (is_end) {
                break;
            }
            if (used > 1 && out[used - 1] != '/') {
                out[used++] = '/'; // there is room: the NUL's
            }
            start = used;
            at++;
        } else {
            int byte = next_byte(path, &at);
            if (byte < 0) {
                return HTTP_TARGET_BAD;
            }
            out[used++] = (char)byte;
        }
        if (used + 1 >= size) {
            return HTTP_TARGET_TOO_LONG;
        }
    }
    out[used] = '\0';
    *length = used;
    return HTTP_TARGET_PATH;
}

enum http_target http_target_decode(struct span target, char *out, size_t size, size_t *length)
{
    size_t at = 0;
    if (has_prefix(target, "http://", 7)) {
        at = path_of_absolute(target, 7);
    } else if (has_prefix(target, "https://", 8)) {
        at = path_of_absolute(target, 8);
    } else if (target.size == 0 || target.data[0] != '/') {
        return HTTP_TARGET_BAD;
    }
    if (size < 4) {
        return HTTP_TARGET_TOO_LONG;
    }
    out[0] = '/';
    return decode_path(span_of(target.data + at, target.size - at), out, size, length);
}
