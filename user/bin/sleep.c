// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <time.h>

#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "DURATION...",
               "Waits for the sum of the durations: seconds, or with a suffix s, m, h, d.");
    double sum = 0;
    if (argc < 2) {
        tool_usage();
    }
    for (int i = 1; i < argc; i++) {
        double seconds;
        if (!tool_duration(argv[i], &seconds)) {
            tool_die("%s: not a duration", argv[i]);
        }
        sum += seconds;
    }
    struct timespec left = {.tv_sec = (time_t)sum};
    left.tv_nsec = (long)((sum - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0) {
        if (errno != EINTR) {
            tool_fail("sleep");
            break;
        }
    }
    return tool_end();
}
