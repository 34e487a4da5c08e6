// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[FILE...]",
               "Waits until what was written, in all files or these, is on its medium.");
    if (argc == 1) {
        sync();
    }
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fsync(fd) != 0) {
            tool_fail(argv[i]);
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return tool_end();
}
