// SPDX-License-Identifier: Apache-2.0
#include <ftw.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

enum { OPEN_DIRECTORIES = 64 };

static uid_t owner = (uid_t)-1;
static gid_t group = (gid_t)-1;

static int visit(const char *path, const struct stat *, int kind, struct FTW *)
{
    if (kind == FTW_NS || kind == FTW_DNR || lchown(path, owner, group) != 0) {
        tool_fail(path);
    }
    return 0;
}

// OWNER, OWNER:GROUP, OWNER: or :GROUP.
static bool parse(char *text)
{
    char *colon = strchr(text, ':');
    if (colon != NULL) {
        *colon = '\0';
        if (colon[1] != '\0' && !tool_find_group(colon + 1, &group)) {
            return false;
        }
    }
    return *text == '\0' ? colon != NULL : tool_find_owner(text, &owner);
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-hR] [OWNER][:GROUP] FILE...",
               "Changes the owner (a principal) and group; -h of a link itself, -R of all below.");
    bool is_recursive = false;
    bool is_link = false;
    for (int c; (c = getopt(argc, argv, "hR")) != -1;) {
        switch (c) {
        case 'h': is_link = true; break;
        case 'R': is_recursive = true; break;
        default: tool_usage();
        }
    }
    if (argc - optind < 2) {
        tool_usage();
    }
    if (!parse(argv[optind])) {
        tool_die("%s: no such principal or group", argv[optind]);
    }
    for (int i = optind + 1; i < argc; i++) {
        int failed;
        if (is_recursive) {
            failed = nftw(argv[i], visit, OPEN_DIRECTORIES, FTW_PHYS);
        } else {
            failed = is_link ? lchown(argv[i], owner, group) : chown(argv[i], owner, group);
        }
        if (failed != 0) {
            tool_fail(argv[i]);
        }
    }
    return tool_end();
}
