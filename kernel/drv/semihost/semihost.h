// SPDX-License-Identifier: Apache-2.0
/*
 * The guest channel: a program on the host that runs this machine in an emulator takes the output
 * and the exit status of what runs here, apart from the console.  Arm semihosting 2.0; active only
 * with `semihost` on the command line, because the instruction is undefined where nobody listens.
 *
 * Calls stop the whole CPU until the host has answered, so this is for tests and tools.
 */
#pragma once

#include "kernel/object/file.h"

enum semihost_stream {
    SEMIHOST_OUT,
    SEMIHOST_ERR,
};

// Boot: looks at the command line; from then on power_exit ends the emulator.
void semihost_init(void);
bool semihost_is_active(void);

// Writes all bytes, from kernel memory, to the host program's stream.  ERR_NODEV: not active.
// ERR_IO: the host took less.  Any context.
status_t semihost_write(enum semihost_stream stream, const void *bytes, size_t size);

// The stream as an open file, for a program's standard output and error; its standard input is
// /dev/null's (memdev_open_null).  Gives a reference.  ERR_NOMEM.
status_t semihost_open(enum semihost_stream stream, struct file **out);

// Ends the emulator with an exit status (0 to 255).  Returns if it is not active.
void semihost_exit(int status);
