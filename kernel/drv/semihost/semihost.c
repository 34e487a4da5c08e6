// SPDX-License-Identifier: Apache-2.0
#include "kernel/drv/semihost/semihost.h"

#include "kernel/arch/arch.h"
#include "kernel/core/bootarg.h"
#include "kernel/dev/power.h"
#include "lib/base/string.h"

// Operations (Arm semihosting 2.0, chapter 6).
enum {
    SYS_OPEN = 0x01,
    SYS_WRITE = 0x05,
    SYS_EXIT_EXTENDED = 0x20,
};

enum {
    APPLICATION_EXIT = 0x20026, // ADP_Stopped_ApplicationExit
    OPEN_WRITE = 4,             // mode "w"; of ":tt" the standard output
    OPEN_APPEND = 8,            // mode "a"; of ":tt" the standard error
};

static constexpr uint64_t NO_HANDLE = UINT64_MAX;

static bool is_active;
static uint64_t handles[2] = {NO_HANDLE, NO_HANDLE};

static uint64_t call(uint64_t op, const uint64_t *arguments)
{
    return arch_semihost_call(op, (uintptr_t)arguments);
}

static uint64_t open_file(const char *name, uint64_t mode)
{
    uint64_t arguments[] = {(uintptr_t)name, mode, strlen(name)};
    return call(SYS_OPEN, arguments);
}

// The host program's own stream by the host's name for it.  The specification's name for a console
// comes second: emulators differ in which of their streams that is.
static uint64_t open_stream(const char *name, uint64_t console_mode)
{
    uint64_t handle = open_file(name, OPEN_APPEND);
    return handle != NO_HANDLE ? handle : open_file(":tt", console_mode);
}

void semihost_init(void)
{
    is_active = bootarg_has("semihost");
    if (is_active) {
        handles[SEMIHOST_OUT] = open_stream("/dev/stdout", OPEN_WRITE);
        handles[SEMIHOST_ERR] = open_stream("/dev/stderr", OPEN_APPEND);
        power_set_exit(semihost_exit);
    }
}

bool semihost_is_active(void)
{
    return is_active;
}

status_t semihost_write(enum semihost_stream stream, const void *bytes, size_t size)
{
    if (!is_active || handles[stream] == NO_HANDLE) {
        return ERR_NODEV;
    }
    uint64_t arguments[] = {handles[stream], (uintptr_t)bytes, size};
    // The answer is the number of bytes that were not written.
    return call(SYS_WRITE, arguments) == 0 ? OK : ERR_IO;
}

void semihost_exit(int status)
{
    if (is_active) {
        uint64_t arguments[] = {APPLICATION_EXIT, (uint64_t)status};
        (void)call(SYS_EXIT_EXTENDED, arguments);
    }
}
