// SPDX-License-Identifier: Apache-2.0
/*
 * The crash area: a little RAM at a place that every boot finds again and nothing else uses, so that
 * it carries the record of a panic over a warm reset, and the count of panics that tells a machine
 * in a loop.
 *
 *               crash_begin_boot                      crash_mark_healthy
 *   (nothing) -------------------> BOOTING -----------------------------> HEALTHY
 *                                   ^  |                                     |
 *       crash_begin_boot, after     |  | crash_begin_panic                   | crash_begin_panic
 *       which `panics` is what      |  v                                     | (`panics` is 1)
 *       it was                      | PANICKED <-----------------------------+
 *                                   |  |
 *                                   +--+ `panics` counts those since the last healthy boot
 *
 * The area is one struct crash_header and then the text of the record.  Everything in it is checked
 * before it is believed: RAM that lost its contents, or never had any, is an area without a past.
 * The caller writes the area back from the cache after each call that changes it.
 */
#pragma once

#include "lib/base/span.h"

enum {
    CRASH_AREA_SIZE = 16 << 10,
    CRASH_PANICS_MAX = 3, // so many in a row, and the machine stays halted
};

enum crash_state : uint32_t {
    CRASH_BOOTING = 1,
    CRASH_HEALTHY = 2,
    CRASH_PANICKED = 3,
};

struct crash_header {
    uint64_t magic;
    enum crash_state state;
    uint32_t boots;     // since the area was without a past, this one included
    uint32_t panics;    // in a row, without a healthy boot between
    uint32_t text_size; // bytes of the record
    uint64_t checksum;  // of the header, with this field 0, and of the text
};

struct crash_area {
    struct crash_header *header;
    uint8_t *text;
    size_t capacity; // of the text
};

// Opens the area in `memory` (aligned to 8; `size` is at least that of the header and fits 32 bits)
// for a boot.  Gives true, and the record, when the boot before ended in a panic; `previous` borrows
// the area and stays good until crash_begin_panic.
bool crash_begin_boot(struct crash_area *area, void *memory, size_t size, struct span *previous);

// The system works: panics before this do not count any more.
void crash_mark_healthy(struct crash_area *area);

// Starts a record, in place of the one that is there, counts the panic and seals it.
void crash_begin_panic(struct crash_area *area);

// Adds to the record; what does not fit is left out.  Seal it before the machine may be reset.
void crash_append(struct crash_area *area, const char *text, size_t size);
void crash_seal(struct crash_area *area);

// Whether another boot is as likely to panic as the last ones.
bool crash_is_loop(const struct crash_area *area);
