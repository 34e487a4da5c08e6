// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

enum { OPEN_DIRECTORIES = 64 };

static bool is_forced;
static bool asks;

static bool is_agreed(const char *path, const struct stat *st)
{
    bool is_protected = !S_ISLNK(st->st_mode) && access(path, W_OK) != 0;
    if (is_forced || (!asks && !(is_protected && isatty(STDIN_FILENO)))) {
        return true;
    }
    (void)fprintf(stderr, "rm: remove %s%s? ", is_protected ? "write-protected " : "", path);
    char answer[16];
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *)
{
    if (kind == FTW_NS || kind == FTW_DNR) {
        tool_fail(path);
        return 0;
    }
    if (is_agreed(path, st) && (kind == FTW_DP ? rmdir(path) : unlink(path)) != 0) {
        tool_fail(path);
    }
    return 0;
}

// What rm must not take: the root, and what the caller stands in.
static bool is_refused(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *last = slash != NULL ? slash + 1 : path;
    struct stat root;
    struct stat st;
    if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        return true;
    }
    return stat("/", &root) == 0 && lstat(path, &st) == 0 && root.st_ino == st.st_ino &&
           root.st_dev == st.st_dev;
}

static void remove_path(const char *path, bool is_recursive)
{
    struct stat st;
    if (is_refused(path)) {
        tool_warn("%s: will not be removed", path);
        return;
    }
    if (lstat(path, &st) != 0) {
        if (!is_forced || errno != ENOENT) {
            tool_fail(path);
        }
        return;
    }
    if (S_ISDIR(st.st_mode)) {
        if (!is_recursive) {
            errno = EISDIR;
            tool_fail(path);
        } else if (nftw(path, visit, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS) != 0) {
            tool_fail(path);
        }
        return;
    }
    if (is_agreed(path, &st) && unlink(path) != 0) {
        tool_fail(path);
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-fiRr] PATH...",
               "Removes files, -r also directories with what is in them; -f ignores what is not "
               "there, -i asks.");
    bool is_recursive = false;
    for (int c; (c = getopt(argc, argv, "fiRr")) != -1;) {
        switch (c) {
        case 'f': is_forced = true; break;
        case 'i': asks = true; break;
        case 'R':
        case 'r': is_recursive = true; break;
        default: tool_usage();
        }
    }
    if (optind == argc && !is_forced) {
        tool_usage();
    }
    for (int i = optind; i < argc; i++) {
        remove_path(argv[i], is_recursive);
    }
    return tool_end();
}
