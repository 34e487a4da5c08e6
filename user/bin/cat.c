// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

// The lines of a file with their numbers; they go on from one file to the next.
static void number_lines(FILE *in)
{
    static unsigned long line;
    static bool is_inside;
    for (int c = getc(in); c != EOF; c = getc(in)) {
        if (!is_inside) {
            printf("%6lu\t", ++line);
        }
        putchar(c);
        is_inside = c != '\n';
    }
}

static void show(const char *path, bool has_numbers)
{
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    const char *name = is_input ? "standard input" : path;
    if (fd < 0) {
        tool_fail(path);
        return;
    }
    if (has_numbers) {
        FILE *in = fdopen(fd, "r");
        if (in == NULL) {
            tool_fail(name);
            return;
        }
        number_lines(in);
        if (ferror(in)) {
            tool_fail(name);
        }
        if (!is_input) {
            fclose(in);
        }
        return;
    }
    tool_copy(fd, name, STDOUT_FILENO, "standard output");
    if (!is_input) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-nu] [FILE...]",
               "Prints files (-: standard input) one after the other; -n numbers their lines.");
    bool has_numbers = false;
    for (int c; (c = getopt(argc, argv, "nu")) != -1;) {
        switch (c) {
        case 'n': has_numbers = true; break;
        case 'u': break; // nothing is kept back anyway
        default: tool_usage();
        }
    }
    if (optind == argc) {
        show("-", has_numbers);
    }
    for (int i = optind; i < argc; i++) {
        show(argv[i], has_numbers);
    }
    return tool_end();
}
