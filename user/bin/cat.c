// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

// The lines of a file with their numbers; they go on from one file to the next.
static void number_lines(FILE *in, const char *name)
{
    static unsigned long line;
    static bool is_inside;
    for (int c = getc(in); c != EOF; c = getc(in)) {
        if (!is_inside) {
            printf("%6lu\t", ++line);
        }
        (void)putchar(c);
        is_inside = c != '\n';
    }
    if (ferror(in)) {
        tool_fail(name);
    }
}

static void show_numbered(const char *path)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        tool_fail(path);
        return;
    }
    number_lines(in, path);
    (void)fclose(in); // only read
}

static void show_plain(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        tool_fail(path);
        return;
    }
    tool_copy(fd, path, STDOUT_FILENO, "standard output");
    close(fd);
}

static void show(const char *path, bool has_numbers)
{
    bool is_input = strcmp(path, "-") == 0;
    if (is_input && has_numbers) {
        number_lines(stdin, "standard input");
    } else if (is_input) {
        tool_copy(STDIN_FILENO, "standard input", STDOUT_FILENO, "standard output");
    } else if (has_numbers) {
        show_numbered(path);
    } else {
        show_plain(path);
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
