// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel command line: words separated by blanks, each a flag or key=value.  A value may be
 * quoted with " to hold blanks.  When a key stands several times, the last one counts.  The line is
 * `size` bytes and ends earlier at a NUL.  The code needs no relocation.
 */
#pragma once

#include "lib/base/span.h"

enum { CMDLINE_SIZE_MAX = 2048 }; // what a loader passes on, with its final NUL

// The value of `key` (empty for a bare flag).  ERR_NOENT.
status_t cmdline_get(const char *line, size_t size, const char *key, struct span *value);

// Whether `key` stands there: bare, or with a value that is not 0, no or off.
bool cmdline_has(const char *line, size_t size, const char *key);

// A decimal or 0x number with an optional minus sign.  ERR_NOENT, ERR_INVAL.
status_t cmdline_get_int(const char *line, size_t size, const char *key, int64_t *out);

// Splits a command into words as a shell does with quotes (' and ") but nothing else: the words go to
// `out` one after the other, each with its NUL.  Gives the bytes used and the number of words.
// ERR_INVAL: an open quote, or a NUL in the command.  ERR_RANGE: too long for `out`.
status_t cmdline_split(struct span command, char *out, size_t size, size_t *used, size_t *count);

/*
 * Makes a command line of the `size` bytes of a text file, in place: control characters, line ends
 * among them, become spaces, spaces at both ends go, a NUL ends the text.  `text` has room for one
 * byte more, which the final NUL may take.  Gives the length of the line.
 */
size_t cmdline_clean(char *text, size_t size);
