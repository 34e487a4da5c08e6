// SPDX-License-Identifier: Apache-2.0
/* No escapes: what is written is what comes out.  printf has them. */
#include <stdio.h>
#include <string.h>

#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-n] [WORD...]", "Prints the words; -n leaves the line end out.");
    int first = 1;
    bool ends_line = true;
    if (argc > 1 && strcmp(argv[1], "-n") == 0) {
        ends_line = false;
        first = 2;
    }
    for (int i = first; i < argc; i++) {
        printf("%s%s", i > first ? " " : "", argv[i]);
    }
    if (ends_line) {
        (void)putchar('\n');
    }
    return tool_end();
}
