// SPDX-License-Identifier: Apache-2.0
/* Signals: handlers, masks, waiting for them, stacks of their own, timers. */
#include "user/tests/check.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static volatile sig_atomic_t code;
static void *volatile place;

static void note(int signal, siginfo_t *info, void *context)
{
    (void)context;
    caught = signal;
    code = info->si_code;
    place = info->si_addr;
}

static void handle(int signal, int flags)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(signal, &action, NULL) == 0);
}

static void handlers(void)
{
    handle(SIGUSR1, 0);
    CHECK(raise(SIGUSR1) == 0 && caught == SIGUSR1);
    caught = 0;
    CHECK(kill(getpid(), SIGUSR1) == 0 && caught == SIGUSR1 && code == SI_USER);
    handle(SIGUSR1, SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction action;
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL);
}

static void masks(void)
{
    sigset_t set;
    sigset_t old;
    sigset_t pending;
    handle(SIGUSR2, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    caught = 0;
    CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    raise(SIGUSR2);
    CHECK(caught == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2));
    CHECK(sigsuspend(&old) == -1 && errno == EINTR && caught == SIGUSR2);

    union sigval value = {.sival_int = 42};
    siginfo_t info;
    struct timespec short_time = {.tv_nsec = 1000000};
    CHECK(sigqueue(getpid(), SIGUSR2, value) == 0);
    CHECK(sigwaitinfo(&set, &info) == SIGUSR2 && info.si_code == SI_QUEUE);
    CHECK(info.si_value.sival_int == 42);
    CHECK(sigtimedwait(&set, &info, &short_time) == -1 && errno == EAGAIN);
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
}

static sigjmp_buf back;

static void jump_back(int signal, siginfo_t *info, void *context)
{
    note(signal, info, context);
    siglongjmp(back, 1);
}

static void faults(void)
{
    struct sigaction action = {.sa_sigaction = jump_back, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    volatile uintptr_t nowhere = 16;
    caught = 0;
    if (sigsetjmp(back, 1) == 0) {
        *(volatile int *)nowhere = 1;
    }
    CHECK(caught == SIGSEGV && place == (void *)nowhere && code == SEGV_MAPERR);
    sigset_t mask;
    CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && !sigismember(&mask, SIGSEGV));
    signal(SIGSEGV, SIG_DFL);
}

static char *volatile handler_stack;

static void where(int signal)
{
    char here;
    (void)signal;
    handler_stack = &here;
}

static void a_stack_of_its_own(void)
{
    static char room[32768];
    stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
    struct sigaction action = {.sa_handler = where, .sa_flags = SA_ONSTACK};
    CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
    CHECK(handler_stack >= room && handler_stack < room + sizeof room);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
}

static void *send_soon(void *target)
{
    struct timespec pause = {.tv_nsec = 20000000};
    nanosleep(&pause, NULL);
    pthread_kill(*(pthread_t *)target, SIGUSR1);
    nanosleep(&pause, NULL);
    return NULL;
}

static void interrupted_calls(void)
{
    int ends[2];
    char byte;
    pthread_t self = pthread_self();
    pthread_t sender;
    CHECK(pipe(ends) == 0);
    handle(SIGUSR1, 0);
    CHECK(pthread_create(&sender, NULL, send_soon, &self) == 0);
    CHECK(read(ends[0], &byte, 1) == -1 && errno == EINTR);
    pthread_join(sender, NULL);

    struct timespec pause = {.tv_sec = 5};
    struct timespec left = {0};
    CHECK(pthread_create(&sender, NULL, send_soon, &self) == 0);
    CHECK(nanosleep(&pause, &left) == -1 && errno == EINTR && left.tv_sec == 4);
    pthread_join(sender, NULL);
}

static void timers(void)
{
    handle(SIGALRM, 0);
    caught = 0;
    struct itimerval soon = {.it_value.tv_usec = 5000};
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    while (caught == 0) {
        struct timespec pause = {.tv_sec = 1};
        nanosleep(&pause, NULL);
    }
    CHECK(caught == SIGALRM);

    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec value = {.it_value.tv_nsec = 5000000};
    handle(SIGUSR1, 0);
    caught = 0;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &value, NULL) == 0);
    while (caught == 0) {
        struct timespec pause = {.tv_sec = 1};
        nanosleep(&pause, NULL);
    }
    CHECK(caught == SIGUSR1 && code == SI_TIMER && timer_delete(timer) == 0);
}

static void children(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    CHECK(kill(child, SIGSTOP) == 0);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    CHECK(kill(child, SIGCONT) == 0);
    CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    CHECK(kill(child, SIGTERM) == 0);
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
          WTERMSIG(status) == SIGTERM);
    CHECK(kill(child, 0) == -1 && errno == ESRCH);
}

int main(void)
{
    handlers();
    masks();
    faults();
    a_stack_of_its_own();
    interrupted_calls();
    timers();
    children();
    return check_end();
}
