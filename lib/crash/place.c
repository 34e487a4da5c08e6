// SPDX-License-Identifier: Apache-2.0
#include "lib/crash/place.h"

#include "lib/base/bits.h"
#include "lib/crash/record.h"

static constexpr uint64_t ALIGN = 64 << 10;
static constexpr uint64_t LOW_END = 4ull << 30;

// The end of the RAM that counts.
static uint64_t end_of_low(const struct ranges *ram)
{
    uint64_t end = ram->items[0].end;
    for (size_t i = 1; i < ram->count && ram->items[i].start < LOW_END; i++) {
        end = ram->items[i].end;
    }
    return ram->items[0].start < LOW_END ? u64_min(end, LOW_END) : end;
}

// The highest place in [low, high) of the range.
static bool place_below(const struct range *r, uint64_t low, uint64_t high, uint64_t *out)
{
    uint64_t start = u64_max(r->start, low);
    uint64_t end = u64_min(r->end, high);
    if (end < CRASH_AREA_SIZE) {
        return false;
    }
    uint64_t at = align_down(end - CRASH_AREA_SIZE, ALIGN);
    if (at < start) {
        return false;
    }
    *out = at;
    return true;
}

static bool place_above(const struct range *r, uint64_t low, uint64_t *out)
{
    uint64_t at = align_up(u64_max(r->start, low), ALIGN);
    if (at > r->end || r->end - at < CRASH_AREA_SIZE) {
        return false;
    }
    *out = at;
    return true;
}

bool crash_place(const struct ranges *ram, const struct ranges *usable, uint64_t *out)
{
    if (ram->count == 0) {
        return false;
    }
    uint64_t low = ram->items[0].start;
    uint64_t middle = align_down(low + (end_of_low(ram) - low) / 4 * 3, ALIGN);
    for (size_t i = usable->count; i > 0; i--) {
        if (place_below(&usable->items[i - 1], low, middle + CRASH_AREA_SIZE, out)) {
            return true;
        }
    }
    for (size_t i = 0; i < usable->count; i++) {
        if (place_above(&usable->items[i], middle, out)) {
            return true;
        }
    }
    return false;
}
