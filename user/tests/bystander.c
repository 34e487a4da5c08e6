// SPDX-License-Identifier: Apache-2.0
/*
 * One process takes nearly all memory and sits still; another, small, then wants a few pages more than
 * are left.  The one that holds the most ends, not the one that asked last.
 */
#include "abi/gen/syscall_stubs.h"
#include "abi/signal.h"
#include "abi/sys.h"
#include "lib/base/types.h"
#include "user/libswos/memory.h"
#include "user/libswos/print.h"

constexpr uint64_t TOO_MUCH = 1ull << 40; // address space is promised, memory is not
enum { PAGES_LEFT = 256, PAGES_WANTED = 1024 };

static void touch(volatile char *memory, uint64_t page)
{
    memory[page * PAGE_SIZE] = 1;
}

static volatile char *mapping(uint64_t size)
{
    int64_t memory = map_memory(size);
    if (memory < 0) {
        sys_exit_group(1);
    }
    return (volatile char *)(uintptr_t)memory;
}

static uint64_t free_pages(void)
{
    struct sys_meminfo info = {};
    sys_meminfo(&info, sizeof(info), 0);
    return info.free_pages;
}

// The one that grows, and says so by a byte.
static void grow(int32_t tell)
{
    volatile char *memory = mapping(TOO_MUCH);
    for (uint64_t i = 0; free_pages() > PAGES_LEFT; i++) {
        touch(memory, i);
    }
    sys_write(tell, "x", 1);
    const uint64_t none = 0;
    for (;;) {
        sys_rt_sigsuspend(&none, sizeof(none));
    }
}

int main(void)
{
    int32_t ends[2] = {};
    char byte;
    if (sys_pipe2(ends, 0) != 0) {
        return 1;
    }
    int64_t pid = sys_fork();
    if (pid == 0) {
        grow(ends[1]);
    }
    sys_read(ends[0], &byte, 1);
    volatile char *memory = mapping((uint64_t)PAGES_WANTED * PAGE_SIZE);
    for (uint64_t i = 0; i < PAGES_WANTED; i++) {
        touch(memory, i);
    }
    int status = 0;
    if (sys_wait4((int32_t)pid, &status, 0, NULL) != pid) {
        return 2;
    }
    print("the one that held the most ended with %#x\n", (unsigned)status);
    return status == wait_status_signalled(SIGKILL) ? 0 : 3;
}
