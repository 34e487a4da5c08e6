// SPDX-License-Identifier: Apache-2.0
#include "lib/ksym/ksym.h"

// A length byte and what follows it; empty past the end of the blob.
static struct span counted_at(struct span blob, size_t at)
{
    if (!span_has(blob, at, 1) || !span_has(blob, at + 1, blob.data[at])) {
        return span_of(NULL, 0);
    }
    return span_of(blob.data + at + 1, blob.data[at]);
}

// The entry number `index` of a list of counted strings that begins at `at`.
static struct span counted_nth(struct span blob, size_t at, uint32_t index)
{
    for (; index > 0 && span_has(blob, at, 1); index--) {
        at += 1u + blob.data[at];
    }
    return counted_at(blob, at);
}

static void expand(struct span blob, const struct ksym_table *table, struct span codes, char *name)
{
    size_t length = 0;
    for (size_t i = 0; i < codes.size; i++) {
        struct span text = span_of(codes.data + i, 1);
        if (codes.data[i] >= 0x80) {
            text = counted_nth(blob, table->tokens, codes.data[i] - 0x80u);
        }
        for (size_t k = 0; k < text.size && length < KSYM_NAME_MAX - 1; k++) {
            name[length++] = (char)text.data[k];
        }
    }
    name[length] = '\0';
}

// The size in bytes of a function, whose entry is at *at, which moves behind it; 0 when it is damaged.
static uint32_t take_size(struct span blob, size_t *at)
{
    uint32_t words = 0;
    for (unsigned shift = 0; shift < 28 && span_has(blob, *at, 1); shift += 7) {
        uint8_t byte = blob.data[(*at)++];
        words |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return words * 4;
        }
    }
    return 0;
}

status_t ksym_find(struct span blob, uint32_t offset, char name[static KSYM_NAME_MAX],
                   uint32_t *start)
{
    const struct ksym_table *table = (const void *)blob.data;
    if (blob.size < sizeof(*table) || table->size_bytes > blob.size || offset < table->start) {
        return ERR_NOENT;
    }
    uint32_t left = offset - table->start;
    size_t at = table->functions;
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t size = take_size(blob, &at);
        if (size == 0) {
            break;
        }
        struct span codes = counted_at(blob, at);
        if (left < size) {
            expand(blob, table, codes, name);
            *start = offset - left;
            return OK;
        }
        left -= size;
        at += 1 + codes.size;
    }
    return ERR_NOENT;
}
