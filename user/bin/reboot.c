// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "user/lib/system.h"
#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "", "Resets the machine, once what was written is on its medium.");
    if (argc > 1) {
        tool_usage();
    }
    sync();
    system_power(true);
    tool_fail("reset");
    return tool_end();
}
