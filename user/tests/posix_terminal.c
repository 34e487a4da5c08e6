// SPDX-License-Identifier: Apache-2.0
/*
 * What an operator sees of the console's terminal, for tests that type:
 *
 *     posix_terminal lines     answers each line that it reads, until an end of file
 *     posix_terminal session   a child leads a session on the console until a signal ends it; who it
 *                              was is told, again and again
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int answer_lines(void)
{
    char line[256];
    puts("ready");
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        printf("got <%s>\n", line);
        fflush(stdout);
    }
    puts("end");
    return EXIT_SUCCESS;
}

// Standard input is the console, which this process's child makes its own.
static void lead_session(void)
{
    if (setsid() < 0 || ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0) {
        perror("session");
        _exit(EXIT_FAILURE);
    }
    if (tcgetpgrp(STDIN_FILENO) != getpid() || tcgetsid(STDIN_FILENO) != getpid()) {
        puts("not in the foreground");
        _exit(EXIT_FAILURE);
    }
    write(STDOUT_FILENO, "running\n", 8);
    for (;;) {
        pause();
    }
}

static int run_session(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        lead_session();
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        perror("session");
        return EXIT_FAILURE;
    }
    // The console was hung up with the session: this process's own handle is at its end.
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    char byte;
    dprintf(console, "signal %d, read %zd\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            read(STDIN_FILENO, &byte, 1));
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "lines";
    return strcmp(what, "session") == 0 ? run_session() : answer_lines();
}
