// SPDX-License-Identifier: Apache-2.0
/*
 * The first process: keeps a login on the console, and waits for everything that loses its parent.
 * It never becomes anything else, because all others hang from it.
 *
 * It holds no terminal: the console is hung up at the end of each session, and what it has to say goes
 * to a console that is opened for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const login_path = "/bin/console-login";

enum {
    SHORT_LIFE_SECONDS = 1, // who ends sooner is started again after a pause
    PAUSE_MAX_SECONDS = 30,
};

[[gnu::format(printf, 1, 2)]] static void say(const char *format, ...)
{
    va_list arguments;
    int console = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (console < 0) {
        return; // nobody to say it to
    }
    va_start(arguments, format);
    dprintf(console, "swos-init: ");
    vdprintf(console, format, arguments);
    dprintf(console, "\n");
    va_end(arguments);
    close(console);
}

// The login inherits everything that this process may; what it passes on, it decides by account.
static pid_t start_login(void)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    char *const arguments[] = {(char *)(uintptr_t)login_path, NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(login_path, arguments);
    say("%s: %s", login_path, strerror(errno));
    _exit(127);
}

// Waits until `pid` has ended; all other children that end on the way are gone then.
static void reap_until(pid_t pid)
{
    pid_t ended;
    do {
        ended = waitpid(-1, NULL, 0);
    } while (ended != pid && (ended > 0 || errno == EINTR));
}

static time_t now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

int main(void)
{
    unsigned pause = 0;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL); // nobody's signals end the system
    for (;;) {
        time_t started = now();
        pid_t login = start_login();
        if (login < 0) {
            say("cannot start a login: %s", strerror(errno));
        } else {
            reap_until(login);
        }
        if (now() - started > SHORT_LIFE_SECONDS) {
            pause = 0;
        } else {
            sleep(pause);
            pause = pause == 0 ? 1 : pause * 2 < PAUSE_MAX_SECONDS ? pause * 2 : PAUSE_MAX_SECONDS;
        }
    }
}
