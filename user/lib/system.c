// SPDX-License-Identifier: Apache-2.0
#include "user/lib/system.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "abi/gen/syscall_stubs.h"
#include "abi/sys.h"

enum { FIRST_ROOM = 64 };

static bool is_failed(int64_t result)
{
    if (result >= 0) {
        return false;
    }
    errno = (int)-result;
    return true;
}

// Asks again with twice the room while the answer fills what there is.
#define GROW(records, count, call)                                                                 \
    do {                                                                                           \
        size_t room_ = FIRST_ROOM;                                                                 \
        *(records) = NULL;                                                                         \
        for (;;) {                                                                                 \
            void *memory_ = reallocarray(*(records), room_, sizeof(**(records)));                  \
            if (memory_ == NULL) {                                                                 \
                free(*(records));                                                                  \
                return false;                                                                      \
            }                                                                                      \
            *(records) = memory_;                                                                  \
            int64_t size_ = (call)(*(records), room_ * sizeof(**(records)));                       \
            if (is_failed(size_)) {                                                                \
                free(*(records));                                                                  \
                return false;                                                                      \
            }                                                                                      \
            *(count) = (size_t)size_ / sizeof(**(records));                                        \
            if (*(count) < room_) {                                                                \
                return true;                                                                       \
            }                                                                                      \
            room_ *= 2;                                                                            \
        }                                                                                          \
    } while (0)

static int64_t list_processes(void *records, uint64_t size)
{
    return sys_process_list(records, size, 0);
}

bool system_processes(struct swos_process **out, size_t *count)
{
    GROW(out, count, list_processes);
}

bool system_cpus(struct swos_cpu **out, size_t *count)
{
    GROW(out, count, sys_cpu_list);
}

bool system_mounts(struct swos_mount **out, size_t *count)
{
    GROW(out, count, sys_mount_list);
}

bool system_identity(struct swos_identity *out)
{
    return !is_failed(sys_get_identity(out, sizeof(*out)));
}

bool system_memory(struct system_memory *out)
{
    struct sys_meminfo info = {};
    if (is_failed(sys_meminfo(&info, sizeof(info), 0))) {
        return false;
    }
    *out = (struct system_memory){
        .total_bytes = info.total_pages * 4096,
        .free_bytes = info.free_pages * 4096,
        .cached_bytes = info.cached_pages * 4096,
    };
    return true;
}

uint64_t system_uptime(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void system_power(bool resets)
{
    is_failed(sys_power(resets ? SYS_POWER_RESET : SYS_POWER_OFF));
}
