// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/lib/tool.h"

extern char **environ;

static bool is_forced;
static bool asks;
static bool never_replaces;

static bool run(char *const words[])
{
    pid_t pid;
    int status;
    int failed = posix_spawnp(&pid, words[0], NULL, NULL, words, environ);
    if (failed != 0) {
        errno = failed;
        tool_fail(words[0]);
        return false;
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

// To another file system: a copy, and the original goes only once the copy is whole.
static void move_across(char *from, char *to)
{
    char *const copying[] = {"cp", "-a", from, to, NULL};
    char *const removing[] = {"rm", "-rf", from, NULL};
    if (!run(copying) || !run(removing)) {
        tool_warn("%s: not moved to %s", from, to);
    }
}

static bool is_agreed(const char *to)
{
    struct stat st;
    if (lstat(to, &st) != 0) {
        return true;
    }
    if (never_replaces) {
        return false;
    }
    bool is_protected = !S_ISLNK(st.st_mode) && access(to, W_OK) != 0 && isatty(STDIN_FILENO);
    if (!asks && (is_forced || !is_protected)) {
        return true;
    }
    (void)fprintf(stderr, "mv: replace %s? ", to);
    char answer[16];
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static void move(char *from, char *to)
{
    if (!is_agreed(to)) {
        return;
    }
    if (rename(from, to) == 0) {
        return;
    }
    if (errno == EXDEV) {
        move_across(from, to);
    } else {
        tool_fail(from);
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-fin] FROM... TO",
               "Renames files and directories, or moves them into a directory; -i asks, -n never "
               "replaces.");
    for (int c; (c = getopt(argc, argv, "fin")) != -1;) {
        switch (c) {
        case 'f':
            is_forced = true;
            asks = never_replaces = false;
            break;
        case 'i':
            asks = true;
            is_forced = never_replaces = false;
            break;
        case 'n': never_replaces = true; break;
        default: tool_usage();
        }
    }
    if (argc - optind < 2) {
        tool_usage();
    }
    char *to = argv[argc - 1];
    struct stat st;
    bool is_directory = stat(to, &st) == 0 && S_ISDIR(st.st_mode);
    if (argc - optind > 2 && !is_directory) {
        tool_die("%s: not a directory", to);
    }
    for (int i = optind; i < argc - 1; i++) {
        char *place = is_directory ? tool_join(to, tool_base(argv[i])) : NULL;
        move(argv[i], place != NULL ? place : to);
        free(place);
    }
    return tool_end();
}
