// SPDX-License-Identifier: Apache-2.0
/* Memory barriers on behalf of others (membarrier(2)): a call on each CPU is one for what runs there. */
#include <stdatomic.h>

#include "abi/gen/syscall_handlers.h"
#include "kernel/core/cpu.h"
#include "lib/base/types.h"

enum : int32_t {
    COMMAND_QUERY = 0,
    COMMAND_GLOBAL = 1,
    COMMAND_GLOBAL_EXPEDITED = 2,
    COMMAND_REGISTER_GLOBAL_EXPEDITED = 4,
    COMMAND_PRIVATE_EXPEDITED = 8,
    COMMAND_REGISTER_PRIVATE_EXPEDITED = 16,
    COMMANDS = COMMAND_GLOBAL | COMMAND_GLOBAL_EXPEDITED | COMMAND_REGISTER_GLOBAL_EXPEDITED |
               COMMAND_PRIVATE_EXPEDITED | COMMAND_REGISTER_PRIVATE_EXPEDITED,
};

static void barrier(void *unused)
{
    (void)unused;
    atomic_thread_fence(memory_order_seq_cst);
}

static void barrier_everywhere(void)
{
    barrier(NULL);
    cpu_for_each_online(c)
    {
        cpu_call(c, barrier, NULL);
    }
}

// Who is registered makes no difference here: it costs nothing to be, and nothing not to be.
int64_t sys_membarrier(int32_t command, uint32_t flags)
{
    if (flags != 0) {
        return ERR_INVAL;
    }
    switch (command) {
    case COMMAND_QUERY: return COMMANDS;
    case COMMAND_GLOBAL:
    case COMMAND_GLOBAL_EXPEDITED:
    case COMMAND_PRIVATE_EXPEDITED: barrier_everywhere(); return OK;
    case COMMAND_REGISTER_GLOBAL_EXPEDITED:
    case COMMAND_REGISTER_PRIVATE_EXPEDITED: return OK;
    default: return ERR_INVAL;
    }
}
