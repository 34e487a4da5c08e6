// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "user/lib/system.h"
#include "user/lib/tool.h"

static bool is_human;

static void print_amount(uint64_t bytes)
{
    char room[16];
    if (is_human) {
        printf(" %9s", tool_size(bytes, room));
    } else {
        printf(" %9llu", (unsigned long long)(bytes / 1024));
    }
}

static void print(const struct swos_mount *m)
{
    struct statvfs s;
    if (statvfs(m->target, &s) != 0) {
        tool_fail(m->target);
        return;
    }
    uint64_t total = s.f_blocks * s.f_frsize;
    uint64_t used = total - s.f_bfree * s.f_frsize;
    uint64_t available = s.f_bavail * s.f_frsize;
    uint64_t shown = used + available;
    printf("%-14s", m->source);
    print_amount(total);
    print_amount(used);
    print_amount(available);
    printf(" %4u%% %s\n", (unsigned)(shown == 0 ? 0 : (used * 100 + shown - 1) / shown), m->target);
}

// The mount that a path lies in: the longest target that begins it.
static const struct swos_mount *mount_of(const struct swos_mount *list, size_t count,
                                         const char *path)
{
    const struct swos_mount *best = NULL;
    size_t best_len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(list[i].target);
        len -= len == 1; // the root begins everything
        bool begins =
            strncmp(list[i].target, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
        if (begins && (best == NULL || len >= best_len)) {
            best = &list[i];
            best_len = len;
        }
    }
    return best;
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-hk] [PATH...]",
               "Prints the space of file systems, all or those of paths, in KiB.");
    struct swos_mount *list;
    size_t count;
    for (int c; (c = getopt(argc, argv, "hk")) != -1;) {
        switch (c) {
        case 'h': is_human = true; break;
        case 'k': is_human = false; break;
        default: tool_usage();
        }
    }
    if (!system_mounts(&list, &count)) {
        tool_fail("mounts");
        return tool_end();
    }
    printf("%-14s %9s %9s %9s %5s %s\n", "Filesystem", is_human ? "Size" : "KiB", "Used",
           "Available", "Use%", "Mounted on");
    for (size_t i = 0; optind == argc && i < count; i++) {
        print(&list[i]);
    }
    for (int i = optind; i < argc; i++) {
        char *path = realpath(argv[i], NULL);
        const struct swos_mount *m = path == NULL ? NULL : mount_of(list, count, path);
        if (m == NULL) {
            tool_fail(argv[i]);
        } else {
            print(m);
        }
        free(path);
    }
    free(list);
    return tool_end();
}
