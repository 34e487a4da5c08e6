// SPDX-License-Identifier: Apache-2.0
/* The corners of processes that only signals, groups and odd numbers reach. */
#include "user/tests/check.h"

#include <fcntl.h>
#include <limits.h>
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void numbers_of_nobody(void)
{
    siginfo_t info;
    CHECK(kill(INT_MIN, 0) == -1 && errno == ESRCH);
    CHECK(waitpid(INT_MIN, NULL, 0) == -1 && errno == ECHILD);
    CHECK(waitid(P_PID, INT_MIN, &info, WEXITED) == -1 && errno == EINVAL);
    CHECK(waitid(P_PGID, INT_MIN, &info, WEXITED) == -1 && errno == EINVAL);
    CHECK(waitid(P_ALL, INT_MIN, &info, WEXITED) == -1 &&
          errno == ECHILD); // the number is not looked at
}

static void stores_identifiers(void)
{
    static volatile int in_child;
    static int in_parent;
    long pid = syscall(SYS_clone, CLONE_CHILD_SETTID | CLONE_PARENT_SETTID | SIGCHLD, 0L,
                       &in_parent, 0L, &in_child);
    if (pid == 0) {
        _exit(in_child == (int)syscall(SYS_getpid) ? 3 : 4);
    }
    int status = -1;
    CHECK(waitpid((pid_t)pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
    CHECK(in_parent == pid && in_child == 0);
}

// The parent of a vfork that lasts can be killed while it waits.
static void a_parent_in_vfork_can_be_killed(void)
{
    int ready[2] = {-1, -1};
    int hold[2] = {-1, -1};
    char byte;
    int status = -1;
    CHECK(pipe(ready) == 0 && pipe(hold) == 0);
    pid_t parent = fork();
    if (parent == 0) {
        pid_t child = vfork();
        if (child == 0) {
            write(ready[1], "x", 1);
            close(hold[1]);
            read(hold[0], &byte, 1);
            _exit(0);
        }
        _exit(0);
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    CHECK(kill(parent, SIGKILL) == 0 && waitpid(parent, &status, 0) == parent);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(hold[1]);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
    }
    close(hold[0]);
}

// Whose parent is in another session: SIGTSTP does nothing to it, SIGSTOP does.
static void orphaned_groups_do_not_stop(void)
{
    int said[2] = {-1, -1};
    int alive[2] = {-1, -1}; // its writing end goes with the leader
    char word[8] = "";
    CHECK(pipe(said) == 0 && pipe(alive) == 0);
    pid_t leader = fork();
    if (leader == 0) {
        leader = getpid();
        setsid();
        pid_t pid = fork();
        if (pid == 0) {
            setpgid(0, 0);
            close(alive[1]);
            read(alive[0], word, 1);
            while (getppid() == leader) { // its handles go just before
                sched_yield();
            }
            raise(SIGTSTP);
            write(said[1], "on", 2);
            raise(SIGSTOP);
            write(said[1], "!!", 2);
            _exit(0);
        }
        snprintf(word, sizeof word, "%d", pid);
        write(said[1], word, sizeof word);
        _exit(0);
    }
    int status = -1;
    close(alive[1]);
    CHECK(waitpid(leader, &status, 0) == leader && status == 0);
    CHECK(read(said[0], word, sizeof word) == sizeof word);
    pid_t orphan = atoi(word);
    CHECK(read(said[0], word, sizeof word) == 2 && memcmp(word, "on", 2) == 0);
    struct timespec pause = {.tv_nsec = 20000000};
    fcntl(said[0], F_SETFL, O_NONBLOCK);
    nanosleep(&pause, NULL);
    CHECK(read(said[0], word, sizeof word) == -1 && errno == EAGAIN);
    CHECK(kill(orphan, SIGKILL) == 0);
    close(said[0]);
    close(said[1]);
    close(alive[0]);
}

static volatile int order[2];
static volatile int handled;

static void note(int signal)
{
    order[handled++] = signal;
}

// The handler of what an instruction did is entered first, so others run on top of it.
static void faults_come_first(void)
{
    sigset_t both;
    sigset_t old;
    sigemptyset(&both);
    sigaddset(&both, SIGHUP);
    sigaddset(&both, SIGSEGV);
    signal(SIGHUP, note);
    signal(SIGSEGV, note);
    sigprocmask(SIG_BLOCK, &both, &old);
    CHECK(raise(SIGHUP) == 0 && raise(SIGSEGV) == 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK(handled == 2 && order[0] == SIGHUP && order[1] == SIGSEGV);
    signal(SIGHUP, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
}

int main(void)
{
    numbers_of_nobody();
    stores_identifiers();
    a_parent_in_vfork_can_be_killed();
    orphaned_groups_do_not_stop();
    faults_come_first();
    return check_end();
}
