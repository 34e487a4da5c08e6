// SPDX-License-Identifier: Apache-2.0
/* Limits of a process on the size of files (RLIMIT_FSIZE): what fits is written, then there is an error
 * and a signal. */
#define _GNU_SOURCE
#include "user/tests/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 10 };

static volatile sig_atomic_t caught;

static void note(int signal)
{
    (void)signal;
    caught++;
}

// Whether the last call was refused for the limit, with one signal.
static int is_refused(long result)
{
    int was_told = caught == 1;
    caught = 0;
    return result == -1 && errno == EFBIG && was_told;
}

static int open_file(void)
{
    int fd = open("/tmp/limited", O_CREAT | O_RDWR | O_TRUNC, 0600);
    CHECK(fd >= 0);
    return fd;
}

static void writes_stop_at_the_limit(void)
{
    static const char text[] = "sixteen letters.";
    char *const read_back = calloc(1, sizeof text);
    int fd = open_file();
    CHECK(write(fd, text, 16) == LIMIT && caught == 0);
    CHECK(is_refused(write(fd, text, 1)));
    CHECK(pwrite(fd, text, 4, 8) == 2);
    CHECK(is_refused(pwrite(fd, text, 1, LIMIT)) && pwrite(fd, text, 0, LIMIT) == 0);
    CHECK(pread(fd, read_back, 16, 0) == LIMIT && memcmp(read_back, "sixteen si", LIMIT) == 0);
    CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0 && is_refused(write(fd, text, 1)));
    CHECK(pwrite(fd, text, 1, -1) == -1 && errno == EINVAL);
    free(read_back);
    close(fd);
}

static void sizes_stop_at_the_limit(void)
{
    int fd = open_file();
    CHECK(ftruncate(fd, LIMIT) == 0 && is_refused(ftruncate(fd, LIMIT + 1)));
    CHECK(is_refused(truncate("/tmp/limited", LIMIT + 1)));
    CHECK(is_refused(fallocate(fd, 0, LIMIT, 1)) && ftruncate(fd, 0) == 0);
    close(fd);
}

static void pipes_have_no_size(void)
{
    int ends[2] = {-1, -1};
    CHECK(pipe(ends) == 0 && write(ends[1], "more than ten letters", 21) == 21 && caught == 0);
    close(ends[0]);
    close(ends[1]);
}

static void the_signal_ends_who_does_not_handle_it(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGXFSZ, SIG_DFL);
        _exit((int)pwrite(open_file(), "x", 1, LIMIT));
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
}

int main(void)
{
    struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    signal(SIGXFSZ, note);
    writes_stop_at_the_limit();
    sizes_stop_at_the_limit();
    pipes_have_no_size();
    the_signal_ends_who_does_not_handle_it();
    CHECK(unlink("/tmp/limited") == 0);
    return check_end();
}
