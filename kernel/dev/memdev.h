// SPDX-License-Identifier: Apache-2.0
/*
 * The devices without hardware: null, zero, full, random and urandom (which both wait for the
 * generator's seed and never after it), and what is behind them for others to open.
 */
#pragma once

#include "kernel/dev/chardev.h"

// Boot, in a thread.
void memdev_init(void);

// /dev/null.  Gives a reference.  ERR_NOMEM.
status_t memdev_open_null(uint32_t flags, struct file **out);
