// SPDX-License-Identifier: Apache-2.0
/*
 * Uses more memory than there is, again and again: each time the child that touches a page too many
 * is killed, its memory comes back, and the parent goes on.
 */
#include "abi/gen/syscall_stubs.h"
#include "abi/signal.h"
#include "abi/sys.h"
#include "lib/base/types.h"
#include "user/libswos/memory.h"
#include "user/libswos/print.h"

constexpr uint64_t TOO_MUCH = 1ull << 40; // address space is promised, memory is not
enum { ROUNDS = 3, PAGES = 256 };

static void touch(uint64_t size)
{
    int64_t memory = map_memory(size);
    if (memory < 0) {
        sys_exit_group(1);
    }
    for (uint64_t i = 0; i < size; i += PAGE_SIZE) {
        *(volatile char *)((uint64_t)memory + i) = 1;
    }
}

static uint64_t free_pages(void)
{
    struct sys_meminfo info = {};
    sys_meminfo(&info, sizeof(info), SYS_MEMINFO_RECLAIM);
    return info.free_pages;
}

int main(void)
{
    touch((uint64_t)PAGES * PAGE_SIZE);
    uint64_t before = free_pages();
    for (int i = 0; i < ROUNDS; i++) {
        int64_t pid = sys_fork();
        if (pid == 0) {
            touch(TOO_MUCH);
            sys_exit_group(2);
        }
        int status = 0;
        if (pid < 0 || sys_wait4((int32_t)pid, &status, 0, NULL) != pid ||
            status != wait_status_signalled(SIGKILL)) {
            print("round %d: status %#x\n", i, (unsigned)status);
            return 3;
        }
    }
    uint64_t after = free_pages();
    print("%llu pages free before, %llu after\n", (unsigned long long)before,
          (unsigned long long)after);
    return before == after ? 0 : 4;
}
