// SPDX-License-Identifier: Apache-2.0
/*
 * Pseudo-terminals: opening /dev/ptmx makes a terminal, /dev/pts/N, whose wire ends in the file that
 * was opened, its master.
 *
 *   master write --> tty_line_input --> read of pts/N
 *   master read <-- output ring of the line <-- write to pts/N, echo
 *
 *   made (locked) --TIOCSPTLCK 0--> can be opened --the master closes--> hung up for good, no name
 *
 * A master reads bytes that were written before its terminal's files were all closed; then, until one
 * is opened again, ERR_IO.  Numbers are the lowest free ones; what limits their count is memory.
 */
#pragma once

#include "kernel/dev/tty.h"

// Boot: /dev/ptmx.
void pty_init(void);

// A new pair: the master's file, and its terminal, which the master keeps.  ERR_NOMEM.
status_t pty_create(uint32_t flags, struct file **out, struct tty **terminal);
