// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel command line, from whichever loader (lib/cmdline has its grammar).  Set once at boot
 * before anything reads it, then constant.
 */
#pragma once

#include "lib/base/span.h"

// Copies the line, which ends at a NUL or with the span; beyond CMDLINE_SIZE_MAX it is cut.
void bootarg_init(struct span line);

// Whether `name` stands on the line and is not switched off (name=0).
bool bootarg_has(const char *name);

// The value of `name=value`: borrowed, not terminated.  ERR_NOENT.
status_t bootarg_get(const char *name, const char **value, size_t *len);
status_t bootarg_get_int(const char *name, int64_t *out); // ERR_NOENT, ERR_INVAL
