// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

enum { CANNOT_RUN = 126, NOT_FOUND = 127 };

extern char **environ;

// Sets what NAME=VALUE says.
static void set(char *word, char *equals)
{
    *equals = '\0';
    if (setenv(word, equals + 1, 1) != 0) {
        tool_die("%s=%s: %s", word, equals + 1,
                 word[0] == '\0' ? "not a variable" : strerror(errno));
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-i] [-u NAME]... [NAME=VALUE]... [COMMAND [ARGUMENT]...]",
               "Runs a command in a changed environment, or prints that.");
    for (int c; (c = getopt(argc, argv, "+iu:")) != -1;) {
        switch (c) {
        case 'i': clearenv(); break;
        case 'u': unsetenv(optarg); break;
        default: tool_usage();
        }
    }
    for (char *equals; optind < argc && (equals = strchr(argv[optind], '=')) != NULL; optind++) {
        set(argv[optind], equals);
    }
    if (optind < argc) {
        execvp(argv[optind], argv + optind);
        int why = errno;
        tool_fail(argv[optind]);
        return why == ENOENT ? NOT_FOUND : CANNOT_RUN;
    }
    for (char **at = environ; at != NULL && *at != NULL; at++) {
        puts(*at);
    }
    return tool_end();
}
