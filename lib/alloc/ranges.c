// SPDX-License-Identifier: Apache-2.0
#include "lib/alloc/ranges.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

// Replaces `count` items from index `at` by `more` (0 to 2) items whose values the caller fills in.
static void replace(struct ranges *r, size_t at, size_t count, size_t more)
{
    size_t tail = r->count - at - count;
    memmove(&r->items[at + more], &r->items[at + count], tail * sizeof(r->items[0]));
    r->count = at + more + tail;
}

size_t ranges_find(const struct ranges *r, uint64_t at)
{
    size_t low = 0;
    size_t high = r->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->items[middle].end > at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

// The first range that ends at or above `at`, so that one that touches is found too.
static size_t find_touching(const struct ranges *r, uint64_t at)
{
    return at == 0 ? 0 : ranges_find(r, at - 1);
}

status_t ranges_add(struct ranges *r, uint64_t start, uint64_t end)
{
    if (start >= end) {
        return OK;
    }
    size_t first = find_touching(r, start);
    size_t last = first;
    while (last < r->count && r->items[last].start <= end) {
        last++;
    }
    if (first == last && r->count == r->capacity) {
        return ERR_NOSPC;
    }
    struct range merged = {start, end};
    if (first != last) {
        merged.start = u64_min(start, r->items[first].start);
        merged.end = u64_max(end, r->items[last - 1].end);
    }
    replace(r, first, last - first, 1);
    r->items[first] = merged;
    return OK;
}

void ranges_add_widening(struct ranges *r, uint64_t start, uint64_t end)
{
    if (ranges_add(r, start, end) == OK || r->count == 0) {
        return;
    }
    // It touches nothing, or adding would have succeeded.
    size_t next = ranges_find(r, start);
    uint64_t gap_below = next > 0 ? start - r->items[next - 1].end : UINT64_MAX;
    uint64_t gap_above = next < r->count ? r->items[next].start - end : UINT64_MAX;
    if (gap_below <= gap_above) {
        r->items[next - 1].end = end;
    } else {
        r->items[next].start = start;
    }
}

// Takes the middle out of one range.
static void split(struct ranges *r, size_t at, uint64_t start, uint64_t end)
{
    struct range whole = r->items[at];
    if (r->count < r->capacity) {
        replace(r, at, 1, 2);
        r->items[at] = (struct range){whole.start, start};
        r->items[at + 1] = (struct range){end, whole.end};
    } else if (start - whole.start >= whole.end - end) {
        r->items[at].end = start;
    } else {
        r->items[at].start = end;
    }
}

void ranges_remove(struct ranges *r, uint64_t start, uint64_t end)
{
    if (start >= end) {
        return;
    }
    size_t first = ranges_find(r, start);
    if (first < r->count && r->items[first].start < start && r->items[first].end > end) {
        split(r, first, start, end);
        return;
    }
    if (first < r->count && r->items[first].start < start) {
        r->items[first].end = start;
        first++;
    }
    size_t last = first;
    while (last < r->count && r->items[last].end <= end) {
        last++;
    }
    if (last < r->count && r->items[last].start < end) {
        r->items[last].start = end;
    }
    replace(r, first, last - first, 0);
}

void ranges_trim(struct ranges *r, uint64_t align)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        uint64_t end = align_down(r->items[i].end, align);
        // Rounding up cannot wrap below a rounded-down end.
        if (r->items[i].start < end && align_up(r->items[i].start, align) < end) {
            r->items[kept++] = (struct range){align_up(r->items[i].start, align), end};
        }
    }
    r->count = kept;
}

bool ranges_next(const struct ranges *r, uint64_t start, uint64_t end, struct range *out)
{
    size_t i = ranges_find(r, start);
    if (i == r->count || r->items[i].start >= end || start >= end) {
        return false;
    }
    out->start = u64_max(start, r->items[i].start);
    out->end = u64_min(end, r->items[i].end);
    return true;
}

uint64_t ranges_overlap(const struct ranges *r, uint64_t start, uint64_t end)
{
    uint64_t sum = 0;
    for (size_t i = ranges_find(r, start); i < r->count && r->items[i].start < end; i++) {
        sum += u64_min(end, r->items[i].end) - u64_max(start, r->items[i].start);
    }
    return sum;
}

uint64_t ranges_total(const struct ranges *r)
{
    return ranges_overlap(r, 0, UINT64_MAX);
}
