// SPDX-License-Identifier: Apache-2.0
/*
 * The first process: keeps a login on the console and, where there is a network, who sets it up; and waits
 * for everything that loses its parent.  It never becomes anything else, because all others hang from it.
 *
 * It holds no terminal: the console is hung up at the end of each session, and what it has to say goes
 * to a console that is opened for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// What is started again whenever it ends.  The login inherits everything that this process may; what it
// passes on, it decides by account.
struct keeper {
    const char *path;
    pid_t pid; // 0: not started
    time_t started;
    unsigned pause; // seconds before it is started anew
};

static struct keeper login = {.path = "/bin/console-login"};
static struct keeper network = {.path = "/bin/swos-netd"};

enum {
    SHORT_LIFE_SECONDS = 1, // who ends sooner is started again after a pause
    PAUSE_MAX_SECONDS = 30,
    FIRST_LINK = 2, // 1 is loopback
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

static time_t now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

// The pause is the child's, so that nobody else waits for it.
static void start(struct keeper *k)
{
    k->started = now() + k->pause;
    k->pid = fork();
    if (k->pid != 0) {
        return;
    }
    char *const arguments[] = {(char *)(uintptr_t)k->path, NULL};
    sigset_t none;
    sleep(k->pause);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(k->path, arguments);
    say("%s: %s", k->path, strerror(errno));
    _exit(127);
}

static void start_again(struct keeper *k)
{
    if (now() - k->started > SHORT_LIFE_SECONDS) {
        k->pause = 0;
    } else {
        k->pause = k->pause == 0                      ? 1
                   : k->pause * 2 < PAUSE_MAX_SECONDS ? k->pause * 2
                                                      : PAUSE_MAX_SECONDS;
    }
    start(k);
}

static bool has_network(void)
{
    struct ifreq request = {.ifr_ifindex = FIRST_LINK};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = s >= 0 && ioctl(s, SIOCGIFNAME, &request) == 0;
    if (s >= 0) {
        close(s);
    }
    return has;
}

// Waits until one of those that are kept has ended; all other children that end on the way are gone then.
static struct keeper *reap(void)
{
    for (;;) {
        pid_t ended = waitpid(-1, NULL, 0);
        if (ended > 0 && ended == network.pid) {
            return &network;
        }
        if ((ended > 0 && ended == login.pid) || (ended < 0 && errno != EINTR)) {
            return &login;
        }
    }
}

int main(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL); // nobody's signals end the system
    start(&login);
    // Nobody waits for the network: the login is there before it.
    if (has_network()) {
        start(&network);
    }
    for (;;) {
        if (login.pid < 0) {
            say("cannot start a login: %s", strerror(errno));
            sleep(1);
            start_again(&login);
        } else {
            start_again(reap());
        }
    }
}
