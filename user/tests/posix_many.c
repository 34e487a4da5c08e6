// SPDX-License-Identifier: Apache-2.0
/*
 * Many of a thing, and nothing left of it afterwards:
 *
 *     posix_many processes    a thousand children that live at the same time
 *     posix_many threads      a thousand threads that live at the same time
 *     posix_many starts       fork, exec and spawn, again and again
 *     posix_many handles      as many as the limit allows, a low and a high one
 *     posix_many counter      four threads, a lock on a futex, a thousand additions each
 */
#include "user/tests/check.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <swos/gen/syscall_stubs.h>
#include <swos/sys.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PROCESSES = 1000,
    THREADS = 1000,
    STARTS = 40,
    MANY_HANDLES = 4000,
    FEW = 20,
    COUNTERS = 4,
    ADDITIONS = 1000,
    FUTEX_WAIT_PRIVATE = 128,
    FUTEX_WAKE_PRIVATE = 129,
    SETTLE_TRIES = 100,
};

extern char **environ;
static const char *self;

/* ---- Whether all came back ---- */

static struct sys_meminfo measure(void)
{
    struct sys_meminfo info = {0};
    sys_meminfo(&info, sizeof info, SYS_MEMINFO_RECLAIM);
    return info;
}

// What is freed off the side gets time to be gone.
// Pages that are free or lie behind what is counted by itself: how many slabs the objects take depends
// on which of them go, and the kernel keeps its tables.
static uint64_t pages_of(const struct sys_meminfo *info)
{
    return info->free_pages + info->slab_pages + info->kernel_table_pages;
}

static void check_even(const struct sys_meminfo *before)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    struct sys_meminfo after = measure();
    for (int i = 0; i < SETTLE_TRIES && (pages_of(&after) != pages_of(before) ||
                                         after.heap_objects != before->heap_objects);
         i++) {
        nanosleep(&pause, NULL);
        after = measure();
    }
    if (!CHECK(pages_of(&after) == pages_of(before) &&
               after.heap_objects == before->heap_objects)) {
        fprintf(stderr, "%llu pages, then %llu; %llu objects, then %llu\n",
                (unsigned long long)pages_of(before), (unsigned long long)pages_of(&after),
                (unsigned long long)before->heap_objects, (unsigned long long)after.heap_objects);
    }
}

/* ---- Processes ---- */

// Children that live until they read a byte, their exit status; gives how many there are.
static int start_children(int count, pid_t *pids, const int *ends)
{
    char byte;
    for (int i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            _exit(read(ends[0], &byte, 1) == 1 ? byte : 255);
        }
        if (pids[i] < 0) {
            return i;
        }
    }
    return count;
}

static void live_and_end(int count)
{
    static pid_t pids[PROCESSES];
    int ends[2] = {-1, -1};
    memset(pids, 0, sizeof pids); // all of it is there before memory is counted
    CHECK(pipe(ends) == 0);
    int started = start_children(count, pids, ends);
    CHECK(started == count);
    int alive = 0;
    for (int i = 0; i < started; i++) {
        alive += kill(pids[i], 0) == 0;
    }
    CHECK(alive == count);
    int good = 0; // one after the other: CPUs that a host shares out suffer when all end at once
    for (int i = 0; i < started; i++) {
        char byte = (char)(i % 100);
        int status = -1;
        good += write(ends[1], &byte, 1) == 1 && wait(&status) > 0 && WIFEXITED(status) &&
                WEXITSTATUS(status) == byte;
    }
    close(ends[0]);
    close(ends[1]);
    CHECK(good == count);
    CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
}

static void processes(void)
{
    live_and_end(PROCESSES); // tables of the kernel grow to what so many need, and stay
    struct sys_meminfo before = measure();
    live_and_end(PROCESSES);
    check_even(&before);
}

/* ---- Threads ---- */

static sem_t may_end[THREADS];
static sem_t runs;

static void *stay(void *end)
{
    sem_post(&runs);
    sem_wait(end);
    return NULL;
}

static int start_threads(int count, pthread_t *threads)
{
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN);
    int started = 0;
    while (started < count &&
           pthread_create(&threads[started], &small, stay, &may_end[started]) == 0) {
        started++;
    }
    pthread_attr_destroy(&small);
    return started;
}

static void threads_come_and_go(int count)
{
    static pthread_t all[THREADS];
    sem_init(&runs, 0, 0);
    for (int i = 0; i < count; i++) {
        sem_init(&may_end[i], 0, 0);
    }
    int started = start_threads(count, all);
    CHECK(started == count);
    for (int i = 0; i < started; i++) {
        sem_wait(&runs);
    }
    int joined = 0;
    for (int i = 0; i < started; i++) {
        sem_post(&may_end[i]);
        joined += pthread_join(all[i], NULL) == 0;
    }
    CHECK(joined == count);
}

static void threads(void)
{
    threads_come_and_go(THREADS); // the array is there then
    struct sys_meminfo before = measure();
    threads_come_and_go(THREADS);
    check_even(&before);
}

/* ---- Starts ---- */

static void start_each_way(void)
{
    char *const argv[] = {(char *)self, "nothing", NULL};
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(1);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 1);
    pid = fork();
    if (pid == 0) {
        execv(self, argv);
        _exit(2);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void starts(void)
{
    start_each_way();
    struct sys_meminfo before = measure();
    for (int i = 0; i < STARTS; i++) {
        start_each_way();
    }
    check_even(&before);
}

/* ---- Handles ---- */

// Opens until it is refused; gives the number of handles and closes them again.
static int open_all(int *error)
{
    int count = 0;
    int first = dup(0);
    int last = first;
    for (int h = first; h >= 0; h = dup(0)) {
        last = h;
        count++;
    }
    *error = errno;
    for (int h = first; h <= last; h++) {
        close(h);
    }
    return count;
}

static void handles(void)
{
    int error = 0;
    struct rlimit few = {.rlim_cur = 64};
    struct rlimit most;
    CHECK(getrlimit(RLIMIT_NOFILE, &most) == 0);
    few.rlim_max = most.rlim_max;
    CHECK(most.rlim_max >= MANY_HANDLES);
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK(open_all(&error) <= 64 && error == EMFILE);
    most.rlim_cur = MANY_HANDLES;
    CHECK(setrlimit(RLIMIT_NOFILE, &most) == 0);
    open_all(&error);
    struct sys_meminfo before = measure();
    CHECK(open_all(&error) > MANY_HANDLES - FEW && error == EMFILE);
    check_even(&before);
    int h = open("/", O_RDONLY | O_DIRECTORY);
    CHECK(h >= 0 && close(h) == 0);
}

/* ---- A counter ---- */

static atomic_int word; // 0: free, 1: taken, 2: taken and awaited
static int counter;

static void take(void)
{
    int seen = 0;
    if (atomic_compare_exchange_strong(&word, &seen, 1)) {
        return;
    }
    while (atomic_exchange(&word, 2) != 0) {
        sys_futex(&word, FUTEX_WAIT_PRIVATE, 2, 0, NULL, 0);
    }
}

static void give_back(void)
{
    if (atomic_exchange(&word, 0) == 2) {
        sys_futex(&word, FUTEX_WAKE_PRIVATE, 1, 0, NULL, 0);
    }
}

static void *add(void *unused)
{
    for (int i = 0; i < ADDITIONS; i++) {
        take();
        counter++;
        if (i % 100 == 0) {
            sched_yield(); // so that others find it taken
        }
        give_back();
    }
    return unused;
}

static void count(void)
{
    pthread_t all[COUNTERS];
    for (int i = 0; i < COUNTERS; i++) {
        CHECK(pthread_create(&all[i], NULL, add, NULL) == 0);
    }
    for (int i = 0; i < COUNTERS; i++) {
        CHECK(pthread_join(all[i], NULL) == 0);
    }
    printf("counter=%d\n", counter);
}

/* ---- All of it ---- */

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {
    {"processes", processes}, {"threads", threads}, {"starts", starts},
    {"handles", handles},     {"counter", count},
};

int main(int argc, char **argv)
{
    self = argv[0];
    for (unsigned i = 0; argc > 1 && i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(parts[i].name, argv[1]) == 0) {
            parts[i].run();
        }
    }
    return check_end();
}
