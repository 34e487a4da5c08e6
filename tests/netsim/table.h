// SPDX-License-Identifier: Apache-2.0
/*
 * The table of goodput over loss, round trip, buffers and reordering, as text.  Each row is the mean
 * of some seeds; the whole is the same at each run.
 */
#pragma once

#include <stdio.h>

// The number of rows in which something was wrong; these say what.
unsigned table_print(FILE *to);
