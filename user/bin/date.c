// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/tool.h"

// "YYYY-MM-DD[ hh:mm[:ss]]" (also with a T), or "@SECONDS".
static bool parse(const char *text, time_t *out)
{
    static const char *const forms[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
                                        "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
    int64_t seconds;
    if (text[0] == '@') {
        bool is_number = tool_number(text + 1, 0, INT64_MAX / 1000000000, &seconds);
        *out = seconds;
        return is_number;
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm fields = {.tm_isdst = -1};
        const char *end = strptime(text, forms[i], &fields);
        if (end != NULL && *end == '\0') {
            *out = mktime(&fields);
            return true;
        }
    }
    return false;
}

static void print(const char *form, time_t when)
{
    char text[1024];
    text[0] = '\0';
    if (strftime(text, sizeof(text), form, localtime(&when)) == 0 && form[0] != '\0') {
        tool_die("+%s: too long", form);
    }
    puts(text);
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-u] [-d TIME | -r FILE | -s TIME] [+FORMAT]",
               "Prints the time, in UTC unless TZ says otherwise; -s sets it (YYYY-MM-DD "
               "hh:mm:ss or @SECONDS).");
    time_t when = time(NULL);
    bool sets = false;
    struct stat st;
    for (int c; (c = getopt(argc, argv, "ud:r:s:")) != -1;) {
        switch (c) {
        case 'u': setenv("TZ", "UTC0", 1); break;
        case 'r':
            if (stat(optarg, &st) != 0) {
                tool_die("%s: %s", optarg, strerror(errno));
            }
            when = st.st_mtim.tv_sec;
            break;
        case 's': sets = true; [[fallthrough]];
        case 'd':
            if (!parse(optarg, &when)) {
                tool_die("%s: not a time", optarg);
            }
            break;
        default: tool_usage();
        }
    }
    if (argc - optind > 1 || (optind < argc && argv[optind][0] != '+')) {
        tool_usage();
    }
    if (sets && clock_settime(CLOCK_REALTIME, &(struct timespec){.tv_sec = when}) != 0) {
        tool_fail("the clock");
        return tool_end();
    }
    print(optind < argc ? argv[optind] + 1 : "%a %b %e %H:%M:%S %Z %Y", when);
    return tool_end();
}
