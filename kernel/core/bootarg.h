// SPDX-License-Identifier: Apache-2.0
/* The kernel command line, from whichever loader; valid from kernel_main on. */
#pragma once

#include "lib/base/types.h"

// The whole line, NUL-terminated, in the kernel's own copy.
const char *bootarg_line(void);
void bootarg_init(const char *line);

// Whether the flag `name` stands on the line (alone or as name=1).
bool bootarg_has(const char *name);

// The value of `name=value`: borrowed, not terminated.  ERR_NOENT.
status_t bootarg_get(const char *name, const char **value, size_t *len);
status_t bootarg_get_int(const char *name, int64_t *out); // ERR_NOENT, ERR_INVAL
