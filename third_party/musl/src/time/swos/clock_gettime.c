// SPDX-License-Identifier: Apache-2.0
/* Reads the clocks that the kernel's clock page describes (abi/clock_page.h), and asks for the others. */
#include <time.h>
#include <stdint.h>
#include <sys/auxv.h>

#include "abi/clock_page.h"
#include "libc.h"
#include "syscall.h"

enum { NS_PER_SECOND = 1000000000 };

static const struct swos_clock_page *find_page(void)
{
    for (const size_t *auxv = libc.auxv; auxv && *auxv; auxv += 2) {
        if (*auxv == AT_SWOS_CLOCK) {
            return (const void *)auxv[1];
        }
    }
    return 0;
}

static uint64_t counter(void)
{
    uint64_t ticks;
    // Not before what comes before it in the program.
    __asm__ __volatile__("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
    return ticks;
}

struct moment {
    uint64_t seconds;
    uint64_t nanoseconds;
};

// What the counter says.  Of the fraction of the second 63 bits are kept, and one is added, because an
// exact number of nanoseconds has all but surely lost something below that.
static inline struct moment monotonic(const struct swos_clock_page *page)
{
    unsigned __int128 product = (unsigned __int128)counter() * page->scale;
    uint64_t fraction = (uint64_t)(product >> (CLOCK_PAGE_SHIFT + 1)) & INT64_MAX;
    return (struct moment){
        .seconds = (uint64_t)(product >> 64) >> CLOCK_PAGE_SHIFT,
        .nanoseconds = (uint64_t)((unsigned __int128)(fraction + 1) * page->half_nanoseconds >> 64)};
}

static void read_wall(const struct swos_clock_page *page, struct timespec *ts)
{
    uint32_t before;
    uint64_t seconds;
    uint64_t nanoseconds;
    do {
        before = __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
        seconds = page->wall_seconds;
        nanoseconds = page->wall_nanoseconds;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((before & 1) || before != __atomic_load_n(&page->sequence, __ATOMIC_RELAXED));
    struct moment m = monotonic(page);
    nanoseconds += m.nanoseconds;
    int carry = nanoseconds >= NS_PER_SECOND;
    ts->tv_sec = (time_t)(seconds + m.seconds + carry);
    ts->tv_nsec = (long)(nanoseconds - (carry ? NS_PER_SECOND : 0));
}

// Looked for by the first call; threads that do it together find the same.
static const struct swos_clock_page *volatile found;
static volatile int has_looked;

static __attribute__((noinline)) int other_clock(clockid_t clock, struct timespec *ts)
{
    if (!has_looked) {
        const struct swos_clock_page *page = find_page();
        found = page && page->scale ? page : 0;
        has_looked = 1;
    }
    const struct swos_clock_page *page = found;
    if (page && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        read_wall(page, ts);
        return 0;
    }
    if (page && (clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_MONOTONIC_RAW ||
                 clock == CLOCK_BOOTTIME)) {
        return __clock_gettime(CLOCK_MONOTONIC, ts);
    }
    return __syscall_ret(__syscall(SYS_clock_gettime, clock, ts));
}

// The clock that programs measure with comes first, and without a frame.
int __clock_gettime(clockid_t clock, struct timespec *ts)
{
    const struct swos_clock_page *page = found;
    if (!page || clock != CLOCK_MONOTONIC) {
        return other_clock(clock, ts);
    }
    struct moment m = monotonic(page);
    ts->tv_sec = (time_t)m.seconds;
    ts->tv_nsec = (long)m.nanoseconds;
    return 0;
}

weak_alias(__clock_gettime, clock_gettime);
