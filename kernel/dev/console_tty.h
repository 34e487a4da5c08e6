// SPDX-License-Identifier: Apache-2.0
/*
 * The terminal on the system's console, /dev/console; and /dev/tty, which is the controlling terminal
 * of whoever opens it.
 *
 * Input is worked on in the console's interrupt; a byte that the line refuses waits here, and behind
 * it the console's ring and the UART's FIFO.
 */
#pragma once

#include "kernel/dev/tty.h"

// Boot, in a thread.  The terminal begins to work, and echo, when it is opened first.
void console_tty_init(void);
