// SPDX-License-Identifier: Apache-2.0
/* Timers of POSIX: those that send signals, interval timers, their errors; run as root. */
#define _GNU_SOURCE
#include "user/tests/check.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum : int64_t { MS = 1000000 };

static volatile sig_atomic_t caught;
static volatile sig_atomic_t count;
static siginfo_t last;

static void note(int signal, siginfo_t *info, void *context)
{
    (void)context;
    caught = signal;
    count++;
    last = *info;
}

static void handle(int signal)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(signal, &action, NULL) == 0);
    caught = 0;
    count = 0;
}

static void pass(long ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * MS};
    while (nanosleep(&left, &left) != 0) {
    }
}

static int64_t now(clockid_t clock)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static struct timespec spec(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static timer_t make(clockid_t clock, int notify, int signal)
{
    timer_t timer = NULL;
    struct sigevent event = {
        .sigev_notify = notify, .sigev_signo = signal, .sigev_value.sival_int = 77};
    CHECK(timer_create(clock, &event, &timer) == 0);
    return timer;
}

static int set(timer_t timer, int flags, int64_t value, int64_t interval)
{
    struct itimerspec s = {.it_value = spec(value), .it_interval = spec(interval)};
    return timer_settime(timer, flags, &s, NULL);
}

static void block(int how, int signal)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    CHECK(sigprocmask(how, &one, NULL) == 0);
}

static void a_signal_says_what_expired(void)
{
    handle(SIGRTMIN);
    timer_t timer = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN);
    int64_t start = now(CLOCK_MONOTONIC);
    CHECK(set(timer, 0, 20 * MS, 0) == 0);
    struct itimerspec left;
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec > 0 &&
          left.it_value.tv_nsec <= 20 * MS);
    while (caught == 0) {
        pass(1);
    }
    CHECK(now(CLOCK_MONOTONIC) - start >= 20 * MS);
    CHECK(last.si_code == SI_TIMER && last.si_value.sival_int == 77 && last.si_overrun == 0);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec == 0);
    CHECK(timer_delete(timer) == 0 && timer_delete(timer) != 0);

    // Without an event: SIGALRM with the identifier.
    handle(SIGALRM);
    CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0 && set(timer, 0, MS, 0) == 0);
    while (caught == 0) {
        pass(1);
    }
    CHECK(last.si_value.sival_int == (int)(intptr_t)timer && timer_delete(timer) == 0);
}

static void overruns_are_counted(void)
{
    handle(SIGRTMIN);
    timer_t timer = make(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN);
    block(SIG_BLOCK, SIGRTMIN);
    CHECK(set(timer, 0, MS, MS) == 0);
    pass(50);
    CHECK(count == 0);
    block(SIG_UNBLOCK, SIGRTMIN);
    CHECK(count >= 1 && count <= 3);
    CHECK(set(timer, 0, 0, 0) == 0);
    int seen = count;
    pass(5);
    CHECK(count == seen);

    // What was missed is in the first signal: the rest come as they should.
    handle(SIGRTMIN);
    block(SIG_BLOCK, SIGRTMIN);
    CHECK(set(timer, 0, MS, 10 * MS) == 0);
    pass(55);
    sigset_t one;
    siginfo_t info;
    sigemptyset(&one);
    sigaddset(&one, SIGRTMIN);
    CHECK(sigwaitinfo(&one, &info) == SIGRTMIN && info.si_overrun >= 5 && info.si_overrun < 100);
    CHECK(timer_getoverrun(timer) == info.si_overrun);
    CHECK(sigwaitinfo(&one, &info) == SIGRTMIN && timer_getoverrun(timer) == info.si_overrun);
    CHECK(timer_delete(timer) == 0);
    block(SIG_UNBLOCK, SIGRTMIN);
}

static void an_ignored_timer_goes_on(void)
{
    signal(SIGRTMIN, SIG_IGN);
    timer_t timer = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN);
    CHECK(set(timer, 0, MS, 5 * MS) == 0);
    pass(20);
    struct itimerspec left;
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec > 0 &&
          left.it_value.tv_nsec <= 5 * MS);
    handle(SIGRTMIN);
    int64_t start = now(CLOCK_MONOTONIC);
    while (count < 2 && now(CLOCK_MONOTONIC) - start < 2000000000) {
        pass(1);
    }
    CHECK(count >= 2 && timer_delete(timer) == 0);
}

static void absolute_times_and_set_clocks(void)
{
    handle(SIGRTMIN);
    timer_t wall = make(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN);
    timer_t steady = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN);
    CHECK(set(steady, TIMER_ABSTIME, now(CLOCK_MONOTONIC) - 1, 0) == 0); // has passed
    pass(2);
    CHECK(count == 1);
    // An hour away, until the clock is set beyond it.
    CHECK(set(wall, TIMER_ABSTIME, now(CLOCK_REALTIME) + 3600 * INT64_C(1000000000), 0) == 0);
    CHECK(set(steady, 0, 3600 * INT64_C(1000000000), 0) == 0);
    pass(2);
    CHECK(count == 1);
    struct timespec t = spec(now(CLOCK_REALTIME) + 3601 * INT64_C(1000000000));
    CHECK(clock_settime(CLOCK_REALTIME, &t) == 0);
    pass(5);
    CHECK(count == 2);
    struct itimerspec left;
    CHECK(timer_gettime(steady, &left) == 0 && left.it_value.tv_sec >= 3590);
    // A relative one stays as it is, and an absolute one gets farther away.
    CHECK(set(wall, TIMER_ABSTIME, now(CLOCK_REALTIME) + 1000 * MS, 0) == 0);
    t = spec(now(CLOCK_REALTIME) - 3601 * INT64_C(1000000000));
    CHECK(clock_settime(CLOCK_REALTIME, &t) == 0);
    CHECK(timer_gettime(wall, &left) == 0 && left.it_value.tv_sec >= 3600);
    CHECK(timer_delete(wall) == 0 && timer_delete(steady) == 0);
}

// A child sleeps until a time an hour away; the clock is set beyond it, and back.
static void a_sleep_until_a_time_of_day_follows_the_clock(void)
{
    constexpr int64_t HOUR = 3600 * INT64_C(1000000000);
    int64_t start = now(CLOCK_MONOTONIC);
    struct timespec until = spec(now(CLOCK_REALTIME) + HOUR);
    pid_t child = fork();
    if (child == 0) {
        _exit(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) != 0);
    }
    pass(20);
    int status = -1;
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    struct timespec t = spec(now(CLOCK_REALTIME) + HOUR + 1000 * MS);
    CHECK(clock_settime(CLOCK_REALTIME, &t) == 0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(now(CLOCK_MONOTONIC) - start < HOUR / 2);
    t = spec(now(CLOCK_REALTIME) - HOUR - 1000 * MS);
    CHECK(clock_settime(CLOCK_REALTIME, &t) == 0);
}

static void silent_timers_only_count(void)
{
    timer_t timer = make(CLOCK_MONOTONIC, SIGEV_NONE, 0);
    CHECK(set(timer, 0, 10 * MS, 10 * MS) == 0);
    pass(35);
    struct itimerspec left;
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec > 0);
    CHECK(left.it_value.tv_nsec <= 10 * MS && left.it_interval.tv_nsec == 10 * MS);
    CHECK(set(timer, 0, 0, 0) == 0 && timer_gettime(timer, &left) == 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0 && timer_delete(timer) == 0);
}

static pthread_t notified;
static volatile int notes;

static void on_thread(union sigval value)
{
    notified = pthread_self();
    __atomic_fetch_add(&notes, value.sival_int, __ATOMIC_SEQ_CST);
}

static void threads_are_notified(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD,
                             .sigev_notify_function = on_thread,
                             .sigev_value.sival_int = 1};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(set(timer, 0, 2 * MS, 2 * MS) == 0);
    for (int i = 0; i < 1000 && __atomic_load_n(&notes, __ATOMIC_SEQ_CST) < 3; i++) {
        pass(1);
    }
    CHECK(notes >= 3 && !pthread_equal(notified, pthread_self()));
    CHECK(timer_delete(timer) == 0);
}

static void *hear(void *out)
{
    sigset_t one;
    siginfo_t info;
    sigemptyset(&one);
    sigaddset(&one, SIGRTMIN + 1);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 1};
    event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && set(timer, 0, MS, 0) == 0);
    *(int *)out = sigwaitinfo(&one, &info);
    CHECK(timer_delete(timer) == 0);
    // One that outlives its thread.
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && set(timer, 0, MS, MS) == 0);
    return NULL;
}

static void a_thread_is_signalled_by_number(void)
{
    pthread_t thread;
    int got = 0;
    block(SIG_BLOCK, SIGRTMIN + 1);
    CHECK(pthread_create(&thread, NULL, hear, &got) == 0);
    CHECK(pthread_join(thread, NULL) == 0 && got == SIGRTMIN + 1);
    pass(5);
    sigset_t pending;
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGRTMIN + 1));
    block(SIG_UNBLOCK, SIGRTMIN + 1);
}

static void bad_arguments_are_refused(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
    event.sigev_signo = 0;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
    CHECK(timer_create(12345, NULL, &timer) == -1 && errno == EINVAL);
    event = (struct sigevent){.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    event.sigev_notify_thread_id = 4000000; // nobody
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, 16) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_timer_create, CLOCK_MONOTONIC, 16, &timer) == -1 && errno == EFAULT);
    timer = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGALRM);
    struct itimerspec s = {.it_value.tv_nsec = 1000000000};
    CHECK(timer_settime(timer, 0, &s, NULL) == -1 && errno == EINVAL);
    s = (struct itimerspec){.it_value.tv_sec = -1};
    CHECK(timer_settime(timer, 0, &s, NULL) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_timer_settime, timer, 0, 16, NULL) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_timer_gettime, timer, 16) == -1 && errno == EFAULT);
    CHECK(timer_delete(timer) == 0);
    CHECK(syscall(SYS_timer_gettime, timer, &s) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_timer_getoverrun, timer) == -1 && errno == EINVAL);
}

// In a child, whose limit it changes.
static void the_number_is_limited(void)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {10, 10};
        timer_t timers[11];
        int made = 0;
        CHECK(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
        while (made < 11 && timer_create(CLOCK_MONOTONIC, NULL, &timers[made]) == 0) {
            made++;
        }
        CHECK(made == 10 && errno == EAGAIN);
        CHECK(timer_delete(timers[3]) == 0 && timer_create(CLOCK_REALTIME, NULL, &timers[3]) == 0);
        _exit(check_end());
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void interval_timers(void)
{
    handle(SIGALRM);
    struct itimerval tick = {.it_value.tv_usec = 2000, .it_interval.tv_usec = 2000};
    struct itimerval left = {0};
    CHECK(setitimer(ITIMER_REAL, &tick, NULL) == 0);
    while (count < 3) {
        pass(1);
    }
    CHECK(last.si_signo == SIGALRM && getitimer(ITIMER_REAL, &left) == 0);
    CHECK(left.it_interval.tv_usec == 2000 && left.it_value.tv_usec > 0);
    tick = (struct itimerval){0};
    CHECK(setitimer(ITIMER_REAL, &tick, &left) == 0 && left.it_interval.tv_usec == 2000);
    CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_usec == 0);
    CHECK(alarm(100) == 0 && alarm(0) >= 99);
    tick.it_value.tv_usec = 1000000;
    CHECK(setitimer(ITIMER_REAL, &tick, NULL) == -1 && errno == EINVAL);
    CHECK(setitimer(3, &tick, NULL) == -1 && errno == EINVAL);
    CHECK(getitimer(-1, &tick) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_setitimer, ITIMER_REAL, 16, NULL) == -1 && errno == EFAULT);
}

// Interval timers stay through exec, the others do not, and a child has neither.
static void who_keeps_timers(void)
{
    struct itimerval tick = {.it_value.tv_sec = 100};
    struct itimerval left;
    handle(SIGUSR1);
    timer_t timer = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1);
    CHECK(set(timer, 0, 20 * MS, 0) == 0 && setitimer(ITIMER_REAL, &tick, NULL) == 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec == 0);
        CHECK(timer_delete(timer) != 0);
        timer = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1);
        CHECK(set(timer, 0, 50 * MS, 0) == 0 && setitimer(ITIMER_REAL, &tick, NULL) == 0);
        if (check_end() == 0) {
            execl("/bin/posix_timer", "posix_timer", "exec", NULL);
        }
        _exit(1);
    }
    int status;
    while (waitpid(child, &status, 0) == -1 && errno == EINTR) {
    }
    CHECK(status == 0);
    CHECK(timer_delete(timer) == 0 && alarm(0) >= 99);
}

static int after_exec(void)
{
    struct itimerval left;
    CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec >= 90);
    pass(100); // SIGUSR1 would end it
    return check_end();
}

static void burn(int64_t cpu_ns)
{
    int64_t start = now(CLOCK_PROCESS_CPUTIME_ID);
    while (now(CLOCK_PROCESS_CPUTIME_ID) - start < cpu_ns) {
        for (volatile int i = 0; i < 1000; i++) {
        }
    }
}

static void cpu_time_expires(void)
{
    handle(SIGPROF);
    struct itimerval tick = {.it_value.tv_usec = 20000, .it_interval.tv_usec = 10000};
    int64_t start = now(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(setitimer(ITIMER_PROF, &tick, NULL) == 0);
    pass(100); // sleeping takes none
    CHECK(count == 0);
    while (count < 3 && now(CLOCK_PROCESS_CPUTIME_ID) - start < 2000000000) {
        burn(MS);
    }
    CHECK(count >= 3 && now(CLOCK_PROCESS_CPUTIME_ID) - start >= 40 * MS);
    tick = (struct itimerval){0};
    CHECK(setitimer(ITIMER_PROF, &tick, NULL) == 0);
    handle(SIGVTALRM);
    tick.it_value.tv_usec = 10000;
    struct itimerval left;
    CHECK(setitimer(ITIMER_VIRTUAL, &tick, NULL) == 0);
    CHECK(getitimer(ITIMER_VIRTUAL, &left) == 0 && left.it_value.tv_usec <= 10000);
    for (int i = 0; i < 100 && count == 0; i++) {
        for (volatile int j = 0; j < 1000000; j++) {
        }
    }
    CHECK(count == 1 && getitimer(ITIMER_VIRTUAL, &left) == 0 && left.it_value.tv_usec == 0);
}

static int64_t child_cpu_status(rlim_t soft, rlim_t hard, int *status)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {soft, hard};
        signal(SIGXCPU, soft == hard ? SIG_IGN : SIG_DFL);
        CHECK(setrlimit(RLIMIT_CPU, &limit) == 0);
        pid_t heir = fork(); // the limit is inherited
        if (heir == 0) {
            burn(INT64_MAX);
        }
        CHECK(waitpid(heir, status, 0) == heir);
        int signal = WTERMSIG(*status);
        _exit(check_end() ? 1 : signal);
    }
    struct rusage usage;
    CHECK(wait4(child, status, 0, &usage) == child && WIFEXITED(*status));
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void cpu_time_is_limited(void)
{
    int status = 0;
    int64_t used = child_cpu_status(1, 10, &status);
    CHECK(WEXITSTATUS(status) == SIGXCPU && used >= 1000000 && used < 1500000);
    used = child_cpu_status(1, 1, &status);
    CHECK(WEXITSTATUS(status) == SIGKILL && used >= 1000000 && used < 1500000);
}

static int sleeps(void)
{
    struct timespec t = spec(300 * MS);
    return nanosleep(&t, NULL);
}

static int polls(void)
{
    return poll(NULL, 0, 300);
}

static int waits_for_a_word(void)
{
    static int word = 1;
    struct timespec t = spec(300 * MS);
    return (int)syscall(SYS_futex, &word, 0, 1, &t) == -1 && errno == ETIMEDOUT ? 0 : -1;
}

static int waits_for_a_signal(void)
{
    struct timespec t = spec(300 * MS);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR2);
    return sigtimedwait(&one, NULL, &t) == -1 && errno == EAGAIN ? 0 : -1;
}

// Signals without a handler neither end a call nor make its time start anew.
static void stops_leave_time_outs_alone(void)
{
    static int (*const calls[])(void) = {sleeps, polls, waits_for_a_word, waits_for_a_signal};
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        pid_t child = fork();
        if (child == 0) {
            int64_t start = now(CLOCK_MONOTONIC);
            int result = calls[i]();
            int64_t took = now(CLOCK_MONOTONIC) - start;
            _exit(result != 0 ? 1 : took < 300 * MS ? 2 : took > 450 * MS ? 3 : 0);
        }
        for (int stop = 0; stop < 2; stop++) {
            pass(50);
            CHECK(kill(child, SIGSTOP) == 0);
            pass(50);
            CHECK(kill(child, SIGCONT) == 0);
        }
        int status = -1;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(status == 0 || (fprintf(stderr, "call %u: %d\n", i, status >> 8), 0));
    }
}

// A handler that wants restarts: calls without a time-out start again, those with one end.
static void handlers_end_time_outs(void)
{
    static int word = 1;
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    struct itimerval soon = {.it_value.tv_usec = 20000};
    struct timespec t = spec(300 * MS);
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    CHECK(syscall(SYS_futex, &word, 0, 1, &t) == -1 && errno == EINTR);
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0 && poll(NULL, 0, 300) == -1 && errno == EINTR);
    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        pass(60);
        _exit(write(ends[1], "x", 1) != 1);
    }
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0 && read(ends[0], &byte, 1) == 1);
    CHECK(waitpid(child, NULL, 0) == child && close(ends[0]) == 0 && close(ends[1]) == 0);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return after_exec();
    }
    a_signal_says_what_expired();
    overruns_are_counted();
    an_ignored_timer_goes_on();
    absolute_times_and_set_clocks();
    a_sleep_until_a_time_of_day_follows_the_clock();
    silent_timers_only_count();
    threads_are_notified();
    a_thread_is_signalled_by_number();
    bad_arguments_are_refused();
    the_number_is_limited();
    interval_timers();
    who_keeps_timers();
    cpu_time_expires();
    cpu_time_is_limited();
    stops_leave_time_outs_alone();
    handlers_end_time_outs();
    return check_end();
}
