// SPDX-License-Identifier: Apache-2.0
/* In-kernel tests, where the image has them (kernel/test). */
#pragma once

#include "lib/base/span.h"

// Runs what `autorun=` names; gives the machine's exit status.  The image that ships has no tests
// and says so.
int autorun(struct span what);
