// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

// PWD, if it is an absolute path without . and .. that leads here.
static const char *logical_path(void)
{
    const char *path = getenv("PWD");
    struct stat here;
    struct stat there;
    if (path == NULL || path[0] != '/' || strstr(path, "/./") != NULL ||
        strstr(path, "/../") != NULL || stat(path, &there) != 0 || stat(".", &here) != 0 ||
        here.st_ino != there.st_ino || here.st_dev != there.st_dev) {
        return NULL;
    }
    return path;
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-LP]", "Prints the working directory; -P without symbolic links.");
    bool is_physical = false;
    for (int c; (c = getopt(argc, argv, "LP")) != -1;) {
        switch (c) {
        case 'L': is_physical = false; break;
        case 'P': is_physical = true; break;
        default: tool_usage();
        }
    }
    const char *path = is_physical ? NULL : logical_path();
    char found[PATH_MAX];
    if (path == NULL) {
        path = getcwd(found, sizeof(found));
    }
    if (path == NULL) {
        tool_fail(".");
    } else {
        puts(path);
    }
    return tool_end();
}
