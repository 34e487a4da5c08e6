// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/ip_counters.h"

#include "kernel/core/cpu.h"

PERCPU(struct ip_counters, ip_cpu_counters);

enum { COUNT = sizeof(struct ip_counters) / sizeof(uint64_t) };

void ip_counters_read(struct ip_counters *out)
{
    uint64_t *sums = (uint64_t *)(void *)out;
    *out = (struct ip_counters){0};
    for (unsigned i = 0; i < cpu_count(); i++) {
        const volatile uint64_t *of_cpu =
            (const volatile uint64_t *)(void *)cpu_var(cpu_get(i), ip_cpu_counters);
        for (unsigned at = 0; at < COUNT; at++) {
            sums[at] += of_cpu[at];
        }
    }
}
