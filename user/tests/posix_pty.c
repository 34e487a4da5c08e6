// SPDX-License-Identifier: Apache-2.0
/*
 * Terminals from outside, through a pseudo-terminal (POSIX.1-2024 XBD 11): what is typed at the
 * master, what a program at the other end reads, is shown, and is sent as signals.
 */
#define _GNU_SOURCE
#include "user/tests/check.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

static int master = -1;
static int slave = -1;

static void open_pair(void)
{
    CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
}

static void close_pair(void)
{
    close(master);
    close(slave);
}

static void type(const char *text)
{
    CHECK(write(master, text, strlen(text)) == (ssize_t)strlen(text));
}

static void change(tcflag_t input_off, tcflag_t output_off, tcflag_t local_off, int min, int time)
{
    struct termios t;
    CHECK(tcgetattr(slave, &t) == 0);
    t.c_iflag &= ~input_off;
    t.c_oflag &= ~output_off;
    t.c_lflag &= ~local_off;
    if ((local_off & ICANON) != 0) {
        t.c_cc[VMIN] = (cc_t)min;
        t.c_cc[VTIME] = (cc_t)time;
    }
    CHECK(tcsetattr(slave, TCSANOW, &t) == 0);
}

// What `fd` gives at once, within a second; "" for the end or nothing.
static const char *reads(int fd)
{
    static char text[512];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t size = poll(&p, 1, 1000) == 1 ? read(fd, text, sizeof text - 1) : 0;
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static int is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* ---- Lines ---- */

static void lines_are_edited(void)
{
    open_pair();
    CHECK(isatty(slave) && !is_readable(slave));
    type("ab\x7f"
         "c");
    CHECK(!is_readable(slave)); // a line is not there before its end
    type("\r");
    CHECK_STR(reads(slave), "ac\n");
    CHECK_STR(reads(master), "ab\b \bc\r\n");
    type("gone\x15"
         "kept words\x17\n"); // kill the line, erase the last word
    CHECK_STR(reads(slave), "kept \n");
    (void)reads(master);
    type("\x16\x03\n"); // the next is taken as it is
    CHECK_STR(reads(slave), "\x03\n");
    (void)reads(master);
    struct termios t;
    CHECK(tcgetattr(slave, &t) == 0);
    t.c_iflag |= IUTF8;
    CHECK(tcsetattr(slave, TCSANOW, &t) == 0);
    type("x\xc3\xa9\x7f\n"); // one erase takes both bytes
    CHECK_STR(reads(slave), "x\n");
    CHECK_STR(reads(master), "x\xc3\xa9\b \b\r\n");
    close_pair();
}

static void ends_of_files(void)
{
    char text[16];
    open_pair();
    type("part\x04");
    CHECK(read(slave, text, sizeof text) == 4 && memcmp(text, "part", 4) == 0);
    type("\x04");
    CHECK(read(slave, text, sizeof text) == 0);
    type("two\nlines\n");
    CHECK(read(slave, text, sizeof text) == 4); // one line a read
    CHECK(read(slave, text, 2) == 2 && read(slave, text, sizeof text) == 4);
    close_pair();
}

static void a_long_line_loses_what_does_not_fit(void)
{
    static char line[6000];
    open_pair();
    change(0, 0, ECHO, 0, 0);
    memset(line, 'l', sizeof line);
    fcntl(master, F_SETFL, O_NONBLOCK);
    for (size_t done = 0; done < sizeof line;) {
        ssize_t n = write(master, line + done, sizeof line - done);
        if (n <= 0) {
            break;
        }
        done += (size_t)n;
    }
    type("\n");
    ssize_t size = read(slave, line, sizeof line);
    CHECK(size >= _POSIX_MAX_CANON && line[size - 1] == '\n');
    close_pair();
}

/* ---- Raw input ---- */

static void raw_input_comes_as_min_and_time_say(void)
{
    char text[16];
    struct timespec start;
    open_pair();
    change(ICRNL, 0, ICANON | ECHO | ISIG, 0, 0);
    CHECK(read(slave, text, sizeof text) == 0); // nothing, at once
    type("\r\x03");
    CHECK(read(slave, text, sizeof text) == 2 && text[0] == '\r' && text[1] == 3);

    change(0, 0, ICANON, 0, 2);
    clock_gettime(CLOCK_MONOTONIC, &start);
    CHECK(read(slave, text, sizeof text) == 0 && elapsed_ms(&start) >= 190);

    change(0, 0, ICANON, 3, 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct timespec pause = {.tv_nsec = 30000000};
        for (int i = 0; i < 3; i++) {
            nanosleep(&pause, NULL);
            write(master, "m", 1);
        }
        _exit(0);
    }
    CHECK(read(slave, text, sizeof text) == 3);
    CHECK(waitpid(pid, NULL, 0) == pid);

    change(0, 0, ICANON, 5, 1);
    type("ab"); // the time runs from the first byte on
    clock_gettime(CLOCK_MONOTONIC, &start);
    CHECK(read(slave, text, sizeof text) == 2 && elapsed_ms(&start) < 900);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    CHECK(read(slave, text, sizeof text) == -1 && errno == EAGAIN);
    close_pair();
}

static void output_is_processed_and_can_be_raw(void)
{
    open_pair();
    CHECK(write(slave, "a\nb", 3) == 3);
    CHECK_STR(reads(master), "a\r\nb");
    change(0, OPOST, 0, 0, 0);
    CHECK(write(slave, "a\nb", 3) == 3);
    CHECK_STR(reads(master), "a\nb");
    type("\x13"); // stop
    fcntl(slave, F_SETFL, O_NONBLOCK);
    (void)write(slave, "held", 4);
    CHECK(!is_readable(master));
    type("\x11"); // go on
    fcntl(slave, F_SETFL, 0);
    CHECK(write(slave, "free", 4) == 4);
    const char *seen = reads(master);
    CHECK(strcmp(seen, "heldfree") == 0 || strcmp(seen, "free") == 0 || strcmp(seen, "held") == 0);
    close_pair();
}

static void queues_can_be_flushed(void)
{
    int count = -1;
    open_pair();
    type("line\n");
    CHECK(ioctl(slave, FIONREAD, &count) == 0 && count == 5);
    CHECK(tcflush(slave, TCIFLUSH) == 0 && !is_readable(slave));
    CHECK(tcdrain(slave) == 0 || errno == EINTR);
    CHECK(tcflow(slave, TCOOFF) == 0 && tcflow(slave, TCOON) == 0);
    CHECK(tcsendbreak(slave, 0) == 0);
    CHECK(tcflush(slave, 77) == -1 && errno == EINVAL);
    close_pair();
}

/* ---- Jobs ---- */

static volatile sig_atomic_t last_signal;

static void note(int signal)
{
    last_signal = signal;
}

// Runs `job` in a session of its own whose terminal the pair is; gives what it ends with.
static int in_session(int (*job)(void))
{
    int status = -1;
    open_pair();
    pid_t pid = fork();
    if (pid == 0) {
        close(master);
        check_failures = 0;
        if (login_tty(slave) != 0) {
            _exit(99);
        }
        slave = 0;
        int result = job();
        _exit(result != 0 ? result : check_failures != 0 ? 98 : 0);
    }
    close(slave);
    slave = -1;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        struct pollfd p = {.fd = master, .events = POLLIN};
        if (poll(&p, 1, 1000) == 1 && (p.revents & POLLIN) != 0) {
            // Each line that begins with ? says what to type.
            for (const char *said = reads(master); (said = strchr(said, '?')) != NULL;) {
                size_t size = strcspn(++said, "\r\n");
                CHECK(write(master, said, size) == (ssize_t)size);
            }
        } else if ((p.revents & POLLHUP) != 0) {
            CHECK(waitpid(pid, &status, 0) == pid);
            break;
        }
    }
    close(master);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void ask(const char *what)
{
    dprintf(1, "?%s\n", what);
}

// A child in a group of its own, in the foreground or not, that does `act` and ends with its result.
static pid_t start_job(int in_front, int (*act)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        if (in_front) {
            signal(SIGTTOU, SIG_IGN);
            tcsetpgrp(0, getpid());
            signal(SIGTTOU, SIG_DFL);
        }
        _exit(act());
    }
    setpgid(pid, pid);
    return pid;
}

static int wait_for_signal(void)
{
    for (;;) {
        pause();
    }
}

static int interrupt_key(void)
{
    signal(SIGINT, note);
    struct termios t;
    tcgetattr(0, &t);
    t.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(0, TCSANOW, &t);
    sigset_t set;
    sigset_t old;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, &old);
    ask("\x03");
    sigsuspend(&old);
    return last_signal == SIGINT ? 0 : 1;
}

static int quiet(void)
{
    struct termios t;
    tcgetattr(0, &t);
    t.c_lflag &= ~(tcflag_t)ECHO;
    return tcsetattr(0, TCSANOW, &t);
}

static int keys_reach_the_foreground_group(void)
{
    int status = 0;
    quiet();
    signal(SIGTTOU, SIG_IGN);
    pid_t pid = start_job(1, wait_for_signal);
    while (tcgetpgrp(0) != pid) {
        sched_yield();
    }
    ask("\x1a");
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
          WSTOPSIG(status) == SIGTSTP);
    CHECK(kill(-pid, SIGCONT) == 0);
    CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
    ask("\x1c");
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT);
    CHECK(tcsetpgrp(0, getpgrp()) == 0 && tcgetpgrp(0) == getpgrp());
    return 0;
}

static int read_terminal(void)
{
    char byte;
    return read(0, &byte, 1) == 1 && byte == 'r' ? 7 : 8;
}

static int background_reads_stop(void)
{
    int status = 0;
    quiet();
    signal(SIGTTOU, SIG_IGN);
    pid_t pid = start_job(0, read_terminal);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
          WSTOPSIG(status) == SIGTTIN);
    CHECK(tcsetpgrp(0, pid) == 0 && kill(-pid, SIGCONT) == 0);

    ask("r\x04");
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    return 0;
}

static int read_ignoring(void)
{
    char byte;
    signal(SIGTTIN, SIG_IGN);
    return read(0, &byte, 1) == -1 && errno == EIO ? 5 : 6;
}

static int write_terminal(void)
{
    return write(1, "w", 1) == 1 ? 4 : 3;
}

static int background_writes_stop_if_told(void)
{
    int status = 0;
    struct termios t;
    pid_t pid = start_job(0, write_terminal);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 4);
    CHECK(tcgetattr(0, &t) == 0);
    t.c_lflag |= TOSTOP;
    CHECK(tcsetattr(0, TCSANOW, &t) == 0);
    pid = start_job(0, write_terminal);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
          WSTOPSIG(status) == SIGTTOU);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    pid = start_job(0, read_ignoring);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5);
    return 0;
}

static int only_groups_of_the_session_come_to_the_front(void)
{
    CHECK(tcgetsid(0) == getpid());
    CHECK(tcsetpgrp(0, getppid()) == -1 && errno == EPERM);
    CHECK(tcsetpgrp(0, -4) == -1 && errno == EINVAL);
    int again = open("/dev/tty", O_RDWR);
    CHECK(again >= 0 && isatty(again) && close(again) == 0);
    CHECK(ttyname(0) != NULL && strncmp(ttyname(0), "/dev/pts/", 9) == 0);
    return 0;
}

static void changed_size(void)
{
    struct winsize size = {.ws_row = 33, .ws_col = 99};
    struct winsize seen = {0};
    open_pair();
    CHECK(ioctl(slave, TIOCGWINSZ, &seen) == 0);
    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0);
    CHECK(ioctl(slave, TIOCGWINSZ, &seen) == 0 && seen.ws_row == 33 && seen.ws_col == 99);
    close_pair();
}

static int size_changes_are_told(void)
{
    struct winsize size = {.ws_row = 10, .ws_col = 20};
    sigset_t set;
    sigset_t old;
    signal(SIGWINCH, note);
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, &old);
    CHECK(ioctl(0, TIOCSWINSZ, &size) == 0);
    sigsuspend(&old);
    return last_signal == SIGWINCH ? 0 : 1;
}

// The other side goes away: SIGHUP to the leader, and ends of files for who reads.
static void hang_up(void)
{
    int status = -1;
    open_pair();
    int ready[2] = {-1, -1};
    CHECK(pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        close(master);
        if (login_tty(dup(slave)) != 0) {
            _exit(1);
        }
        signal(SIGHUP, note);
        write(ready[1], "r", 1);
        (void)read(0, &byte, 1); // ended by the signal, or by the end
        ssize_t size = read(0, &byte, 1);
        _exit(size == 0 && last_signal == SIGHUP && write(1, "x", 1) == -1 && errno == EIO ? 0 : 2);
    }
    char byte;
    close(slave);
    CHECK(read(ready[0], &byte, 1) == 1);
    close(master);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(ready[0]);
    close(ready[1]);
}

static void the_master_sees_the_end(void)
{
    char byte;
    open_pair();
    CHECK(write(slave, "last", 4) == 4 && close(slave) == 0);
    CHECK_STR(reads(master), "last");
    struct pollfd p = {.fd = master, .events = POLLIN};
    CHECK(poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0);
    CHECK(read(master, &byte, 1) == -1 && errno == EIO);
    close(master);
}

static void names_and_locks(void)
{
    int m = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(m >= 0);
    const char *name = ptsname(m);
    CHECK(name != NULL);
    if (name != NULL) {
        CHECK(open(name, O_RDWR | O_NOCTTY) == -1 && errno == EIO); // locked
        CHECK(grantpt(m) == 0 && unlockpt(m) == 0);
        int s = open(name, O_RDWR | O_NOCTTY);
        CHECK(s >= 0 && isatty(s) && !isatty(-1));
        close(s);
        close(m);
        CHECK(open(name, O_RDWR | O_NOCTTY) == -1 && errno == ENOENT);
    }
}

int main(void)
{
    lines_are_edited();
    ends_of_files();
    a_long_line_loses_what_does_not_fit();
    raw_input_comes_as_min_and_time_say();
    output_is_processed_and_can_be_raw();
    queues_can_be_flushed();
    changed_size();
    CHECK(in_session(interrupt_key) == 0);
    CHECK(in_session(keys_reach_the_foreground_group) == 0);
    CHECK(in_session(background_reads_stop) == 0);
    CHECK(in_session(background_writes_stop_if_told) == 0);
    CHECK(in_session(only_groups_of_the_session_come_to_the_front) == 0);
    CHECK(in_session(size_changes_are_told) == 0);
    hang_up();
    the_master_sees_the_end();
    names_and_locks();
    return check_end();
}
