// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

static void remove_one(char *path, bool has_parents)
{
    if (rmdir(path) != 0) {
        tool_fail(path);
        return;
    }
    for (char *slash = strrchr(path, '/'); has_parents && slash != NULL && slash != path;
         slash = strrchr(path, '/')) {
        *slash = '\0';
        if (rmdir(path) != 0) {
            tool_fail(path);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-p] DIRECTORY...",
               "Removes empty directories; -p also those above that become empty.");
    bool has_parents = false;
    for (int c; (c = getopt(argc, argv, "p")) != -1;) {
        if (c != 'p') {
            tool_usage();
        }
        has_parents = true;
    }
    if (optind == argc) {
        tool_usage();
    }
    for (int i = optind; i < argc; i++) {
        remove_one(argv[i], has_parents);
    }
    return tool_end();
}
