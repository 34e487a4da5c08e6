// SPDX-License-Identifier: Apache-2.0
/*
 * Costs of kernel operations, in nanoseconds of the counter; under an exact instruction count a
 * nanosecond is an instruction.  Meaningful on one CPU with nothing else running.
 */
#pragma once

#include "lib/base/types.h"

// Measures everything and reports each figure in tenths of a nanosecond an operation.  Gives the
// number of measurements that failed.  Thread context.
int bench_run(void (*report)(const char *name, uint64_t tenths));
