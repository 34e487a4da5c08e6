// SPDX-License-Identifier: Apache-2.0
/* A PL011 before its driver has it: for what cannot wait. */
#pragma once

#include "lib/base/types.h"

extern const char PL011_COMPATIBLE[];

// Sends `text` through the UART whose registers are at `base`, polled, as the firmware set it up; line
// ends become CR LF.
void pl011_write_early(vaddr_t base, const char *text, size_t len);
