// SPDX-License-Identifier: Apache-2.0
/*
 * Threads run where their affinity says: it is inherited by threads, by fork and by spawn, and may be
 * set for other threads while they run, sleep and end.
 */
#define _GNU_SOURCE
#include "user/tests/check.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <swos/gen/syscall_stubs.h>
#include <swos/records.h>
#include <swos/rights.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 6, ROUNDS = 400, NOBODY = 1 << 21 };

static int cpus;

static cpu_set_t only(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return set;
}

static cpu_set_t all(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < cpus; i++) {
        CPU_SET(i, &set);
    }
    return set;
}

static int allowed(pid_t tid)
{
    cpu_set_t set;
    return sched_getaffinity(tid, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : -1;
}

static int pin(pid_t tid, int cpu)
{
    cpu_set_t set = only(cpu);
    return sched_setaffinity(tid, sizeof(set), &set);
}

static void callers_move_before_the_call_returns(void)
{
    CHECK(allowed(0) == cpus);
    for (int i = 0; i < 3 * cpus; i++) {
        CHECK(pin(i % 2 == 0 ? 0 : gettid(), i % cpus) == 0);
        CHECK(sched_getcpu() == i % cpus && allowed(0) == 1 && allowed(getpid()) == 1);
    }
    cpu_set_t set = all();
    CHECK(sched_setaffinity(0, sizeof(set), &set) == 0 && allowed(0) == cpus);
}

/* ---- Inheritance ---- */

static int is_pinned_to(int cpu)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1 &&
           CPU_ISSET(cpu, &set) && sched_getcpu() == cpu;
}

static void *thread_of_a_pinned_one(void *cpu)
{
    return (void *)(long)is_pinned_to((int)(long)cpu);
}

static int status_of(pid_t pid)
{
    int status = -1;
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void who_is_made_stays_where_its_maker_may(void)
{
    char digit[] = {(char)('0' + cpus - 1), '\0'};
    char *argv[] = {"/bin/posix_affinity", digit, NULL};
    pthread_t thread;
    void *result = NULL;
    pid_t pid;
    CHECK(pin(0, cpus - 1) == 0);
    CHECK(pthread_create(&thread, NULL, thread_of_a_pinned_one, (void *)(long)(cpus - 1)) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result != NULL);
    pid = fork();
    if (pid == 0) {
        _exit(is_pinned_to(cpus - 1) ? 0 : 1);
    }
    CHECK(status_of(pid) == 0);
    CHECK(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) == 0);
    CHECK(status_of(pid) == 0);
    cpu_set_t set = all();
    CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
}

/* ---- Others ---- */

static struct {
    _Atomic pid_t tid;
    _Atomic int is_over;
    sem_t go;
    sem_t done;
} other;

static void *sleeper(void *unused)
{
    (void)unused;
    atomic_store(&other.tid, gettid());
    sem_post(&other.done);
    for (int i = 0; i < cpus; i++) {
        sem_wait(&other.go);
        CHECK(sched_getcpu() == i);
        sem_post(&other.done);
    }
    return NULL;
}

static void *runner(void *unused)
{
    (void)unused;
    atomic_store(&other.tid, gettid());
    sem_post(&other.done);
    while (!atomic_load(&other.is_over)) {
    }
    CHECK(sched_getcpu() == cpus - 1);
    return NULL;
}

static void others_are_moved_while_they_sleep_and_run(void)
{
    pthread_t thread;
    CHECK(sem_init(&other.go, 0, 0) == 0 && sem_init(&other.done, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, sleeper, NULL) == 0);
    sem_wait(&other.done);
    for (int i = 0; i < cpus; i++) {
        CHECK(pin(atomic_load(&other.tid), i) == 0 && allowed(atomic_load(&other.tid)) == 1);
        sem_post(&other.go);
        sem_wait(&other.done);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, runner, NULL) == 0);
    sem_wait(&other.done);
    for (int i = 0; i < cpus; i++) {
        CHECK(pin(atomic_load(&other.tid), i) == 0);
    }
    usleep(20000); // it hears of it by an interrupt
    atomic_store(&other.is_over, 1);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pin(atomic_load(&other.tid), 0) == -1 && errno == ESRCH);
    CHECK(allowed(0) == cpus);
}

static _Atomic pid_t crowd[THREADS];

// Sets everybody's affinity, and starts threads that inherit it while it changes.
static void *meddler(void *arg)
{
    unsigned seed = 17 + (unsigned)(long)arg;
    atomic_store(&crowd[(long)arg], gettid());
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        pid_t whose = atomic_load(&crowd[rand_r(&seed) % THREADS]);
        int wrong = 0;
        if (whose != 0 && pin(whose, rand_r(&seed) % cpus) != 0) {
            wrong = errno != ESRCH; // it has ended
        }
        CHECK(!wrong && allowed(0) == 1);
        if (i % 16 == 0) {
            CHECK(pthread_create(&thread, NULL, thread_of_a_pinned_one, NULL) == 0);
            CHECK(pthread_join(thread, NULL) == 0);
        }
    }
    return NULL;
}

static void all_set_all_at_once(void)
{
    pthread_t threads[THREADS];
    CHECK(pin(0, 0) == 0);
    for (long i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, meddler, (void *)i) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    cpu_set_t set = all();
    CHECK(sched_setaffinity(0, sizeof(set), &set) == 0 && allowed(0) == cpus);
}

/* ---- Refusals ---- */

static void absurd_sets_are_refused(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CHECK(sched_setaffinity(0, sizeof(set), &set) == -1 && errno == EINVAL);
    CPU_SET(CPU_SETSIZE - 1, &set);
    CHECK(sched_setaffinity(0, sizeof(set), &set) == -1 && errno == EINVAL);
    CHECK(sched_setaffinity(0, 0, &set) == -1 && errno == EINVAL);
    CHECK(sched_setaffinity(0, 8, (void *)8) == -1 && errno == EFAULT);
    CHECK(sched_getaffinity(0, 8, (void *)8) == -1 && errno == EFAULT);
    CHECK(sched_getaffinity(0, 7, &set) == -1 && errno == EINVAL);
    CHECK(sched_getaffinity(0, 0, &set) == -1 && errno == EINVAL);
    CHECK(pin(NOBODY, 0) == -1 && errno == ESRCH);
    CHECK(pin(-1, 0) == -1 && errno == ESRCH);
    CHECK(allowed(NOBODY) == -1 && errno == ESRCH);
    CHECK(allowed(0) == cpus);
}

// What someone else may not signal, they may not move either.
static void others_processes_are_left_alone(void)
{
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        struct swos_identity user = {.principal = 1000, .group = 1000, .caps = SWOS_CAP_SPAWN};
        CHECK(sys_set_identity(&user, sizeof(user)) == 0);
        CHECK(pin(self, 0) == -1 && errno == EPERM);
        CHECK(allowed(self) == -1 && errno == ESRCH);
        CHECK(pin(0, 0) == 0 && pin(getpid(), 0) == 0);
        _exit(check_end());
    }
    CHECK(status_of(pid) == 0);
}

static void other_processes_are_moved(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
    }
    CHECK(allowed(pid) == cpus && pin(pid, cpus - 1) == 0 && allowed(pid) == 1);
    CHECK(kill(pid, SIGKILL) == 0 && waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT) == 0);
    CHECK(allowed(pid) == -1 && errno == ESRCH && pin(pid, 0) == -1 && errno == ESRCH);
    CHECK(status_of(pid) == SIGKILL);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return is_pinned_to(argv[1][0] - '0') ? 0 : 1;
    }
    cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    callers_move_before_the_call_returns();
    who_is_made_stays_where_its_maker_may();
    others_are_moved_while_they_sleep_and_run();
    all_set_all_at_once();
    absurd_sets_are_refused();
    other_processes_are_moved();
    others_processes_are_left_alone();
    return check_end();
}
