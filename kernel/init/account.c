// SPDX-License-Identifier: Apache-2.0
#include "kernel/arch/arch.h"
#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/init/init.h"

static nsec_t ends[INIT_STAGES];

static unsigned long microseconds(nsec_t ns)
{
    return (unsigned long)(ns / NSEC_PER_USEC);
}

// Time before the kernel's entry is the machine's, the firmware's and the loader's.
void init_stage_done(enum init_stage stage)
{
    ends[stage] = time_now();
    if (stage != INIT_PROGRAM) {
        return;
    }
    nsec_t entry = time_from_ticks(arch_boot.counter_at_entry);
    log_info("boot",
             "%lu us to the first program: before the kernel %lu, memory %lu, devices %lu, "
             "CPUs %lu, program %lu",
             microseconds(ends[INIT_PROGRAM]), microseconds(entry),
             microseconds(ends[INIT_MEMORY] - entry),
             microseconds(ends[INIT_DEVICES] - ends[INIT_MEMORY]),
             microseconds(ends[INIT_CPUS] - ends[INIT_DEVICES]),
             microseconds(ends[INIT_PROGRAM] - ends[INIT_CPUS]));
}
