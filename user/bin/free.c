// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <unistd.h>

#include "user/lib/system.h"
#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    tool_begin(
        argc, argv, "[-bkmh]",
        "Prints memory: in all, used, free, and cached content of files, in KiB unless told.");
    unsigned shift = 10;
    bool is_human = false;
    struct system_memory m;
    for (int c; (c = getopt(argc, argv, "bkmh")) != -1;) {
        switch (c) {
        case 'b': shift = 0; break;
        case 'k': shift = 10; break;
        case 'm': shift = 20; break;
        case 'h': is_human = true; break;
        default: tool_usage();
        }
    }
    if (!system_memory(&m)) {
        tool_fail("memory");
        return tool_end();
    }
    const uint64_t values[] = {m.total_bytes, m.total_bytes - m.free_bytes - m.cached_bytes,
                               m.free_bytes, m.cached_bytes, m.free_bytes + m.cached_bytes};
    printf("%-6s%12s%12s%12s%12s%12s\n%-6s", "", "total", "used", "free", "cached", "available",
           "Mem:");
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char room[16];
        if (is_human) {
            printf("%12s", tool_size(values[i], room));
        } else {
            printf("%12llu", (unsigned long long)(values[i] >> shift));
        }
    }
    (void)putchar('\n');
    return tool_end();
}
