// SPDX-License-Identifier: Apache-2.0
/*
 * The first process, which this must be: what others send it does nothing unless it is handled or
 * awaited.  With an argument it ends by its own doing: `abort`, or `kill` (SIGTERM from itself).
 */
#include "user/tests/check.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STACK_FAULT = 16 }; // a signal that has no name here

static volatile sig_atomic_t caught;

static void note(int signal)
{
    caught = signal;
}

// A child sends it, or queues it in the words of somebody else, and has ended when this returns.
static void others_send(int signal)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        const union sigval value = {.sival_int = 1};
        _exit(kill(1, signal) != 0 || sigqueue(1, signal, value) != 0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void nothing_happens_without_a_handler(void)
{
    const int signals[] = {SIGTERM, SIGKILL, SIGSTOP,     SIGSEGV, SIGINT,
                           SIGTSTP, SIGALRM, STACK_FAULT, SIGRTMIN};
    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        others_send(signals[i]);
    }
}

// The end of a child that alone tied this group to another one leaves it orphaned, with a member that is
// stopped: all of it is hung up.
static void the_group_is_hung_up(void)
{
    int status;
    pid_t stopped = fork();
    if (stopped == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    CHECK(waitpid(stopped, &status, WUNTRACED) == stopped && WIFSTOPPED(status));
    pid_t parent = fork();
    if (parent == 0) {
        pid_t tie = fork();
        if (tie == 0) {
            pid_t above = getppid();
            while (getpgid(above) != above) {
                sched_yield();
            }
            _exit(0);
        }
        setpgid(0, 0);
        _exit(waitpid(tie, NULL, 0) != tie);
    }
    CHECK(waitpid(parent, &status, 0) == parent && status == 0);
    CHECK(waitpid(stopped, &status, 0) == stopped && WTERMSIG(status) == SIGHUP);
}

static void handlers_run(void)
{
    CHECK(signal(SIGTERM, note) == SIG_DFL);
    others_send(SIGTERM);
    CHECK(caught == SIGTERM);
    CHECK(signal(SIGTERM, SIG_DFL) == note);
}

static void what_is_blocked_can_be_awaited(void)
{
    sigset_t set;
    sigset_t old;
    const struct timespec now = {0};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    others_send(SIGTERM);
    CHECK(sigtimedwait(&set, NULL, &now) == SIGTERM);
    others_send(SIGTERM);
    others_send(SIGUSR1);
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0); // and is nothing, once it is not
}

int main(int argc, char **argv)
{
    if (!CHECK(getpid() == 1)) {
        return check_end();
    }
    if (argc > 1) {
        if (strcmp(argv[1], "abort") == 0) {
            abort();
        }
        kill(getpid(), SIGTERM);
        return 1;
    }
    nothing_happens_without_a_handler();
    the_group_is_hung_up();
    handlers_run();
    what_is_blocked_can_be_awaited();
    return check_end();
}
