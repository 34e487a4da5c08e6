// SPDX-License-Identifier: Apache-2.0
/* Formatted output to the standard streams, as far as there are such handles, in the formats of lib/fmt. */
#pragma once

#include "lib/base/attr.h"

enum { STDIN_HANDLE = 0, STDOUT_HANDLE = 1, STDERR_HANDLE = 2 };

// Text beyond 512 bytes is cut.
void print_to(int handle, const char *format, ...) PRINTF(2, 3);

#define print(...)       print_to(STDOUT_HANDLE, __VA_ARGS__)
#define print_error(...) print_to(STDERR_HANDLE, __VA_ARGS__)
