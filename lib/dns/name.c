// SPDX-License-Identifier: Apache-2.0
#include "lib/dns/name.h"

#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

enum { POINTER = 0xc0, POINTER_MASK = 0x3fff };

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

// Adds a label.  False: the name gets too long for the empty one at its end.
static bool add_label(struct dns_name *n, struct span label)
{
    if (n->size + 1u + label.size > DNS_NAME_MAX - 1u) {
        return false;
    }
    n->bytes[n->size] = (uint8_t)label.size;
    memcpy(n->bytes + n->size + 1, label.data, label.size);
    n->size = (uint8_t)(n->size + 1u + label.size);
    return true;
}

static status_t read_name(struct span message, size_t *at, bool is_plain, struct dns_name *out)
{
    struct dns_name n = {};
    size_t here = *at;
    size_t limit = here; // what a pointer has to be below: each leads further back than the last
    size_t behind = 0;   // the name's end, once a pointer was followed
    while (span_has(message, here, 1) && message.data[here] != 0) {
        uint8_t size = message.data[here];
        if (size <= DNS_LABEL_MAX) {
            if (!span_has(message, here, size + 1u) ||
                !add_label(&n, span_of(message.data + here + 1, size))) {
                return ERR_INVAL;
            }
            here += size + 1u;
            continue;
        }
        if (is_plain || size < POINTER || !span_has(message, here, 2)) {
            return ERR_INVAL;
        }
        behind = behind == 0 ? here + 2 : behind;
        here = read_be16(message.data + here) & POINTER_MASK;
        if (here >= limit) {
            return ERR_INVAL;
        }
        limit = here;
    }
    if (!span_has(message, here, 1)) {
        return ERR_INVAL;
    }
    n.bytes[n.size++] = 0;
    *at = behind == 0 ? here + 1 : behind;
    *out = n;
    return OK;
}

status_t dns_name_read(struct span message, size_t *at, struct dns_name *out)
{
    return read_name(message, at, false, out);
}

status_t dns_name_read_plain(struct span bytes, size_t *at, struct dns_name *out)
{
    return read_name(bytes, at, true, out);
}

// ---- Text ----

// The byte that text[*at] and what follows a backslash there stand for.
static status_t read_escape(struct span text, size_t *at, uint8_t *out)
{
    const uint8_t *p = text.data + *at;
    size_t left = text.size - *at;
    if (left == 0) {
        return ERR_INVAL;
    }
    if (p[0] < '0' || p[0] > '9') {
        *out = p[0];
        *at += 1;
        return OK;
    }
    unsigned value = 0;
    for (size_t i = 0; i < 3; i++) {
        if (i == left || p[i] < '0' || p[i] > '9') {
            return ERR_INVAL;
        }
        value = value * 10 + (p[i] - (unsigned)'0');
    }
    *out = (uint8_t)value;
    *at += 3;
    return value <= UINT8_MAX ? OK : ERR_INVAL;
}

// The label at *at, up to a dot, behind which *at is moved, or to the end.
static status_t parse_label(struct span text, size_t *at, uint8_t *label, size_t *size)
{
    *size = 0;
    while (*at < text.size) {
        uint8_t c = text.data[(*at)++];
        if (c == '.') {
            break;
        }
        status_t status = c == '\\' ? read_escape(text, at, &c) : OK;
        if (status != OK) {
            return status;
        }
        if (*size == DNS_LABEL_MAX) {
            return ERR_INVAL;
        }
        label[(*size)++] = c;
    }
    return *size != 0 ? OK : ERR_INVAL;
}

status_t dns_name_parse(struct span text, struct dns_name *out)
{
    struct dns_name n = {};
    size_t at = span_is(text, ".") ? 1 : 0;
    if (text.size == 0) {
        return ERR_INVAL;
    }
    while (at < text.size) {
        uint8_t label[DNS_LABEL_MAX];
        size_t size;
        status_t status = parse_label(text, &at, label, &size);
        if (status != OK) {
            return status;
        }
        if (!add_label(&n, span_of(label, size))) {
            return ERR_NAMETOOLONG;
        }
    }
    n.bytes[n.size++] = 0;
    *out = n;
    return OK;
}

// The text of one byte within a label.
static size_t print_byte(uint8_t c, char *text, size_t size)
{
    bool is_plain = c > ' ' && c < 0x7f;
    bool is_special = c == '.' || c == '\\';
    return fmt_print(text, size, is_special ? "\\%c" : is_plain ? "%c" : "\\%03u", c);
}

size_t dns_name_print(const struct dns_name *n, char *text, size_t size)
{
    size_t length = 0;
    if (n->size <= 1) {
        return fmt_print(text, size, ".");
    }
    for (size_t at = 0; n->bytes[at] != 0; at += n->bytes[at] + 1u) {
        for (size_t i = at == 0 ? 1 : 0; i <= n->bytes[at]; i++) {
            size_t used = length < size ? length : size;
            length += i == 0 ? fmt_print(text + used, size - used, ".")
                             : print_byte(n->bytes[at + i], text + used, size - used);
        }
    }
    return length;
}

// ---- Looking at names ----

bool dns_name_is_equal(const struct dns_name *a, const struct dns_name *b)
{
    // Sizes of labels are below 'A', so they may pass through lower.
    size_t i = 0;
    while (i < a->size && i < b->size && lower(a->bytes[i]) == lower(b->bytes[i])) {
        i++;
    }
    return i == a->size && i == b->size;
}

bool dns_name_is_host(const struct dns_name *n)
{
    for (size_t at = 0; n->bytes[at] != 0; at += n->bytes[at] + 1u) {
        for (size_t i = 1; i <= n->bytes[at]; i++) {
            uint8_t c = lower(n->bytes[at + i]);
            bool is_inner = i != 1 && i != n->bytes[at];
            if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' &&
                !(c == '-' && is_inner)) {
                return false;
            }
        }
    }
    return n->size > 1;
}
