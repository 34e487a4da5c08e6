// SPDX-License-Identifier: Apache-2.0
/* After a fork both sides see the old content, and writes stay with whoever made them. */
#include "abi/gen/syscall_stubs.h"
#include "abi/signal.h"
#include "abi/sys.h"
#include "lib/base/types.h"
#include "user/libswos/memory.h"
#include "user/libswos/print.h"

enum { PAGES = 64, GENERATIONS = 4 };

static bool holds(const volatile uint32_t *memory, uint32_t value)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        if (memory[i * 1024] != value) {
            return false;
        }
    }
    return true;
}

static void fill(volatile uint32_t *memory, uint32_t value)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        memory[i * 1024] = value;
    }
}

// The child of each generation writes and forks the next; every process checks what it wrote.
static int generation(volatile uint32_t *memory, uint32_t depth)
{
    fill(memory, depth);
    if (depth == GENERATIONS) {
        return holds(memory, depth) ? 0 : 1;
    }
    int64_t pid = sys_fork();
    if (pid == 0) {
        if (!holds(memory, depth)) {
            sys_exit_group(2);
        }
        return -(int)(depth + 1);
    }
    int status = 0;
    if (pid < 0 || sys_wait4((int32_t)pid, &status, 0, NULL) != pid ||
        status != wait_status_exited(0)) {
        return 3;
    }
    return holds(memory, depth) ? 0 : 4;
}

int main(void)
{
    int64_t memory = map_memory((uint64_t)PAGES * PAGE_SIZE);
    if (memory < 0) {
        return 5;
    }
    int next = -1;
    while (next < 0) { // a negative result means: this is the child, go on one deeper
        next = generation((volatile uint32_t *)memory, (uint32_t)-next);
    }
    return next;
}
