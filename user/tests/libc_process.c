// SPDX-License-Identifier: Apache-2.0
/* Processes as libc starts them: fork, exec, posix_spawn with all it can do, popen, system.  Called with
 * a word as its first argument it is its own child and says what it sees. */
#include "user/tests/check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static char *self;

static int child(char **argv)
{
    if (strcmp(argv[1], "exit") == 0) {
        return atoi(argv[2]);
    }
    if (strcmp(argv[1], "print") == 0) {
        char *const value = getenv("LIBC_TEST");
        printf("%s %s\n", argv[2], value != NULL ? value : "-");
    } else if (strcmp(argv[1], "open?") == 0) {
        return fcntl(atoi(argv[2]), F_GETFD) != -1;
    } else if (strcmp(argv[1], "cwd") == 0) {
        char path[64];
        printf("%s\n", getcwd(path, sizeof path));
    } else if (strcmp(argv[1], "session") == 0) {
        return getsid(0) == getpid() ? 1 : getpgrp() == getpid() ? 2 : 0;
    } else if (strcmp(argv[1], "signals") == 0) {
        sigset_t mask;
        struct sigaction usr1;
        struct sigaction usr2;
        sigprocmask(SIG_BLOCK, NULL, &mask);
        sigaction(SIGUSR1, NULL, &usr1);
        sigaction(SIGUSR2, NULL, &usr2);
        return sigismember(&mask, SIGHUP) + 2 * (usr1.sa_handler == SIG_IGN) +
               4 * (usr2.sa_handler == SIG_IGN) + 8 * sigismember(&mask, SIGTERM);
    }
    return 0;
}

static int ended_with(pid_t pid)
{
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int spawned(const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                   const char *what, const char *argument)
{
    char *const argv[] = {self, (char *)what, (char *)argument, NULL};
    pid_t pid;
    int error = posix_spawn(&pid, self, actions, attributes, argv, environ);
    return CHECK(error == 0) ? ended_with(pid) : -error;
}

// Everything was written when this is called.
static void reads(int handle, const char *want)
{
    char text[64];
    fcntl(handle, F_SETFL, O_NONBLOCK);
    ssize_t size = read(handle, text, sizeof text - 1);
    text[size > 0 ? size : 0] = 0;
    CHECK_STR(text, want);
}

static void fork_and_exec(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl(self, self, "exit", "42", (char *)NULL);
        _exit(1);
    }
    CHECK(ended_with(pid) == 42);
    pid = vfork();
    if (pid == 0) {
        execl("/no/such/program", "x", (char *)NULL);
        _exit(errno == ENOENT ? 7 : 8);
    }
    CHECK(ended_with(pid) == 7);
    CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
}

static void spawn(void)
{
    CHECK(spawned(NULL, NULL, "exit", "3") == 3);
    pid_t pid = -5;
    char *const argv[] = {"x", NULL};
    CHECK(posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, environ) == ENOENT && pid == -5);
    CHECK(posix_spawn(&pid, "/", NULL, NULL, argv, environ) == EACCES);
    CHECK(posix_spawnp(&pid, "no-such-program", NULL, NULL, argv, environ) == ENOENT);
    CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
}

static void spawn_actions(void)
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    CHECK(pipe(ends) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&actions, ends[1], 1) == 0);
    CHECK(posix_spawn_file_actions_addclose(&actions, ends[0]) == 0);
    CHECK(posix_spawn_file_actions_addclose(&actions, ends[1]) == 0);
    setenv("LIBC_TEST", "value", 1);
    CHECK(spawned(&actions, NULL, "print", "words") == 0);
    reads(ends[0], "words value\n");
    CHECK(posix_spawn_file_actions_addchdir_np(&actions, "/tmp") == 0);
    CHECK(spawned(&actions, NULL, "cwd", NULL) == 0);
    reads(ends[0], "/tmp\n");
    posix_spawn_file_actions_destroy(&actions);

    posix_spawn_file_actions_init(&actions);
    CHECK(posix_spawn_file_actions_addopen(&actions, 9, "/dev/null", O_RDONLY, 0) == 0);
    CHECK(spawned(&actions, NULL, "open?", "9") == 1);
    CHECK(posix_spawn_file_actions_addopen(&actions, 9, "/no/such/file", O_RDONLY, 0) == 0);
    pid_t pid;
    char *const argv[] = {self, "exit", "0", NULL};
    CHECK(posix_spawn(&pid, self, &actions, NULL, argv, environ) == ENOENT);
    posix_spawn_file_actions_destroy(&actions);

    // A handle that exec would close stays open if it is "copied" onto itself, and only then.
    CHECK(fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0);
    char number[8];
    snprintf(number, sizeof number, "%d", ends[0]);
    CHECK(spawned(NULL, NULL, "open?", number) == 0);
    posix_spawn_file_actions_init(&actions);
    CHECK(posix_spawn_file_actions_adddup2(&actions, ends[0], ends[0]) == 0);
    CHECK(spawned(&actions, NULL, "open?", number) == 1);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    close(ends[1]);
}

static void spawn_attributes(void)
{
    posix_spawnattr_t attributes;
    sigset_t set;
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    CHECK(spawned(NULL, NULL, "signals", NULL) == 2 + 4 + 8);

    posix_spawnattr_init(&attributes);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    posix_spawnattr_setsigmask(&attributes, &set);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    posix_spawnattr_setsigdefault(&attributes, &set);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    CHECK(spawned(NULL, &attributes, "signals", NULL) == 1 + 2);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    CHECK(spawned(NULL, &attributes, "session", NULL) == 2);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    CHECK(spawned(NULL, &attributes, "session", NULL) == 1);
    CHECK(spawned(NULL, NULL, "session", NULL) == 0);
    posix_spawnattr_destroy(&attributes);
    sigemptyset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
}

static void shells(void)
{
    char command[128];
    snprintf(command, sizeof command, "%s print shell", self);
    FILE *pipe = popen(command, "r");
    char line[64] = "";
    CHECK(pipe != NULL && fgets(line, sizeof line, pipe) != NULL && pclose(pipe) == 0);
    CHECK_STR(line, "shell value\n");
    int status = system("exit 5");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    CHECK(system(NULL) != 0);
}

// In a session of its own; ends with what went wrong.
static void orphaned_groups(void)
{
    int ends[2] = {-1, -1};
    int status;
    pid_t stopped;
    CHECK(setsid() == getpid() && pipe(ends) == 0);
    // This group is orphaned and stays it: a member's end concerns nobody.
    stopped = fork();
    if (stopped == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    CHECK(waitpid(stopped, &status, WUNTRACED) == stopped && WIFSTOPPED(status));
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    CHECK(ended_with(pid) == 0);
    kill(stopped, SIGCONT);
    CHECK(ended_with(stopped) == 0);
    // The end of the child leaves its group orphaned, with a stopped member that is hung up.
    pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        stopped = fork();
        if (stopped == 0) {
            raise(SIGSTOP);
            write(ends[1], "went on", 7);
            _exit(0);
        }
        _exit(waitpid(stopped, &status, WUNTRACED) != stopped || !WIFSTOPPED(status));
    }
    CHECK(ended_with(pid) == 0);
    close(ends[1]);
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    CHECK(poll(&end, 1, 5000) == 1 && end.revents == POLLHUP);
    _exit(check_end());
}

static void sessions(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        orphaned_groups();
    }
    CHECK(ended_with(pid) == 0);
}

// A signal that does nothing by itself can be awaited while it is blocked.
static void ends_are_awaited(void)
{
    sigset_t set;
    sigset_t old;
    siginfo_t info;
    const struct timespec soon = {.tv_nsec = 20000000};
    const struct timespec late = {.tv_sec = 5};
    // As the first process it inherits what sessions() left behind, whose end would be told now.
    while (wait(NULL) > 0) {
    }
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);
    pid_t pid = fork();
    if (pid == 0) {
        nanosleep(&soon, NULL);
        _exit(3);
    }
    CHECK(sigtimedwait(&set, &info, &late) == SIGCHLD && info.si_pid == pid);
    CHECK(info.si_code == CLD_EXITED && info.si_status == 3);
    CHECK(ended_with(pid) == 3);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void at_the_end(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        printf("flushed at exit");
        exit(9);
    }
    CHECK(ended_with(pid) == 9);
    reads(ends[0], "flushed at exit");
    pid = fork();
    if (pid == 0) {
        abort();
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(getauxval(AT_PAGESZ) == 4096 && getauxval(AT_RANDOM) != 0 && getauxval(AT_SECURE) == 0);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1) {
        return child(argv);
    }
    fork_and_exec();
    spawn();
    spawn_actions();
    spawn_attributes();
    shells();
    at_the_end();
    sessions();
    ends_are_awaited();
    return check_end();
}
