// SPDX-License-Identifier: Apache-2.0
/* Threads: locks that lock, conditions, thread-local data, cancellation, semaphores, barriers. */
#include "user/tests/check.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 1000 };
enum { FUTEX_WAIT, FUTEX_WAKE, FUTEX_REQUEUE = 3 }; // futex(2)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int counter;
static _Thread_local int mine = 7;

static void *count(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
        mine++;
    }
    return (void *)(long)mine;
}

static void counting(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, count, NULL) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;
        CHECK(pthread_join(threads[i], &result) == 0 && (long)result == 7 + ROUNDS);
    }
    CHECK(counter == THREADS * ROUNDS);
    CHECK(mine == 7);
}

static void *answer(void *turn)
{
    int *whose = turn;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < ROUNDS; i++) {
        while (*whose != 1) {
            pthread_cond_wait(&changed, &lock);
        }
        *whose = 0;
        pthread_cond_broadcast(&changed);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void taking_turns(void)
{
    int whose = 0;
    pthread_t other;
    CHECK(pthread_create(&other, NULL, answer, &whose) == 0);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < ROUNDS; i++) {
        whose = 1;
        pthread_cond_broadcast(&changed);
        while (whose != 0) {
            pthread_cond_wait(&changed, &lock);
        }
    }
    pthread_mutex_unlock(&lock);
    CHECK(pthread_join(other, NULL) == 0);
}

static struct timespec in_10_ms(clockid_t clock)
{
    struct timespec when;
    clock_gettime(clock, &when);
    when.tv_nsec += 10000000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000;
    }
    return when;
}

static void waiting_with_an_end(void)
{
    struct timespec when = in_10_ms(CLOCK_REALTIME);
    pthread_mutex_lock(&lock);
    CHECK(pthread_cond_timedwait(&changed, &lock, &when) == ETIMEDOUT);
    CHECK(pthread_mutex_trylock(&lock) == EBUSY);
    pthread_mutex_unlock(&lock);

    sem_t sem;
    CHECK(sem_init(&sem, 0, 1) == 0);
    CHECK(sem_wait(&sem) == 0 && sem_trywait(&sem) == -1 && errno == EAGAIN);
    when = in_10_ms(CLOCK_REALTIME);
    CHECK(sem_timedwait(&sem, &when) == -1 && errno == ETIMEDOUT);
    CHECK(sem_destroy(&sem) == 0);
}

static atomic_int cleaned;

static void clean(void *unused)
{
    (void)unused;
    cleaned++;
}

static void *sleep_for_ever(void *ends)
{
    char byte;
    pthread_cleanup_push(clean, NULL);
    (void)!read(*(int *)ends, &byte, 1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancelling(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pthread_t sleeper;
    void *result = NULL;
    CHECK(pthread_create(&sleeper, NULL, sleep_for_ever, ends) == 0);
    CHECK(pthread_cancel(sleeper) == 0 && pthread_join(sleeper, &result) == 0);
    CHECK(result == PTHREAD_CANCELED && cleaned == 1);
    close(ends[0]);
    close(ends[1]);
}

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int made;

static void make_key(void)
{
    made++;
    pthread_key_create(&key, free);
}

static pthread_barrier_t barrier;

static void *keep(void *unused)
{
    (void)unused;
    pthread_once(&once, make_key);
    pthread_setspecific(key, malloc(8));
    int last = pthread_barrier_wait(&barrier);
    return (void *)(long)(last == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void once_and_together(void)
{
    pthread_t threads[THREADS];
    long serial = 0;
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, keep, NULL) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;
        CHECK(pthread_join(threads[i], &result) == 0);
        serial += (long)result;
    }
    CHECK(serial == 1 && made == 1);
    pthread_barrier_destroy(&barrier);
}

static void kinds_of_mutexes(void)
{
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    CHECK(pthread_mutex_init(&mutex, &kind) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
    pthread_mutex_destroy(&mutex);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    CHECK(pthread_mutex_init(&mutex, &kind) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_lock(&mutex) == EDEADLK);
    CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == EPERM);
    pthread_mutex_destroy(&mutex);
}

static void *die_with(void *mutex)
{
    pthread_mutex_lock(mutex);
    return NULL;
}

static void a_dead_owner_is_noticed(void)
{
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;
    pthread_t owner;
    pthread_mutexattr_init(&kind);
    if (!CHECK(pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) == 0)) {
        return;
    }
    CHECK(pthread_mutex_init(&mutex, &kind) == 0);
    CHECK(pthread_create(&owner, NULL, die_with, &mutex) == 0 && pthread_join(owner, NULL) == 0);
    CHECK(pthread_mutex_lock(&mutex) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
}

// Waiters of another process move to another word of shared memory, and to no word that it does not see.
static void waiters_move(void)
{
    static int own;
    int status = -1;
    int *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(words != MAP_FAILED);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(syscall(SYS_futex, &words[0], FUTEX_WAIT, 0, NULL) == 0 ? 5 : 6);
    }
    while (syscall(SYS_futex, &words[0], FUTEX_REQUEUE, 0, 1L, &words[1], 0) == 0) {
        sched_yield();
    }
    CHECK(syscall(SYS_futex, &words[0], FUTEX_WAKE, 9) == 0);
    CHECK(syscall(SYS_futex, &words[1], FUTEX_REQUEUE, 0, 1L, &own, 0) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_futex, &words[1], FUTEX_WAKE, 9) == 1);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5);
    munmap(words, 4096);
}

int main(void)
{
    waiters_move();
    counting();
    taking_turns();
    waiting_with_an_end();
    cancelling();
    once_and_together();
    kinds_of_mutexes();
    a_dead_owner_is_noticed();
    return check_end();
}
