// SPDX-License-Identifier: Apache-2.0
#include "lib/crash/record.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

static constexpr uint64_t MAGIC = 0x3148534152435753; // "SWCRASH1" in memory order

// FNV-1a: against RAM that decayed or was overwritten, not against an adversary, who would have to
// be in the kernel already.
static uint64_t hash(uint64_t start, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < size; i++) {
        start = (start ^ p[i]) * 0x100000001b3;
    }
    return start;
}

static uint64_t checksum_of(const struct crash_area *area)
{
    struct crash_header copy = *area->header;
    copy.checksum = 0;
    uint64_t of_header = hash(0xcbf29ce484222325, &copy, sizeof(copy));
    return hash(of_header, area->text, copy.text_size);
}

static bool is_valid(const struct crash_area *area)
{
    const struct crash_header *h = area->header;
    return h->magic == MAGIC && h->state >= CRASH_BOOTING && h->state <= CRASH_PANICKED &&
           h->text_size <= area->capacity && h->checksum == checksum_of(area);
}

void crash_seal(struct crash_area *area)
{
    area->header->checksum = checksum_of(area);
}

bool crash_begin_boot(struct crash_area *area, void *memory, size_t size, struct span *previous)
{
    struct crash_header *h = memory;
    area->header = h;
    area->text = (uint8_t *)memory + sizeof(*h);
    area->capacity = size - sizeof(*h);
    bool has_past = is_valid(area);
    bool has_panicked = has_past && h->state == CRASH_PANICKED;
    *previous = span_of(area->text, has_panicked ? h->text_size : 0);
    if (!has_past) {
        *h = (struct crash_header){.magic = MAGIC};
    }
    h->state = CRASH_BOOTING;
    h->boots++;
    h->text_size = 0; // the bytes stay for `previous`
    crash_seal(area);
    return has_panicked;
}

void crash_mark_healthy(struct crash_area *area)
{
    area->header->state = CRASH_HEALTHY;
    area->header->panics = 0;
    crash_seal(area);
}

void crash_begin_panic(struct crash_area *area)
{
    area->header->state = CRASH_PANICKED;
    area->header->panics++;
    area->header->text_size = 0;
    crash_seal(area);
}

void crash_append(struct crash_area *area, const char *text, size_t size)
{
    struct crash_header *h = area->header;
    size = u64_min(size, area->capacity - h->text_size);
    memcpy(area->text + h->text_size, text, size);
    h->text_size += (uint32_t)size;
}

bool crash_is_loop(const struct crash_area *area)
{
    return area->header->panics >= CRASH_PANICS_MAX;
}
