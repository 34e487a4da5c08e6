// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <unistd.h>

#include "user/lib/system.h"
#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-r]",
               "Switches the machine off (-r: resets it), once what was written is on its medium.");
    bool resets = false;
    for (int c; (c = getopt(argc, argv, "hPr")) != -1;) {
        switch (c) {
        case 'h':
        case 'P': break;
        case 'r': resets = true; break;
        default: tool_usage();
        }
    }
    if (optind < argc && strcmp(argv[optind], "now") != 0) {
        tool_usage();
    }
    sync();
    system_power(resets);
    tool_fail(resets ? "reset" : "power off");
    return tool_end();
}
