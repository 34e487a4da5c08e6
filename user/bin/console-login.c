// SPDX-License-Identifier: Apache-2.0
/*
 * A login on the system's console: asks who is there, becomes that principal, starts the shell in its
 * place.  The end of the shell is the end of the session; swos-init then starts the next login.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "abi/gen/syscall_stubs.h"
#include "abi/records.h"
#include "user/lib/account.h"
#include "user/lib/password.h"
#include "user/lib/system.h"

#define TERMINAL "/dev/console"

enum { DELAY_MAX_SECONDS = 16, NAME_MAX_BYTES = ACCOUNT_NAME_SIZE, CONTROL = 0x1f };

// What an unknown name's password is compared with, so that an answer takes as long as for a known one.
static const char nobody[] = "$argon2id$v=19$m=4096,t=3,p=1$"
                             "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

// ---- The terminal ----

static const struct termios sane = {
    .c_iflag = ICRNL | IXON | IMAXBEL | IUTF8,
    .c_oflag = OPOST | ONLCR,
    .c_cflag = B38400 | CS8 | CREAD | HUPCL,
    .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .c_cc =
        {
            [VINTR] = 'C' & CONTROL,
            [VQUIT] = '\\' & CONTROL,
            [VERASE] = 0x7f,
            [VKILL] = 'U' & CONTROL,
            [VEOF] = 'D' & CONTROL,
            [VMIN] = 1,
            [VSTART] = 'Q' & CONTROL,
            [VSTOP] = 'S' & CONTROL,
            [VSUSP] = 'Z' & CONTROL,
            [VREPRINT] = 'R' & CONTROL,
            [VWERASE] = 'W' & CONTROL,
            [VLNEXT] = 'V' & CONTROL,
        },
};

// A session of its own on a terminal of its own, as standard input, output and error.
static bool take_terminal(void)
{
    (void)setsid(); // fails for who leads a session already
    int terminal = open(TERMINAL, O_RDWR | O_NOCTTY);
    if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0) {
        return false;
    }
    for (int handle = STDIN_FILENO; handle <= STDERR_FILENO; handle++) {
        if (terminal != handle && dup2(terminal, handle) < 0) {
            return false;
        }
    }
    if (terminal > STDERR_FILENO) {
        close(terminal);
    }
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &sane) == 0;
}

static void set_echo(bool is_on)
{
    struct termios t = sane;
    if (!is_on) {
        t.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    }
    tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

// Keyboard signals mean nothing to a login; the shell finds them as they were.
static void set_keyboard_signals(void (*handler)(int))
{
    (void)signal(SIGINT, handler);
    (void)signal(SIGQUIT, handler);
    (void)signal(SIGTSTP, handler);
}

static bool is_hung_up(void)
{
    struct pollfd terminal = {.fd = STDIN_FILENO};
    return poll(&terminal, 1, 0) == 1 && (terminal.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

// A line without its end; what is too long is cut.  False: only an end of file was typed, or nothing
// will come any more, which ends the program.
static bool read_line(char *out, size_t size)
{
    size_t used = 0;
    char c = '\0';
    bool is_some = false;
    while (c != '\n') {
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (n == 1) {
            is_some = true;
            if (c != '\n' && used < size - 1) {
                out[used++] = c;
            }
        } else if (n == 0 || errno != EINTR) {
            if (is_hung_up() || n < 0) {
                exit(EXIT_SUCCESS);
            }
            break;
        }
    }
    out[used] = '\0';
    return is_some;
}

static void print(const char *text)
{
    (void)fputs(text, stdout);
    (void)fflush(stdout);
}

// ---- Who is there ----

enum answer { ANSWER_NOBODY, ANSWER_WRONG, ANSWER_RIGHT };

static enum answer ask(struct account *out)
{
    char name[NAME_MAX_BYTES];
    char password[PASSWORD_MAX];
    print("swift-os login: ");
    if (!read_line(name, sizeof(name))) {
        print("\n"); // an end of file is not echoed
        return ANSWER_NOBODY;
    }
    if (name[0] == '\0') {
        return ANSWER_NOBODY;
    }
    set_echo(false); // before anybody who waits for the prompt types
    print("Password: ");
    bool is_given = read_line(password, sizeof(password));
    print("\n");
    set_echo(true);
    bool is_known = account_find(name, out);
    bool matches = password_matches(is_known ? out->password : nobody, password);
    password_wipe(password, sizeof(password));
    return is_known && is_given && matches ? ANSWER_RIGHT : ANSWER_WRONG;
}

// Who guesses waits longer each time.
static void log_in(struct account *out)
{
    unsigned delay = 1;
    enum answer answer = ask(out);
    while (answer != ANSWER_RIGHT) {
        if (answer == ANSWER_WRONG) {
            sleep(delay);
            delay = delay * 2 < DELAY_MAX_SECONDS ? delay * 2 : DELAY_MAX_SECONDS;
            tcflush(STDIN_FILENO, TCIFLUSH); // guesses typed ahead
            print("Login incorrect\n");
        }
        answer = ask(out);
    }
}

// ---- The session ----

// Whole, as the account itself may not be allowed to read it.
static char *read_motd(void)
{
    struct stat state;
    int file = open("/etc/motd", O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &state) != 0) {
        return NULL;
    }
    char *text = calloc(1, (size_t)state.st_size + 1);
    if (text != NULL && read(file, text, (size_t)state.st_size) < 0) {
        text[0] = '\0';
    }
    close(file);
    return text;
}

static bool become(const struct account *who)
{
    struct swos_identity identity = {
        .principal = who->principal,
        .group = who->principal,
        .session = who->session,
        .caps = who->caps,
    };
    // The terminal is theirs while they use it.  Where devices cannot be given away it still is by
    // the handles that the shell gets.
    (void)!fchown(STDIN_FILENO, who->principal, who->principal);
    int64_t status = sys_set_identity(&identity, sizeof(identity));
    if (status < 0) {
        (void)fprintf(stderr, "console-login: %s: %s\n", who->name, strerror((int)-status));
        return false;
    }
    return true;
}

static bool set_environment(const struct account *who, const char *home)
{
    const char *terminal = getenv("TERM");
    char kept[32];
    (void)snprintf(kept, sizeof(kept), "%s", terminal != NULL ? terminal : "vt100");
    clearenv();
    return setenv("HOME", home, 1) == 0 && setenv("USER", who->name, 1) == 0 &&
           setenv("LOGNAME", who->name, 1) == 0 && setenv("SHELL", who->shell, 1) == 0 &&
           setenv("TERM", kept, 1) == 0 && setenv("PATH", "/bin:/usr/bin:/sbin:/usr/sbin", 1) == 0;
}

static void greet(const struct account *who, const char *motd)
{
    struct swos_identity identity;
    printf("Welcome to swift-os, %s\n", who->name);
    if (system_identity(&identity)) {
        printf("session: principal=%u session=%u caps=%u\n", identity.principal, identity.session,
               identity.caps);
    }
    printf("%s", motd == NULL ? "" : motd);
    (void)fflush(stdout);
}

[[noreturn]] static void start_shell(const struct account *who)
{
    char name[sizeof(who->shell) + 1];
    const char *base = strrchr(who->shell, '/');
    (void)snprintf(name, sizeof(name), "-%s", base == NULL ? who->shell : base + 1);
    char *const arguments[] = {name, NULL};
    execv(who->shell, arguments);
    (void)fprintf(stderr, "console-login: %s: %s\n", who->shell, strerror(errno));
    sleep(1);
    _exit(EXIT_FAILURE);
}

int main(void)
{
    struct account who;
    char home[256];
    if (!take_terminal()) {
        perror("console-login: " TERMINAL);
        return EXIT_FAILURE;
    }
    set_keyboard_signals(SIG_IGN);
    log_in(&who);
    account_home(who.name, home, sizeof(home));
    char *motd = read_motd();
    if (!become(&who) || !set_environment(&who, home)) {
        return EXIT_FAILURE;
    }
    if (chdir(home) != 0 && chdir("/") != 0) {
        perror("console-login: /");
    }
    greet(&who, motd);
    free(motd);
    set_keyboard_signals(SIG_DFL);
    start_shell(&who);
}
