// SPDX-License-Identifier: Apache-2.0
/* The system's own calls as the tools want them: errors in errno, arrays in memory of their own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/records.h"

// All that the caller may see, sorted by identifier; to be freed.  False with errno.
bool system_processes(struct swos_process **out, size_t *count);
bool system_cpus(struct swos_cpu **out, size_t *count);
bool system_mounts(struct swos_mount **out, size_t *count);

bool system_identity(struct swos_identity *out);

struct system_memory {
    uint64_t total_bytes;
    uint64_t free_bytes;
    uint64_t cached_bytes; // content of files that can be read again
};
bool system_memory(struct system_memory *out);

// Nanoseconds since power-on.
uint64_t system_uptime(void);

// Switches off or resets the machine: returns only when it may not, or cannot.
void system_power(bool resets);
