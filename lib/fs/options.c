// SPDX-License-Identifier: Apache-2.0
#include "lib/fs/options.h"

#include "lib/base/string.h"

enum { PER_CENT = 100 };

// Takes digits off the front.  ERR_INVAL: none, or too many.
static status_t take_number(struct span *text, unsigned base, uint64_t *out)
{
    size_t used = 0;
    uint64_t value = 0;
    while (used < text->size && text->data[used] >= '0' && text->data[used] < '0' + base) {
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, text->data[used] - (unsigned)'0', &value)) {
            return ERR_INVAL;
        }
        used++;
    }
    *text = span_of(text->data + used, text->size - used);
    *out = value;
    return used == 0 ? ERR_INVAL : OK;
}

static unsigned unit_shift(uint8_t letter)
{
    switch (letter | 0x20) {
    case 'k': return 10;
    case 'm': return 20;
    case 'g': return 30;
    default: return 0;
    }
}

// `text` is what follows the digits.
static status_t apply_unit(struct span text, uint64_t whole, uint64_t *value)
{
    if (text.size == 0) {
        return OK;
    }
    if (text.size != 1) {
        return ERR_INVAL;
    }
    if (text.data[0] == '%') {
        *value = *value > PER_CENT ? whole : whole / PER_CENT * *value;
        return OK;
    }
    unsigned shift = unit_shift(text.data[0]);
    if (shift == 0 || *value >> (64 - shift) != 0) {
        return ERR_INVAL;
    }
    *value <<= shift;
    return OK;
}

static status_t parse_value(struct span text, enum mount_option_kind kind, uint64_t whole,
                            uint64_t *out)
{
    uint64_t value;
    status_t status = take_number(&text, kind == MOUNT_OPTION_OCTAL ? 8 : 10, &value);
    if (status == OK && kind == MOUNT_OPTION_SIZE) {
        status = apply_unit(text, whole, &value);
    } else if (status == OK && text.size != 0) {
        status = ERR_INVAL;
    }
    if (status == OK) {
        *out = value;
    }
    return status;
}

static status_t parse_one(struct span text, const struct mount_option *known, size_t count,
                          uint64_t whole)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(known[i].name);
        if (text.size > len && memcmp(text.data, known[i].name, len) == 0 &&
            text.data[len] == '=') {
            return parse_value(span_of(text.data + len + 1, text.size - len - 1), known[i].kind,
                               whole, known[i].value);
        }
    }
    return ERR_INVAL;
}

status_t mount_options_parse(const char *text, const struct mount_option *known, size_t count,
                             uint64_t whole)
{
    while (*text != '\0') {
        const char *comma = strchr(text, ',');
        size_t len = comma == NULL ? strlen(text) : (size_t)(comma - text);
        if (len != 0) {
            status_t status = parse_one(span_of(text, len), known, count, whole);
            if (status != OK) {
                return status;
            }
        }
        text += len + (comma != NULL);
    }
    return OK;
}
