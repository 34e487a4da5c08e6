// SPDX-License-Identifier: Apache-2.0
#include "kernel/init/autorun.h"

#include "kernel/core/log.h"

// kernel/test defines the function that a test image has.
__attribute__((weak)) int autorun(struct span what)
{
    log_error("boot", "autorun=%.*s: this image has no tests", (int)what.size, what.data);
    return 126;
}
