// SPDX-License-Identifier: Apache-2.0
/* Scheduling policies and nice values; run as root. */
#define _GNU_SOURCE
#include "abi/gen/syscall_numbers.h"
#include "abi/rights.h"
#include "user/tests/check.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long policy_of(pid_t pid)
{
    return sched_getscheduler(pid);
}

static int set_policy(pid_t pid, int policy, int priority)
{
    struct sched_param p = {.sched_priority = priority};
    return sched_setscheduler(pid, policy, &p);
}

static int priority_of(pid_t pid)
{
    struct sched_param p = {.sched_priority = -1};
    CHECK(sched_getparam(pid, &p) == 0);
    return p.sched_priority;
}

static int child_status(int (*act)(void))
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        _exit(act());
    }
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static int has_policy_and_nice(void)
{
    errno = 0;
    return policy_of(0) == SCHED_RR && priority_of(0) == 5 && getpriority(PRIO_PROCESS, 0) == 3 ? 0
                                                                                                : 1;
}

static void policies(void)
{
    CHECK(sched_get_priority_max(SCHED_FIFO) - sched_get_priority_min(SCHED_FIFO) >= 31);
    CHECK(sched_get_priority_max(SCHED_OTHER) == 0 && sched_get_priority_min(SCHED_RR) == 1);
    CHECK(sched_get_priority_max(77) == -1 && errno == EINVAL);
    CHECK(policy_of(0) == SCHED_OTHER && priority_of(0) == 0);
    CHECK(set_policy(0, SCHED_FIFO, 32) == 0 && policy_of(0) == SCHED_FIFO && priority_of(0) == 32);
    CHECK(set_policy(getpid(), SCHED_RR, 5) == 0 && policy_of(getpid()) == SCHED_RR);
    struct timespec slice = {0};
    CHECK(sched_rr_get_interval(0, &slice) == 0 && slice.tv_nsec == 10000000);
    CHECK(setpriority(PRIO_PROCESS, 0, 3) == 0 && policy_of(0) == SCHED_RR);
    CHECK(child_status(has_policy_and_nice) == 0);
    struct sched_param p = {.sched_priority = 7};
    CHECK(sched_setparam(0, &p) == 0 && priority_of(0) == 7);
    CHECK(set_policy(0, SCHED_OTHER, 0) == 0 && getpriority(PRIO_PROCESS, 0) == 3);
    CHECK(setpriority(PRIO_PROCESS, 0, 0) == 0);

    CHECK(set_policy(0, SCHED_FIFO, 0) == -1 && errno == EINVAL);
    CHECK(set_policy(0, SCHED_FIFO, 33) == -1 && errno == EINVAL);
    CHECK(set_policy(0, SCHED_OTHER, 1) == -1 && errno == EINVAL);
    CHECK(set_policy(0, 9, 1) == -1 && errno == EINVAL);
    CHECK(set_policy(-1, SCHED_FIFO, 1) == -1 && errno == EINVAL);
    CHECK(set_policy(4000000, SCHED_FIFO, 1) == -1 && errno == ESRCH);
    CHECK(policy_of(4000000) == -1 && errno == ESRCH);
    CHECK(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, 16) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_sched_getparam, 0, 16) == -1 && errno == EFAULT);
}

static void *nice_of_thread(void *out)
{
    *(int *)out = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
    return NULL;
}

static pthread_barrier_t barrier;

static void *nice_later(void *out)
{
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return nice_of_thread(out);
}

static void nice_values(void)
{
    pthread_t thread;
    int nice_there = 99;
    errno = 0;
    CHECK(getpriority(PRIO_PROCESS, 0) == 0 && errno == 0);
    CHECK(nice(4) == 4 && getpriority(PRIO_PROCESS, 0) == 4);
    CHECK(pthread_create(&thread, NULL, nice_of_thread, &nice_there) == 0);
    CHECK(pthread_join(thread, NULL) == 0 && nice_there == 4); // inherited
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, nice_later, &nice_there) == 0);
    pthread_barrier_wait(&barrier);
    CHECK(setpriority(PRIO_PROCESS, (id_t)getpid(), 6) == 0); // of all threads
    pthread_barrier_wait(&barrier);
    CHECK(pthread_join(thread, NULL) == 0 && nice_there == 6);
    CHECK(setpriority(PRIO_PROCESS, 0, 100) == 0 && getpriority(PRIO_PROCESS, 0) == 19);
    CHECK(setpriority(PRIO_PGRP, 0, -100) == 0 && getpriority(PRIO_PGRP, 0) == -20);
    CHECK(setpriority(PRIO_USER, (int)getuid(), 1) == 0 && getpriority(PRIO_USER, getuid()) == 1);
    CHECK(getpriority(PRIO_PROCESS, 4000000) == -1 && errno == ESRCH);
    CHECK(setpriority(9, 0, 0) == -1 && errno == EINVAL);
    CHECK(setpriority(PRIO_PROCESS, 0, 0) == 0);
}

// Without the grant over processes, the limits count.
static int without_the_grant(void)
{
    int before = check_failures;
    struct rlimit nice_limit = {18, 18}; // down to nice 2
    struct rlimit realtime = {4, 4};
    CHECK(setrlimit(RLIMIT_NICE, &nice_limit) == 0 && setrlimit(RLIMIT_RTPRIO, &realtime) == 0);
    CHECK(syscall(SYS_grant_drop, SWOS_GRANT_PROCESS) == 0);
    CHECK(setpriority(PRIO_PROCESS, 0, 10) == 0);
    CHECK(setpriority(PRIO_PROCESS, 0, 2) == 0 && setpriority(PRIO_PROCESS, 0, 10) == 0);
    CHECK(setpriority(PRIO_PROCESS, 0, 1) == -1 && errno == EACCES);
    CHECK(getpriority(PRIO_PROCESS, 0) == 10);
    CHECK(set_policy(0, SCHED_FIFO, 5) == -1 && errno == EPERM);
    CHECK(set_policy(0, SCHED_RR, 4) == 0 && set_policy(0, SCHED_RR, 2) == 0);
    CHECK(set_policy(0, SCHED_OTHER, 0) == 0);
    nice_limit.rlim_max = 40;
    CHECK(setrlimit(RLIMIT_NICE, &nice_limit) == -1 && errno == EPERM);
    return check_failures != before;
}

// A thread of the real-time class runs before a busy one of the other, which keeps on.
static void real_time_comes_first(void)
{
    pid_t busy = fork();
    if (busy == 0) {
        for (volatile int i = 0;; i++) {
        }
    }
    CHECK(set_policy(0, SCHED_FIFO, 10) == 0);
    struct timespec pause = {.tv_nsec = 2000000};
    for (int i = 0; i < 20; i++) {
        nanosleep(&pause, NULL);
    }
    CHECK(set_policy(0, SCHED_OTHER, 0) == 0);
    CHECK(kill(busy, SIGKILL) == 0 && waitpid(busy, NULL, 0) == busy);
}

// Store buffering: with a barrier of the other side's between its store and its load, this side needs
// none, and never do both read what was before.
static int mine;
static int theirs;
static int read_there;

static void *cheap_side(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&barrier);
    __atomic_store_n(&theirs, 1, __ATOMIC_RELAXED);
    __asm__ volatile("" ::: "memory");
    read_there = __atomic_load_n(&mine, __ATOMIC_RELAXED);
    return NULL;
}

static void barriers_reach_other_threads(void)
{
    enum { QUERY = 0, PRIVATE = 8, REGISTER = 16 };
    CHECK((syscall(SYS_membarrier, QUERY, 0) & (PRIVATE | REGISTER)) == (PRIVATE | REGISTER));
    CHECK(syscall(SYS_membarrier, REGISTER, 0) == 0);
    CHECK(syscall(SYS_membarrier, 3, 0) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_membarrier, PRIVATE, 1) == -1 && errno == EINVAL);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        mine = theirs = 0;
        CHECK(pthread_create(&thread, NULL, cheap_side, NULL) == 0);
        pthread_barrier_wait(&barrier);
        __atomic_store_n(&mine, 1, __ATOMIC_RELAXED);
        CHECK(syscall(SYS_membarrier, PRIVATE, 0) == 0);
        int read_here = __atomic_load_n(&theirs, __ATOMIC_RELAXED);
        CHECK(pthread_join(thread, NULL) == 0 && (read_here == 1 || read_there == 1));
    }
}

int main(void)
{
    policies();
    nice_values();
    CHECK(child_status(without_the_grant) == 0);
    real_time_comes_first();
    barriers_reach_other_threads();
    CHECK(syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0) == -1 && errno == EINVAL);
    return check_end();
}
