// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

static void show(FILE *in, int64_t count, bool counts_bytes)
{
    for (int c; count > 0 && (c = getc(in)) != EOF;) {
        (void)putchar(c);
        count -= counts_bytes || c == '\n';
    }
}

static void show_path(const char *path, int64_t count, bool counts_bytes)
{
    bool is_input = strcmp(path, "-") == 0;
    FILE *in = is_input ? stdin : fopen(path, "re");
    if (in == NULL) {
        tool_fail(path);
        return;
    }
    show(in, count, counts_bytes);
    if (ferror(in)) {
        tool_fail(path);
    }
    if (!is_input) {
        (void)fclose(in); // only read
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-n LINES | -c BYTES | -LINES] [FILE...]",
               "Prints the first lines (10) or bytes of files.");
    int64_t count = 10;
    bool counts_bytes = false;
    int first = 1;
    if (argc > 1 && argv[1][0] == '-' && argv[1][1] >= '0' && argv[1][1] <= '9') {
        if (!tool_number(argv[1] + 1, 0, INT64_MAX, &count)) {
            tool_usage();
        }
        first = optind = 2;
    }
    for (int c; (c = getopt(argc, argv, "n:c:")) != -1;) {
        counts_bytes = c == 'c';
        if (c == '?' || !tool_number(optarg, 0, INT64_MAX, &count)) {
            tool_usage();
        }
    }
    first = optind > first ? optind : first;
    if (first == argc) {
        show_path("-", count, counts_bytes);
    }
    for (int i = first; i < argc; i++) {
        if (argc - first > 1) {
            printf("%s==> %s <==\n", i > first ? "\n" : "", argv[i]);
        }
        show_path(argv[i], count, counts_bytes);
    }
    return tool_end();
}
