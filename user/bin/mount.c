// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "user/lib/system.h"
#include "user/lib/tool.h"

static void list_mounts(void)
{
    struct swos_mount *list;
    size_t count;
    if (!system_mounts(&list, &count)) {
        tool_fail("mounts");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        printf("%s on %s type %s (%s)\n", list[i].source, list[i].target, list[i].type,
               list[i].is_read_only ? "ro" : "rw");
    }
    free(list);
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[[-r] [-t TYPE] [-o OPTIONS] SOURCE DIRECTORY]",
               "Mounts a file system, or lists those that are mounted.");
    const char *type = "tmpfs";
    const char *options = "";
    unsigned long flags = 0;
    for (int c; (c = getopt(argc, argv, "rt:o:")) != -1;) {
        switch (c) {
        case 'r': flags |= MS_RDONLY; break;
        case 't': type = optarg; break;
        case 'o': options = optarg; break;
        default: tool_usage();
        }
    }
    if (argc == 1) {
        list_mounts();
    } else if (argc - optind != 2) {
        tool_usage();
    } else if (mount(argv[optind], argv[optind + 1], type, flags, options) != 0) {
        tool_fail(argv[optind + 1]);
    }
    return tool_end();
}
