// SPDX-License-Identifier: Apache-2.0
#include <sys/mount.h>
#include <unistd.h>

#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "DIRECTORY...", "Unmounts what is mounted on each directory.");
    if (getopt(argc, argv, "") != -1 || optind == argc) {
        tool_usage();
    }
    for (int i = optind; i < argc; i++) {
        if (umount(argv[i]) != 0) {
            tool_fail(argv[i]);
        }
    }
    return tool_end();
}
