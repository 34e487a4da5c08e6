// SPDX-License-Identifier: Apache-2.0
/* Standard input, output and error. */
#include "abi/gen/syscall_handlers.h"
#include "kernel/arch/arch.h"
#include "kernel/dev/console.h"
#include "kernel/drv/semihost/semihost.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { STDIN = 0, STDOUT = 1, STDERR = 2, CHUNK_SIZE = 512 };

// A serial terminal needs a carriage return before each line feed, until a line discipline adds it.
static status_t put_on_console(const char *bytes, size_t size, size_t *done)
{
    for (*done = 0; *done < size;) {
        const char *line = bytes + *done;
        const char *end = memchr(line, '\n', size - *done);
        size_t len = end == NULL ? size - *done : (size_t)(end - line);
        size_t queued = 0;
        status_t status = console_write(console_system(), line, len, WAIT_INTERRUPTIBLE, &queued);
        *done += queued;
        if (status == OK && end != NULL) {
            status = console_write(console_system(), "\r\n", 2, WAIT_INTERRUPTIBLE, &queued);
            *done += status == OK;
        }
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

// With a guest channel the host's streams are the program's; else the console is.
static status_t put(int32_t handle, const void *bytes, size_t size, size_t *done)
{
    if (semihost_is_active()) {
        *done = size;
        return semihost_write(handle == STDERR ? SEMIHOST_ERR : SEMIHOST_OUT, bytes, size);
    }
    return put_on_console(bytes, size, done);
}

int64_t sys_console_write(int32_t handle, vaddr_t bytes, uint64_t size)
{
    char chunk[CHUNK_SIZE];
    uint64_t total = 0;
    if (handle != STDOUT && handle != STDERR) {
        return ERR_BADF;
    }
    while (total < size) {
        size_t n = u64_min(size - total, sizeof(chunk));
        n -= arch_copy_from_user(chunk, bytes + total, n);
        if (n == 0) {
            return total != 0 ? (int64_t)total : ERR_FAULT;
        }
        size_t done = 0;
        status_t status = put(handle, chunk, n, &done);
        total += done;
        if (status != OK) {
            return total != 0 ? (int64_t)total : status;
        }
    }
    return (int64_t)total;
}

int64_t sys_console_read(int32_t handle, vaddr_t bytes, uint64_t size)
{
    char chunk[CHUNK_SIZE];
    size_t n;
    if (handle != STDIN) {
        return ERR_BADF;
    }
    if (size == 0) {
        return 0;
    }
    status_t status = console_read(console_system(), chunk, u64_min(size, sizeof(chunk)),
                                   NSEC_NEVER, WAIT_INTERRUPTIBLE, &n);
    if (status != OK) {
        return status;
    }
    return arch_copy_to_user(bytes, chunk, n) == 0 ? (int64_t)n : ERR_FAULT;
}
