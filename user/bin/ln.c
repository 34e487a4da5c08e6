// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

static bool is_symbolic;
static bool is_forced;

static void make(const char *target, const char *name)
{
    if (is_forced) {
        unlink(name);
    }
    if ((is_symbolic ? symlink(target, name) : linkat(AT_FDCWD, target, AT_FDCWD, name, 0)) != 0) {
        tool_fail(name);
    }
}

int main(int argc, char **argv)
{
    tool_begin(
        argc, argv, "[-fns] TARGET... NAME",
        "Makes links; -s symbolic ones, -f replaces, -n treats NAME as the link that it is.");
    bool is_name_itself = false;
    for (int c; (c = getopt(argc, argv, "fns")) != -1;) {
        switch (c) {
        case 'f': is_forced = true; break;
        case 'n': is_name_itself = true; break;
        case 's': is_symbolic = true; break;
        default: tool_usage();
        }
    }
    int count = argc - optind;
    if (count < 1) {
        tool_usage();
    }
    const char *last = count == 1 ? "." : argv[argc - 1];
    struct stat st;
    bool is_directory =
        (is_name_itself ? lstat(last, &st) : stat(last, &st)) == 0 && S_ISDIR(st.st_mode);
    if (count > 2 && !is_directory) {
        tool_die("%s: not a directory", last);
    }
    for (int i = optind; i < (count == 1 ? argc : argc - 1); i++) {
        const char *slash = strrchr(argv[i], '/');
        char *place = is_directory ? tool_join(last, slash != NULL ? slash + 1 : argv[i]) : NULL;
        make(argv[i], place != NULL ? place : last);
        free(place);
    }
    return tool_end();
}
