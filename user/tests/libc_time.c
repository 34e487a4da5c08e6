// SPDX-License-Identifier: Apache-2.0
/* Clocks and calendars. */
#include "user/tests/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static int64_t now(clockid_t clock)
{
    struct timespec t;
    if (!CHECK(clock_gettime(clock, &t) == 0) || !CHECK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000)) {
        return 0;
    }
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

// By the call, whatever the C library does.
static int64_t kernel_now(clockid_t clock)
{
    struct timespec t;
    CHECK(syscall(SYS_clock_gettime, clock, &t) == 0);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

// The clock page and the kernel are one clock.
static void page_and_kernel(clockid_t clock)
{
    int64_t last = now(clock);
    for (int i = 0; i < 2000; i++) {
        int64_t by_kernel = kernel_now(clock);
        int64_t by_page = now(clock);
        CHECK(last <= by_kernel && by_kernel <= by_page);
        last = by_page;
    }
    CHECK(last - kernel_now(clock) < 10000000);
}

static void clocks(void)
{
    page_and_kernel(CLOCK_MONOTONIC);
    page_and_kernel(CLOCK_REALTIME);
    int64_t last = now(CLOCK_MONOTONIC);
    for (int i = 0; i < 1000; i++) {
        int64_t next = now(CLOCK_MONOTONIC);
        CHECK(next >= last);
        last = next;
    }
    // One clock by the shared page and by the kernel.
    struct timespec pause = {.tv_nsec = 1};
    int64_t before = now(CLOCK_MONOTONIC);
    nanosleep(&pause, NULL);
    CHECK(now(CLOCK_MONOTONIC) > before);

    struct timeval wall;
    CHECK(gettimeofday(&wall, NULL) == 0);
    int64_t difference = now(CLOCK_REALTIME) - (wall.tv_sec * 1000000000 + wall.tv_usec * 1000);
    CHECK(difference >= 0 && difference < 1000000000);
    CHECK(time(NULL) - wall.tv_sec <= 1);

    int64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    int64_t thread = now(CLOCK_THREAD_CPUTIME_ID);
    CHECK(cpu > 0 && thread > 0);
    struct timespec resolution;
    CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_sec == 0);
    CHECK(clock_gettime(12345, &resolution) == -1 && errno == EINVAL);
    struct tms t;
    CHECK(times(&t) != (clock_t)-1);
}

static void sleeping(void)
{
    int64_t start = now(CLOCK_MONOTONIC);
    struct timespec pause = {.tv_nsec = 20000000};
    CHECK(nanosleep(&pause, NULL) == 0 && now(CLOCK_MONOTONIC) - start >= 20000000);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0); // has passed
    pause.tv_nsec = 1000000000;
    CHECK(nanosleep(&pause, NULL) == -1 && errno == EINVAL);
}

static void calendars(void)
{
    time_t moment = 951827696; // 2000-02-29 12:34:56
    struct tm parts;
    char text[64];
    CHECK(gmtime_r(&moment, &parts) != NULL && parts.tm_mon == 1 && parts.tm_mday == 29);
    CHECK(parts.tm_yday == 59 && parts.tm_wday == 2 && timegm(&parts) == moment);
    CHECK(strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %a %j %V", &parts) > 0);
    CHECK_STR(text, "2000-02-29 12:34:56 Tue 060 09");
    struct tm read = {0};
    CHECK(strptime("2000-02-29 12:34:56", "%Y-%m-%d %T", &read) != NULL && timegm(&read) == moment);
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    moment = 1750000000; // in summer
    CHECK(localtime_r(&moment, &parts) != NULL && parts.tm_isdst == 1 && parts.tm_gmtoff == 7200);
    CHECK(mktime(&parts) == moment);
    CHECK_STR(parts.tm_zone, "CEST");
}

int main(void)
{
    clocks();
    sleeping();
    calendars();
    return check_end();
}
