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

// Number of entries of `starts` that are not above `offset`.
static uint32_t count_not_above(const uint32_t *starts, uint32_t count, uint32_t offset)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (starts[middle] <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

status_t ksym_find(struct span blob, uint32_t offset, char name[static KSYM_NAME_MAX],
                   uint32_t *start)
{
    const struct ksym_table *table = (const void *)blob.data;
    if (blob.size < sizeof(*table) || table->size_bytes > blob.size ||
        !span_has(blob, sizeof(*table), (uint64_t)table->count * sizeof(uint32_t))) {
        return ERR_NOENT;
    }
    const uint32_t *starts = (const void *)(table + 1);
    uint32_t below = count_not_above(starts, table->count, offset);
    if (below == 0 || below == table->count) {
        return ERR_NOENT;
    }
    expand(blob, table, counted_nth(blob, table->names, below - 1), name);
    *start = starts[below - 1];
    return OK;
}
