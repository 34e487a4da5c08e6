// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

// Makes what is missing above the last component.
static bool make_parents(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        tool_fail(path);
        return false;
    }
    bool is_made = true;
    for (char *slash = strchr(copy + 1, '/'); is_made && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            tool_fail(copy);
            is_made = false;
        }
        *slash = '/';
    }
    free(copy);
    return is_made;
}

static void make(const char *path, const char *mode, bool has_parents)
{
    struct stat st;
    if (has_parents && !make_parents(path)) {
        return;
    }
    if (mkdir(path, 0777) != 0) {
        bool is_there = errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        if (!has_parents || !is_there) {
            errno = is_there ? EEXIST : errno;
            tool_fail(path);
        }
        return;
    }
    mode_t bits;
    if (mode != NULL && (!tool_parse_mode(mode, 0777, true, &bits) || chmod(path, bits) != 0)) {
        tool_fail(path);
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-p] [-m MODE] DIRECTORY...",
               "Makes directories; -p also those above, and is content with what is there.");
    const char *mode = NULL;
    bool has_parents = false;
    mode_t unused;
    for (int c; (c = getopt(argc, argv, "pm:")) != -1;) {
        switch (c) {
        case 'p': has_parents = true; break;
        case 'm': mode = optarg; break;
        default: tool_usage();
        }
    }
    if (optind == argc) {
        tool_usage();
    }
    if (mode != NULL && !tool_parse_mode(mode, 0777, true, &unused)) {
        tool_die("%s: not a mode", mode);
    }
    for (int i = optind; i < argc; i++) {
        make(argv[i], mode, has_parents);
    }
    return tool_end();
}
