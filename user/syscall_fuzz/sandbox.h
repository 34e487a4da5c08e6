// SPDX-License-Identifier: Apache-2.0
/* Where workers write: a tmpfs on /data that is new in each round. */
#pragma once

#include "lib/base/types.h"

// Once, before memory is measured.
void sandbox_prepare(void);

// Mounts it.  False: it cannot be.
bool sandbox_open(void);

// Unmounts it, and whatever was mounted since then, when nobody has anything open.  False: something
// stays; it was told.
bool sandbox_close(void);
