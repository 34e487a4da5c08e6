// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/bootarg.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/cmdline/cmdline.h"

static char bootarg[CMDLINE_SIZE_MAX];

void bootarg_init(struct span line)
{
    size_t len = u64_min(line.size, sizeof(bootarg) - 1);
    memcpy(bootarg, line.data, len);
    bootarg[len] = '\0';
}

bool bootarg_has(const char *name)
{
    return cmdline_has(bootarg, sizeof(bootarg), name);
}

status_t bootarg_get(const char *name, const char **value, size_t *len)
{
    struct span found;
    status_t status = cmdline_get(bootarg, sizeof(bootarg), name, &found);
    if (status == OK) {
        *value = (const char *)found.data;
        *len = found.size;
    }
    return status;
}

status_t bootarg_get_int(const char *name, int64_t *out)
{
    return cmdline_get_int(bootarg, sizeof(bootarg), name, out);
}
