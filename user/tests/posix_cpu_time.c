// SPDX-License-Identifier: Apache-2.0
/* CPU time (the machine's host may be busy, so bounds are wide): who used it, in user mode or in the kernel, and that all who tell it agree. */
#define _GNU_SOURCE
#include "user/tests/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum : int64_t { MS = 1000000 };

struct used {
    int64_t user;
    int64_t system;
};

static int64_t of_timeval(struct timeval t)
{
    return t.tv_sec * INT64_C(1000000000) + t.tv_usec * INT64_C(1000);
}

static struct used used_by(int who)
{
    struct rusage u = {0};
    CHECK(getrusage(who, &u) == 0);
    return (struct used){of_timeval(u.ru_utime), of_timeval(u.ru_stime)};
}

static int64_t now(clockid_t clock)
{
    struct timespec t = {0};
    CHECK(clock_gettime(clock, &t) == 0);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void compute(int64_t cpu_ns)
{
    int64_t start = now(CLOCK_THREAD_CPUTIME_ID);
    while (now(CLOCK_THREAD_CPUTIME_ID) - start < cpu_ns) {
        for (volatile int i = 0; i < 200000; i++) {
        }
    }
}

// Fresh memory, page after page: nearly all of it is the kernel's work.
static void touch(int64_t cpu_ns)
{
    enum { SIZE = 1 << 22 };
    int64_t start = now(CLOCK_THREAD_CPUTIME_ID);
    while (now(CLOCK_THREAD_CPUTIME_ID) - start < cpu_ns) {
        char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (!CHECK(p != MAP_FAILED)) {
            return;
        }
        CHECK(mlock(p, SIZE) == 0 && munmap(p, SIZE) == 0);
    }
}

static struct used since(struct used start, int who)
{
    struct used u = used_by(who);
    return (struct used){u.user - start.user, u.system - start.system};
}

static void each_kind_counts_as_itself(void)
{
    struct used start = used_by(RUSAGE_SELF);
    compute(100 * MS);
    struct used u = since(start, RUSAGE_SELF);
    CHECK(u.user >= 80 * MS && u.system < u.user / 2);
    start = used_by(RUSAGE_SELF);
    touch(100 * MS);
    u = since(start, RUSAGE_SELF);
    CHECK(u.system >= 60 * MS && u.user < u.system / 2);
    // A call that waits uses nothing, in either.
    start = used_by(RUSAGE_SELF);
    struct timespec pause = {.tv_nsec = 100 * MS};
    nanosleep(&pause, NULL);
    u = since(start, RUSAGE_SELF);
    CHECK(u.user + u.system < 50 * MS);
    // Reading a descriptor that gives at once is the kernel's time.
    start = used_by(RUSAGE_SELF);
    int ends[2];
    char bytes[4096] = {0};
    CHECK(pipe(ends) == 0);
    int64_t from = now(CLOCK_MONOTONIC);
    while (now(CLOCK_MONOTONIC) - from < 100 * MS) {
        CHECK(write(ends[1], bytes, sizeof bytes) == sizeof bytes);
        CHECK(read(ends[0], bytes, sizeof bytes) == sizeof bytes);
    }
    u = since(start, RUSAGE_SELF);
    CHECK(u.system > u.user / 4);
    close(ends[0]);
    close(ends[1]);
}

static void *compute_and_tell(void *out)
{
    compute(50 * MS);
    *(struct used *)out = used_by(RUSAGE_THREAD);
    return NULL;
}

static void threads_have_their_own(void)
{
    pthread_t thread;
    clockid_t clock = 0;
    struct used of_thread = {0};
    struct used start = used_by(RUSAGE_SELF);
    struct used own = used_by(RUSAGE_THREAD);
    CHECK(pthread_create(&thread, NULL, compute_and_tell, &of_thread) == 0);
    CHECK(pthread_getcpuclockid(thread, &clock) == 0 && now(clock) >= 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(of_thread.user >= 35 * MS && of_thread.user + of_thread.system < 300 * MS);
    CHECK(since(own, RUSAGE_THREAD).user < 40 * MS);
    CHECK(since(start, RUSAGE_SELF).user >= of_thread.user); // also of those that have ended
}

static void all_who_tell_agree(void)
{
    int64_t before = now(CLOCK_PROCESS_CPUTIME_ID);
    struct used u = used_by(RUSAGE_SELF);
    struct tms t;
    CHECK(times(&t) != (clock_t)-1);
    int64_t after = now(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(u.user + u.system >= before - 2000 && u.user + u.system <= after);
    int64_t ticks = (t.tms_utime + t.tms_stime) * INT64_C(10000000);
    CHECK(ticks >= before - 20 * MS && ticks <= after);
    struct used last = u;
    for (int i = 0; i < 2000; i++) { // neither ever goes backwards, but for rounding
        struct used next = used_by(RUSAGE_SELF);
        CHECK(next.user >= last.user - 1000 && next.system >= last.system - 1000);
        last = next;
    }
}

static void children_are_counted_once_waited_for(void)
{
    struct used start = used_by(RUSAGE_CHILDREN);
    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        compute(30 * MS);
        touch(30 * MS);
        (void)!write(ends[1], "x", 1);
        pause();
    }
    clockid_t clock = 0;
    CHECK(read(ends[0], &byte, 1) == 1 && clock_getcpuclockid(child, &clock) == 0);
    CHECK(now(clock) >= 58 * MS && now(clock) < 400 * MS); // another process's clock
    CHECK(since(start, RUSAGE_CHILDREN).user == 0);
    struct rusage u = {0};
    CHECK(kill(child, SIGKILL) == 0 && wait4(child, NULL, 0, &u) == child);
    CHECK(of_timeval(u.ru_utime) >= 20 * MS && of_timeval(u.ru_stime) >= 15 * MS);
    struct used all = since(start, RUSAGE_CHILDREN);
    CHECK(all.user == of_timeval(u.ru_utime) && all.system == of_timeval(u.ru_stime));
    CHECK(clock_getcpuclockid(child, &clock) != 0 ||
          clock_gettime(clock, &(struct timespec){0}) != 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    each_kind_counts_as_itself();
    threads_have_their_own();
    all_who_tell_agree();
    children_are_counted_once_waited_for();
    return check_end();
}
