// SPDX-License-Identifier: Apache-2.0
/* Numbers in arguments. */
#pragma once

#include <stdint.h>

// The decimal number that `text` starts with; 0 if it starts with none.
uint64_t parse_number(const char *text);
