// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "", "Clears the screen (ECMA-48: cursor home, erase in page).");
    (void)fputs("\033[H\033[2J\033[3J", stdout);
    return tool_end();
}
