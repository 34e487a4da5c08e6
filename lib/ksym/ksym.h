// SPDX-License-Identifier: Apache-2.0
/*
 * The table of function names inside the kernel image, made at link time by tools/ksyms.
 *
 * One blob, all offsets from its first byte, little endian:
 *   struct ksym_table
 *   tokens      token_count times: a length byte, then that many characters
 *   functions   count times, ascending, one ending where the next starts: its size in instructions,
 *               seven bits a byte, the lowest first, with bit 7 in all bytes but the last; then a
 *               length byte, and as many codes of its name: below 0x80 a character, from 0x80 on the
 *               token with that number
 *
 * A function is found by walking the list, so a look-up costs some ten microseconds: it is for
 * backtraces, not for hot paths.  A look-up trusts no field, so a damaged table gives no name
 * instead of a fault.
 */
#pragma once

#include "lib/base/span.h"

struct ksym_table {
    uint32_t size_bytes; // of the whole blob
    uint32_t count;
    uint32_t start; // of the first function, relative to the image
    uint32_t tokens;
    uint32_t token_count; // at most 128
    uint32_t functions;
};

enum {
    KSYM_NAME_MAX = 64, // bytes of buffer that hold any name, including the NUL
};

/*
 * Finds the function that holds the byte at `offset` of the image, writes its NUL-terminated name
 * to `name` (cut to fit) and its start to `start`.  ERR_NOENT when there is none.  The blob is
 * aligned to 4 bytes.
 */
status_t ksym_find(struct span blob, uint32_t offset, char name[static KSYM_NAME_MAX],
                   uint32_t *start);
