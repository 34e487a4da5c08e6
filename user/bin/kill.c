// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/lib/tool.h"

static const char *const names[] = {
    [SIGHUP] = "HUP",       [SIGINT] = "INT",   [SIGQUIT] = "QUIT",   [SIGILL] = "ILL",
    [SIGTRAP] = "TRAP",     [SIGABRT] = "ABRT", [SIGBUS] = "BUS",     [SIGFPE] = "FPE",
    [SIGKILL] = "KILL",     [SIGUSR1] = "USR1", [SIGSEGV] = "SEGV",   [SIGUSR2] = "USR2",
    [SIGPIPE] = "PIPE",     [SIGALRM] = "ALRM", [SIGTERM] = "TERM",   [SIGCHLD] = "CHLD",
    [SIGCONT] = "CONT",     [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",   [SIGTTIN] = "TTIN",
    [SIGTTOU] = "TTOU",     [SIGURG] = "URG",   [SIGXCPU] = "XCPU",   [SIGXFSZ] = "XFSZ",
    [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH", [SIGIO] = "IO",
    [SIGPWR] = "PWR",       [SIGSYS] = "SYS",
};

enum { NAMES = sizeof(names) / sizeof(names[0]), SIGNAL_MAX = 64, STATUS_OF_SIGNAL = 128 };

static bool parse_signal(const char *text, int *out)
{
    int64_t number;
    if (tool_number(text, 0, SIGNAL_MAX, &number)) {
        *out = (int)number;
        return true;
    }
    if (strncasecmp(text, "SIG", 3) == 0) {
        text += 3;
    }
    for (int i = 1; i < NAMES; i++) {
        if (names[i] != NULL && strcasecmp(text, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

// All names, or those of numbers and of exit statuses that name a signal.
static void list(int count, char **words)
{
    for (int i = 1; count == 0 && i < NAMES; i++) {
        if (names[i] != NULL) {
            printf("%2d %s\n", i, names[i]);
        }
    }
    for (int i = 0; i < count; i++) {
        int64_t number;
        int signal;
        if (!tool_number(words[i], 1, STATUS_OF_SIGNAL + SIGNAL_MAX, &number)) {
            if (parse_signal(words[i], &signal)) {
                printf("%d\n", signal);
            } else {
                tool_warn("%s: not a signal", words[i]);
            }
            continue;
        }
        number -= number > STATUS_OF_SIGNAL ? STATUS_OF_SIGNAL : 0;
        if (number < NAMES && names[number] != NULL) {
            puts(names[number]);
        } else {
            printf("%d\n", (int)number);
        }
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-s SIGNAL | -SIGNAL] PID... | -l [NUMBER...]",
               "Sends a signal (TERM) to processes, or to process groups by negative numbers.");
    int signal = SIGTERM;
    int first = 1;
    if (argc > 1 && strcmp(argv[1], "-l") == 0) {
        list(argc - 2, argv + 2);
        return tool_end();
    }
    if (argc > 2 && (strcmp(argv[1], "-s") == 0 || strcmp(argv[1], "-n") == 0)) {
        if (!parse_signal(argv[2], &signal)) {
            tool_die("%s: not a signal", argv[2]);
        }
        first = 3;
    } else if (argc > 1 && argv[1][0] == '-' && strcmp(argv[1], "--") != 0) {
        if (!parse_signal(argv[1] + 1, &signal)) {
            tool_die("%s: not a signal", argv[1] + 1);
        }
        first = 2;
    }
    first += first < argc && strcmp(argv[first], "--") == 0;
    if (first >= argc) {
        tool_usage();
    }
    for (int i = first; i < argc; i++) {
        int64_t pid;
        if (!tool_number(argv[i], INT32_MIN, INT32_MAX, &pid)) {
            tool_warn("%s: not a process identifier", argv[i]);
        } else if (kill((pid_t)pid, signal) != 0) {
            tool_fail(argv[i]);
        }
    }
    return tool_end();
}
