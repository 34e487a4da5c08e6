// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/tool.h"

// [[CC]YY]MMDDhhmm[.ss] in local time.
static bool parse_stamp(const char *text, struct timespec *out)
{
    static const char *const forms[] = {"%Y%m%d%H%M", "%Y%m%d%H%M.%S", "%y%m%d%H%M", "%m%d%H%M"};
    static const size_t sizes[] = {12, 15, 10, 8};
    time_t now = time(NULL);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm fields = *localtime(&now);
        fields.tm_sec = 0;
        fields.tm_isdst = -1;
        const char *end = strlen(text) == sizes[i] ? strptime(text, forms[i], &fields) : NULL;
        if (end != NULL && *end == '\0') {
            *out = (struct timespec){.tv_sec = mktime(&fields)};
            return true;
        }
    }
    return false;
}

static void touch(const char *path, bool creates, const struct timespec times[2])
{
    if (utimensat(AT_FDCWD, path, times, 0) == 0) {
        return;
    }
    if (errno != ENOENT) {
        tool_fail(path);
        return;
    }
    if (!creates) {
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || futimens(fd, times) != 0) {
        tool_fail(path);
    }
    if (fd >= 0) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-acm] [-r FILE | -t [[CC]YY]MMDDhhmm[.ss]] FILE...",
               "Sets the times of files to now, or to those of -r or -t, and makes files that are "
               "missing.");
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
    bool creates = true;
    bool sets_access = false;
    bool sets_change = false;
    struct stat st;
    for (int c; (c = getopt(argc, argv, "acmr:t:")) != -1;) {
        switch (c) {
        case 'a': sets_access = true; break;
        case 'm': sets_change = true; break;
        case 'c': creates = false; break;
        case 'r':
            if (stat(optarg, &st) != 0) {
                tool_die("%s: %s", optarg, strerror(errno));
            }
            times[0] = st.st_atim;
            times[1] = st.st_mtim;
            break;
        case 't':
            if (!parse_stamp(optarg, &times[0])) {
                tool_die("%s: not a time", optarg);
            }
            times[1] = times[0];
            break;
        default: tool_usage();
        }
    }
    if (optind == argc) {
        tool_usage();
    }
    if (sets_access != sets_change) {
        times[sets_access ? 1 : 0].tv_nsec = UTIME_OMIT;
    }
    for (int i = optind; i < argc; i++) {
        touch(argv[i], creates, times);
    }
    return tool_end();
}
