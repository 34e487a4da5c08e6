// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[NAME]", "Prints the machine's name in the network, or sets it.");
    struct utsname name;
    if (argc > 2) {
        tool_usage();
    }
    if (argc == 2) {
        if (sethostname(argv[1], strlen(argv[1])) != 0) {
            tool_fail(argv[1]);
        }
    } else if (uname(&name) != 0) {
        tool_fail("uname");
    } else {
        puts(name.nodename);
    }
    return tool_end();
}
