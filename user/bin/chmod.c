// SPDX-License-Identifier: Apache-2.0
#include <ftw.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

enum { OPEN_DIRECTORIES = 64 };

static const char *wanted;

static void change(const char *path, const struct stat *st)
{
    mode_t mode;
    if (tool_parse_mode(wanted, st->st_mode, S_ISDIR(st->st_mode), &mode) &&
        chmod(path, mode) != 0) {
        tool_fail(path);
    }
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *)
{
    if (kind == FTW_NS || kind == FTW_DNR) {
        tool_fail(path);
    } else if (!S_ISLNK(st->st_mode)) {
        change(path, st);
    }
    return 0;
}

// The mode may begin with a minus, which is no option then.
static bool is_mode(const char *word)
{
    mode_t unused;
    return tool_parse_mode(word, 0, false, &unused);
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-R] MODE FILE...",
               "Changes permissions: octal, or as u+rwx,g-w,o=; -R of all below directories too.");
    bool is_recursive = false;
    int at = 1;
    while (at < argc && argv[at][0] == '-' && !is_mode(argv[at])) {
        if (strcmp(argv[at], "--") != 0 && strcmp(argv[at], "-R") != 0) {
            tool_usage();
        }
        is_recursive |= argv[at][1] == 'R';
        at++;
    }
    if (argc - at < 2) {
        tool_usage();
    }
    wanted = argv[at];
    if (!is_mode(wanted)) {
        tool_die("%s: not a mode", wanted);
    }
    for (int i = at + 1; i < argc; i++) {
        struct stat st;
        if (is_recursive) {
            if (nftw(argv[i], visit, OPEN_DIRECTORIES, FTW_PHYS) != 0) {
                tool_fail(argv[i]);
            }
        } else if (stat(argv[i], &st) != 0) {
            tool_fail(argv[i]);
        } else {
            change(argv[i], &st);
        }
    }
    return tool_end();
}
